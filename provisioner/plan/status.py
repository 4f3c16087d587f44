"""How the endpoints of an environment are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.plan.drift import WELL, Health, Retirement, health, in_order
from provisioner.plan.model import FORMAT_VERSION, Target, WorkspaceRef
from provisioner.plan.standing import NOWHERE, InRollout, Standing, Withheld, standing
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
    rollout: InRollout | None = None
    """``None`` = no declared rollout is under way."""
    unread: str = ""
    """Why nothing is known of it; empty = it was read, or is not there."""
    unread_code: str = ""
    """Code of the error for which; ``permission-denied`` = the caller may not read it."""


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
        """Whether every endpoint serves that could be read."""
        return all(endpoint.health in WELL or endpoint.unread for endpoint in self.endpoints)

    @property
    def summary(self) -> dict[str, int]:
        """How many endpoints are how."""
        return dict(Counter(endpoint.health.value for endpoint in self.endpoints))


def status(
    found: Iterable[EndpointStatus],
    target: Target,
    retirements: Iterable[Retirement] = (),
    name_prefix: str = "",
) -> Status:
    """How the endpoints of an environment are."""
    return Status(
        environment=target.environment,
        project=target.project,
        workspace=target.workspace,
        endpoints=tuple(sorted(found, key=lambda endpoint: endpoint.name)),
        retirements=in_order(retirements),
        name_prefix=name_prefix,
    )


def of_live(live: Live, host: str, rollout: InRollout | None = None) -> EndpointStatus:
    """How an endpoint on a host is."""
    return EndpointStatus(
        name=live.name,
        health=health(live),
        version=live.version,
        id=live.id,
        invocation_url=invocation_url(host, live.name),
        messages=tuple(f"{entity}: {message}" for entity, message in live.failures),
        standing=standing(live),
        rollout=rollout,
    )


def of_missing(name: str, withheld: Withheld | None = None) -> EndpointStatus:
    """An endpoint that is gone, or that could not be read."""
    if withheld is None:
        return EndpointStatus(name, Health.ABSENT, 0, "", "", ())
    unread, code = withheld.why, withheld.code
    return EndpointStatus(name, Health.UNKNOWN, 0, "", "", (), unread=unread, unread_code=code)
