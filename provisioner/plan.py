"""The plan: what to do with each endpoint, decided in full.

A plan is plain data that can be saved, reviewed and applied elsewhere. One step
is exactly one API call; applying decides nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from provisioner import __version__
from provisioner.diff import Cause, Comparison, Difference, Effect, Reason, Scope, compare
from provisioner.errors import Problem, Where
from provisioner.fields import Call, Document
from provisioner.wire import requests
from provisioner.wire.answers import ABSENT, Live, digest
from provisioner.wire.requests import Request

FORMAT_VERSION = 1


class Action(str, Enum):
    """What a plan does with one endpoint."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    RETIRE = "retire"
    ADOPT = "adopt"
    WAIT = "wait"
    BLOCKED = "blocked"
    NONE = "none"


class Impact(str, Enum):
    """What the steps mean to those who call the endpoint."""

    NONE = "none"
    METADATA = "metadata"
    """Serving goes on untouched."""
    REDEPLOY = "redeploy"
    """A new configuration is rolled out while the old one serves."""
    NEW = "new_endpoint"
    DOWNTIME = "downtime"
    """Deleted and made anew: other id, other URL, no service in between."""
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One leaf that differs, and what is done about it."""

    path: str
    before: Any
    """``None`` = missing."""
    after: Any
    effect: Effect
    cause: Cause
    reason: Reason
    source: Where | None = None


@dataclass(frozen=True)
class Step:
    """One API call; secrets are still placeholders in it."""

    call: str
    """Method and path; ``{id}`` stands for the id that creation will give."""
    body: dict[str, Any] | None
    changes: tuple[str, ...]
    """Paths of the changes that this call makes."""
    settle_first: bool = False
    """The endpoint must have finished updating before this call."""


@dataclass(frozen=True)
class EndpointPlan:
    """Everything about one endpoint."""

    name: str
    action: Action
    impact: Impact
    live_fingerprint: str
    kind: str = ""
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    permit: str = ""
    """Option of ``apply`` that allows the action; empty = none is needed."""
    blocked_by: str = ""
    """Why nothing can be done, for the action ``blocked``."""
    declared: dict[str, Any] | None = None
    """The declared document, remembered after apply; ``None`` = no longer declared."""
    timeout_seconds: float = 0.0

    @property
    def settles(self) -> bool:
        """Whether apply has to wait for the endpoint at the end."""
        return self.action is Action.WAIT or self.impact in {
            Impact.REDEPLOY,
            Impact.NEW,
            Impact.DOWNTIME,
        }


@dataclass(frozen=True)
class WorkspaceRef:
    """Which workspace a plan is for."""

    host: str
    workspace_id: str


@dataclass(frozen=True)
class Plan:
    """The whole difference between a project's environment and its workspace."""

    environment: str
    project: str
    workspace: WorkspaceRef
    endpoints: tuple[EndpointPlan, ...]
    fingerprint: str
    """Digest of meaning: targets, calls and live fingerprints; not time or order."""
    summary: dict[str, int]
    problems: tuple[Problem, ...] = ()
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything, or is prevented from it."""
        return any(entry.action is not Action.NONE for entry in self.endpoints)


@dataclass(frozen=True)
class Desired:
    """One endpoint as declared, ready to be compared."""

    name: str
    kind: str
    document: Document
    scope: Scope = field(default_factory=Scope)
    adopt: bool = False
    protect: bool = False
    create_timeout: float = 3600.0
    """Seconds; builds of large models take the better part of an hour."""
    update_timeout: float = 3600.0
    locate: Callable[[str], Where | None] = lambda _path: None
    """Where a document path was written."""


@dataclass(frozen=True)
class Target:
    """Whose plan this is and what it is made for."""

    project: str
    environment: str
    workspace: WorkspaceRef
    caller: str = ""
    """Key of the caller's own permission row."""

    @property
    def owner(self) -> str:
        """Value of the owner tag on this environment's endpoints."""
        return f"{self.project}/{self.environment}"


def build(
    target: Target,
    desired: Sequence[Desired],
    live: Mapping[str, Live],
    base: Mapping[str, Document] | None,
    problems: Iterable[Problem] = (),
) -> Plan:
    """Make the plan.

    ``live`` holds the endpoints that are declared or carry our owner tag; ``base``
    what was applied last, ``None`` when there is no memory of it.
    """
    entries = [
        _endpoint(target, want, live.get(want.name), base.get(want.name, {}) if base else None)
        for want in desired
    ]
    declared = {want.name for want in desired}
    entries += [
        _retire(found)
        for name, found in live.items()
        if name not in declared and found.owner == target.owner
    ]
    ordered = tuple(sorted(entries, key=lambda entry: entry.name))
    return Plan(
        environment=target.environment,
        project=target.project,
        workspace=target.workspace,
        endpoints=ordered,
        fingerprint=_fingerprint(target, ordered),
        summary=summarise(ordered),
        problems=tuple(problems),
    )


def summarise(entries: Iterable[EndpointPlan]) -> dict[str, int]:
    """How many endpoints each action has."""
    counts = {action.value: 0 for action in Action}
    for entry in entries:
        counts[entry.action.value] += 1
    return counts


def _fingerprint(target: Target, entries: Sequence[EndpointPlan]) -> str:
    meaning = [
        [entry.name, entry.action.value, entry.live_fingerprint]
        + [[step.call, step.body] for step in entry.steps]
        for entry in entries
        if entry.action is not Action.NONE
    ]
    return digest([target.owner, target.workspace.host, meaning])


def _endpoint(
    target: Target, want: Desired, live: Live | None, base: Document | None
) -> EndpointPlan:
    if live is None:
        return _create(target, want)
    if live.hosted:
        return _blocked(want, live, "it is one of Databricks' own endpoints")
    if live.owner not in {"", target.owner}:
        return _blocked(want, live, f"it is managed by {live.owner}")
    remembered = base if live.owner else None
    found = compare(want.document, live.document, remembered, want.scope)
    changes = _changes(found.differences, want)
    converted = requests.is_external(found.target) is not requests.is_external(live.document)
    if any(change.effect is Effect.REPLACE for change in changes) or (
        converted and None not in map(requests.is_external, (found.target, live.document))
    ):
        return _replace(target, want, live, changes)
    return _update(target, want, live, found, changes)


def _create(target: Target, want: Desired) -> EndpointPlan:
    found = compare(want.document, {}, {}, want.scope)
    changes = _changes(found.differences, want)
    return EndpointPlan(
        name=want.name,
        action=Action.CREATE,
        impact=Impact.NEW,
        live_fingerprint=ABSENT,
        kind=want.kind,
        changes=tuple(_fresh(change) for change in changes),
        steps=_creation(target, want, found.target),
        declared=dict(want.document),
        timeout_seconds=want.create_timeout,
    )


def _fresh(change: Change) -> Change:
    """A change of an endpoint that is made anew: everything can be set."""
    return Change(
        change.path,
        None,
        change.after,
        Effect.SET,
        Cause.SPEC,
        Reason.DECLARED,
        change.source,
    )


def _creation(target: Target, want: Desired, document: Document) -> tuple[Step, ...]:
    rows = document.get("permissions") or {}
    paths = [leaf.path for leaf in compare(want.document, {}, {}, want.scope).differences]
    granted = tuple(path for path in paths if path.startswith("permissions["))
    made = tuple(path for path in paths if path not in granted)
    steps = [_step(requests.create(document), made)]
    if want.scope.exact_permissions and "permissions" in document:
        steps.append(_step(requests.replace_permissions("", rows, target.caller), granted))
    elif rows:
        steps.append(_step(requests.merge_permissions("", rows), granted))
    return tuple(steps)


def _replace(
    target: Target, want: Desired, live: Live, changes: tuple[Change, ...]
) -> EndpointPlan:
    if live.protected or want.protect:
        return _blocked(want, live, "lifecycle.protect forbids to replace it", changes)
    document = compare(want.document, {}, {}, want.scope).target
    return EndpointPlan(
        name=want.name,
        action=Action.REPLACE,
        impact=Impact.DOWNTIME,
        live_fingerprint=live.fingerprint(),
        kind=want.kind,
        changes=changes,
        steps=(_step(requests.delete(want.name), ()), *_creation(target, want, document)),
        permit="--allow-replace",
        declared=dict(want.document),
        timeout_seconds=want.create_timeout,
    )


def _update(
    target: Target, want: Desired, live: Live, found: Comparison, changes: tuple[Change, ...]
) -> EndpointPlan:
    steps = tuple(_update_steps(target, want, live, found))
    adopting = not live.owner
    redeploys = any(step.call.endswith("/config") for step in steps)
    if adopting:
        action = Action.ADOPT
    elif steps:
        action = Action.UPDATE
    else:
        action = Action.WAIT if live.updating else Action.NONE
    impact = Impact.REDEPLOY if redeploys else Impact.METADATA if steps else Impact.NONE
    return EndpointPlan(
        name=want.name,
        action=action,
        impact=impact,
        live_fingerprint=live.fingerprint(),
        kind=want.kind,
        changes=changes,
        steps=steps,
        permit="--adopt" if adopting and not want.adopt else "",
        declared=dict(want.document),
        timeout_seconds=want.update_timeout,
    )


def _retire(live: Live) -> EndpointPlan:
    entry = EndpointPlan(
        name=live.name,
        action=Action.RETIRE,
        impact=Impact.DELETE,
        live_fingerprint=live.fingerprint(),
        steps=(_step(requests.delete(live.name), ()),),
        permit="--allow-retire",
    )
    if live.protected:
        return EndpointPlan(
            entry.name,
            Action.BLOCKED,
            Impact.NONE,
            entry.live_fingerprint,
            blocked_by="it is no longer declared, and its tag provisioner-protect forbids to retire it",
        )
    return entry


def _blocked(want: Desired, live: Live, why: str, changes: tuple[Change, ...] = ()) -> EndpointPlan:
    return EndpointPlan(
        name=want.name,
        action=Action.BLOCKED,
        impact=Impact.NONE,
        live_fingerprint=live.fingerprint(),
        kind=want.kind,
        changes=changes,
        blocked_by=why,
    )


def _changes(differences: Iterable[Difference], want: Desired) -> tuple[Change, ...]:
    return tuple(
        Change(
            path=found.path,
            before=found.before,
            after=found.after,
            effect=found.effect,
            cause=found.cause,
            reason=found.reason,
            source=want.locate(found.path),
        )
        for found in differences
    )


def _step(request: Request, changes: tuple[str, ...], *, settle_first: bool = False) -> Step:
    body = None if request.body is None else dict(request.body)
    return Step(f"{request.method} {request.path}", body, changes, settle_first)


def _update_steps(target: Target, want: Desired, live: Live, found: Comparison) -> Iterable[Step]:
    """The calls of an update: the cheap ones first, then the roll-out, telemetry once it settled."""
    by_call: dict[Call, list[Difference]] = {}
    for difference in found.differences:
        if difference.effect in {Effect.SET, Effect.REMOVE}:
            by_call.setdefault(difference.field.call, []).append(difference)
    document = found.target
    for call in Call:
        if call not in by_call:
            continue
        paths = tuple(difference.path for difference in by_call[call])
        busy = call is Call.CONFIG and live.updating
        settle_first = busy or call is Call.TELEMETRY
        for request in _requests(call, target, want, live, document, by_call[call]):
            yield _step(request, paths, settle_first=settle_first)


def _requests(
    call: Call,
    target: Target,
    want: Desired,
    live: Live,
    document: Document,
    differences: Sequence[Difference],
) -> Iterable[Request]:
    name = want.name
    match call:
        case Call.TAGS:
            keys = [found.path.removeprefix("tags[").removesuffix("]") for found in differences]
            tags = document.get("tags") or {}
            yield requests.update_tags(name, {key: tags.get(key) for key in keys})
        case Call.AI_GATEWAY:
            yield from requests.update_gateway(
                name, document.get("ai_gateway") or {}, live.document.get("ai_gateway") or {}
            )
        case Call.CONFIG:
            yield requests.update_config(name, document, want.document)
        case Call.NOTIFICATIONS:
            yield requests.update_notifications(name, document.get("email_notifications") or {})
        case Call.TELEMETRY:
            yield requests.update_telemetry(name, document.get("telemetry_config") or {})
        case Call.PERMISSIONS:
            yield _permissions(target, live, document, differences)
        case Call.CREATE:  # pragma: no cover - such a difference replaces or is left alone
            raise AssertionError(f"no call changes {differences[0].path}")


def _permissions(
    target: Target, live: Live, document: Document, differences: Sequence[Difference]
) -> Request:
    rows = document.get("permissions") or {}
    if any(found.effect is Effect.REMOVE for found in differences):
        return requests.replace_permissions(live.id, rows, target.caller)
    changed = [found.path.removeprefix("permissions[").removesuffix("]") for found in differences]
    return requests.merge_permissions(live.id, {key: rows[key] for key in changed})
