"""How the endpoints of an environment are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.plan.drift import WELL, Health, Retirement, health, in_order
from provisioner.plan.model import FORMAT_VERSION, Target, WorkspaceRef
from provisioner.plan.standing import NOWHERE, Standing, standing
from provisioner.wire.answers import Live
from provisioner.wire.requests import invocation_url


@dataclass(frozen=True)
class EndpointStatus:
    """How one endpoint is."""

    name: str
    health: Health
    version: int
    """Version of the configuration that serves; 0 = none yet."""
    id: str
    invocation_url: str
    messages: tuple[str, ...]
    """What the service says about served entities that failed."""
    standing: Standing = NOWHERE


@dataclass(frozen=True)
class Status:
    """How all endpoints of an environment are, sorted by name."""

    environment: str
    project: str
    workspace: WorkspaceRef
    endpoints: tuple[EndpointStatus, ...]
    retirements: tuple[Retirement, ...] = ()
    """The next one first."""
    name_prefix: str = ""
    """What this environment puts before the names of its endpoints."""
    format_version: int = FORMAT_VERSION

    @property
    def healthy(self) -> bool:
        """Whether every endpoint serves."""
        return all(endpoint.health in WELL for endpoint in self.endpoints)

    @property
    def summary(self) -> dict[str, int]:
        """How many endpoints are how."""
        return dict(Counter(endpoint.health.value for endpoint in self.endpoints))


def status(
    found: Iterable[Live],
    host: str,
    target: Target,
    retirements: Iterable[Retirement] = (),
    name_prefix: str = "",
) -> Status:
    """The state of endpoints on a host."""
    return Status(
        environment=target.environment,
        project=target.project,
        workspace=target.workspace,
        endpoints=tuple(
            EndpointStatus(
                name=live.name,
                health=health(live),
                version=live.version,
                id=live.id,
                invocation_url=invocation_url(host, live.name),
                messages=tuple(f"{entity}: {message}" for entity, message in live.failures),
                standing=standing(live),
            )
            for live in found
        ),
        retirements=in_order(retirements),
        name_prefix=name_prefix,
    )
