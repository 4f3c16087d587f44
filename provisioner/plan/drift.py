"""Drift: where the workspace is not what is declared, and whether it is well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from provisioner import __version__
from provisioner.diff import Cause, Effect
from provisioner.errors import Problem, Where
from provisioner.plan.model import (
    FORMAT_VERSION,
    Action,
    Change,
    EndpointPlan,
    Plan,
    WorkspaceRef,
)
from provisioner.plan.standing import NOWHERE, Standing, Withheld, standing
from provisioner.wire.answers import FAILED, Live

_NOTHING: Mapping[str, Withheld] = MappingProxyType({})


class Sync(str, Enum):
    """How an endpoint's configuration stands to its declaration."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    MISSING = "missing"
    """It was applied, and is gone."""
    PENDING = "pending"
    """The declaration moved and was not applied yet."""
    REPLACED_OUTSIDE = "replaced_outside"
    """Another endpoint now has its name."""
    UNMANAGED = "unmanaged"
    """It exists and is not this project's."""
    UNREADABLE = "unreadable"
    """It could not be looked at."""


class Health(str, Enum):
    """How an endpoint is, whatever its configuration."""

    READY = "ready"
    NOT_READY = "not_ready"
    UPDATING = "updating"
    UPDATE_FAILED = "update_failed"
    STOPPED = "stopped"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It could not be looked at."""


WELL = frozenset({Health.READY, Health.UPDATING})
"""The states in which an endpoint serves."""


@dataclass(frozen=True)
class EndpointDrift:
    """One endpoint of the comparison."""

    name: str
    config: Sync
    health: Health
    changes: tuple[Change, ...] = ()
    """Differences in managed fields; ``before`` is live, ``after`` declared."""
    messages: tuple[str, ...] = ()
    """What the service says about served entities that failed."""
    unread: str = ""
    """What could not be read, and so was not compared; empty = all was."""
    unread_code: str = ""
    """Code of the error for which; ``permission-denied`` = the caller may not read it."""
    action: Action = Action.NONE
    """What a plan would do."""
    standing: Standing = NOWHERE


@dataclass(frozen=True)
class Retirement:
    """A model that is in use and is gone, or will be, on a day that is known."""

    endpoint: str
    model: str
    on: str
    """ISO date."""
    days: int
    """From the day of the comparison; negative = it is over."""
    replacement: str = ""
    """Empty = none is announced."""
    source: Where | None = None


@dataclass(frozen=True)
class Drift:
    """A whole environment compared with its workspace."""

    environment: str
    project: str
    workspace: WorkspaceRef
    endpoints: tuple[EndpointDrift, ...]
    summary: dict[str, int]
    problems: tuple[Problem, ...] = ()
    retirements: tuple[Retirement, ...] = ()
    """The next one first."""
    name_prefix: str = ""
    """What this environment puts before the names of its endpoints."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def in_sync(self) -> bool:
        """Whether nothing differs that is declared and could be read."""
        return all(found.config in _NO_DRIFT for found in self.endpoints)

    @property
    def healthy(self) -> bool:
        """Whether every managed endpoint serves that could be read."""
        return all(
            found.health in WELL or found.config in {Sync.UNMANAGED, Sync.UNREADABLE}
            for found in self.endpoints
        )

    @property
    def complete(self) -> bool:
        """Whether everything that is declared could be read."""
        return not any(found.unread for found in self.endpoints)


_ALL_READ = Withheld("", "")
_NO_DRIFT = frozenset({Sync.IN_SYNC, Sync.UNMANAGED, Sync.UNREADABLE})


def assess(
    plan: Plan,
    live: Mapping[str, Live],
    remembered_ids: Mapping[str, str],
    unmanaged: Iterable[str] = (),
    *,
    unreadable: Mapping[str, Withheld] = _NOTHING,
    unread_permissions: Mapping[str, Withheld] = _NOTHING,
    retirements: Iterable[Retirement] = (),
    name_prefix: str = "",
) -> Drift:
    """Read drift off a plan; ``remembered_ids`` are those of the last apply.

    ``unreadable`` are endpoints that are not in the plan because they could not be
    read, ``unread_permissions`` those that were compared without permissions; each
    with the reason.
    """
    found = [
        EndpointDrift(
            name=entry.name,
            config=sync_of(entry, live.get(entry.name), remembered_ids),
            health=health(live.get(entry.name)),
            changes=entry.changes if entry.action is not Action.CREATE else (),
            messages=_messages(live.get(entry.name)),
            unread=unread_permissions.get(entry.name, _ALL_READ).why,
            unread_code=unread_permissions.get(entry.name, _ALL_READ).code,
            action=entry.action,
            standing=standing(live.get(entry.name)),
        )
        for entry in plan.endpoints
    ]
    found += [
        EndpointDrift(name, Sync.UNREADABLE, Health.UNKNOWN, unread=it.why, unread_code=it.code)
        for name, it in unreadable.items()
    ]
    found += [EndpointDrift(name, Sync.UNMANAGED, Health.READY) for name in unmanaged]
    counts = {sync.value: 0 for sync in Sync}
    for endpoint in found:
        counts[endpoint.config.value] += 1
    return Drift(
        environment=plan.environment,
        project=plan.project,
        workspace=plan.workspace,
        endpoints=tuple(sorted(found, key=lambda endpoint: endpoint.name)),
        summary=counts,
        problems=plan.problems,
        retirements=in_order(retirements),
        name_prefix=name_prefix,
    )


def in_order(retirements: Iterable[Retirement]) -> tuple[Retirement, ...]:
    """The next one first."""
    return tuple(sorted(retirements, key=lambda one: (one.on, one.endpoint, one.model)))


def sync_of(entry: EndpointPlan, live: Live | None, remembered: Mapping[str, str]) -> Sync:
    """How an endpoint stands to its declaration; ``remembered`` are ids of the last apply."""
    if live is None:
        return Sync.MISSING if entry.name in remembered else Sync.PENDING
    if entry.name in remembered and remembered[entry.name] != live.id:
        return Sync.REPLACED_OUTSIDE
    if entry.action is Action.RETIRE or (entry.action is Action.BLOCKED and not entry.declared):
        return Sync.PENDING if not entry.blocked_by else Sync.DRIFTED
    differing = [change for change in entry.changes if change.effect is not Effect.NONE]
    if not differing and entry.action is not Action.ADOPT:
        return Sync.IN_SYNC
    drifted = any(change.cause is not Cause.SPEC for change in differing)
    return Sync.DRIFTED if drifted or not differing else Sync.PENDING


def _messages(live: Live | None) -> tuple[str, ...]:
    failures = live.failures if live else ()
    return tuple(f"{entity}: {message}" for entity, message in failures)


def health(live: Live | None) -> Health:
    """How an endpoint is."""
    if live is None:
        return Health.ABSENT
    if live.stopped:
        return Health.STOPPED
    if live.updating:
        return Health.UPDATING
    if live.update in FAILED:
        return Health.UPDATE_FAILED
    return Health.READY if live.ready or "config" not in live.document else Health.NOT_READY
