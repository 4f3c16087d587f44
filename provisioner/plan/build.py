"""From documents to the plan; everything is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.diff import (
    Cause,
    Comparison,
    Difference,
    Effect,
    Reason,
    compare,
    leaves,
    without_unseen,
)
from provisioner.errors import Problem
from provisioner.fields import Document, pattern_of
from provisioner.plan import steps as calls
from provisioner.plan.fills import with_fills
from provisioner.plan.meaning import fingerprint
from provisioner.plan.model import (
    Action,
    Change,
    Desired,
    EndpointPlan,
    Impact,
    Plan,
    RolloutPlan,
    Skipped,
    Target,
    summarise,
)
from provisioner.plan.rollout import plan_rollout
from provisioner.redaction import without_secret
from provisioner.wire import requests
from provisioner.wire.answers import ABSENT, FAILED, Live
from provisioner.wire.document import PROTECT_TAG


def build(
    target: Target,
    desired: Sequence[Desired],
    live: Mapping[str, Live],
    remembered: Callable[[str, str], Document | None],
    problems: Iterable[Problem] = (),
) -> Plan:
    """Make the plan.

    ``live`` holds the endpoints that are declared or carry our owner tag.
    ``remembered`` gives what was applied last, by name and id: ``None`` when there is
    no memory of it, empty when another endpoint has the name now.
    """
    entries = [_endpoint(target, want, live.get(want.name), remembered) for want in desired]
    declared = {want.name for want in desired}
    entries += [
        _retire(found)
        for name, found in live.items()
        if name not in declared and found.owner == target.owner
    ]
    filling = (with_fills(entry, live.get(entry.name)) for entry in entries)
    ordered = tuple(sorted(filling, key=lambda entry: entry.name))
    return Plan(
        environment=target.environment,
        project=target.project,
        workspace=target.workspace,
        endpoints=ordered,
        fingerprint=fingerprint(target.owner, target.workspace.host, ordered),
        summary=summarise(ordered),
        problems=tuple(problems),
        operations=sum(
            requests.is_operation(*step.call.split(" ", 1))
            for entry in ordered
            for step in entry.steps
        ),
    )


def _endpoint(
    target: Target,
    want: Desired,
    live: Live | None,
    remembered: Callable[[str, str], Document | None],
) -> EndpointPlan:
    if want.pending:
        return _pending(want, live)
    if want.governed:
        return _govern(target, want, live, remembered)
    if live is None:
        return _create(target, want)
    if live.hosted:
        return _blocked(want, live, "it is one of Databricks' own endpoints")
    if live.owner not in {"", target.owner}:
        return _blocked(want, live, f"it is managed by {live.owner}")
    base = remembered(want.name, live.id)
    if base and live.update in FAILED:
        base = without_unseen(base)  # what the failed roll-out carried may not be in force
    found = _refreshed(compare(want.document, live.document, base, want.scope), want.refresh)
    changes = _changes(found.differences, want)
    if any(_switches_capture_on_again(difference) for difference in found.differences):
        return _blocked(want, live, _NO_CAPTURE_AGAIN, changes)
    converted = requests.is_external(found.target) is not requests.is_external(live.document)
    if any(change.effect is Effect.REPLACE for change in changes) or (
        converted and None not in map(requests.is_external, (found.target, live.document))
    ):
        return _replace(target, want, live, changes)
    # An endpoint that we remember by its id is ours even if somebody removed its tag.
    ours = bool(live.owner or base)
    return _update(target, want, live, (found, changes, base), ours=ours)


def _refreshed(found: Comparison, paths: frozenset[str]) -> Comparison:
    """The comparison with references that are sent again although they are the same."""
    again = [
        Difference(
            leaf.path,
            leaf.keys,
            leaf.field,
            leaf.value,
            leaf.value,
            Effect.SET,
            Cause.DRIFT,
            Reason.SECRET_CHANGED,
        )
        for path, leaf in leaves(found.target).items()
        if path in paths and all(path != known.path for known in found.differences)
    ]
    return replace(found, differences=(*found.differences, *again)) if again else found


def _pending(want: Desired, live: Live | None) -> EndpointPlan:
    return EndpointPlan(
        name=want.name,
        action=Action.NONE,
        impact=Impact.NONE,
        live_fingerprint=live.fingerprint() if live else ABSENT,
        kind=want.kind,
        pending=want.pending,
    )


def _create(target: Target, want: Desired) -> EndpointPlan:
    found = compare(want.document, {}, {})
    return EndpointPlan(
        name=want.name,
        action=Action.CREATE,
        impact=Impact.NEW,
        live_fingerprint=ABSENT,
        kind=want.kind,
        changes=tuple(_fresh(change, want) for change in _changes(found.differences, want)),
        steps=calls.creation(target, want, found),
        permission_rows=_declared_rows(want),
        declared=dict(want.document),
        timeout_seconds=want.create_timeout,
        rollout=RolloutPlan(skipped=Skipped.NEW_ENDPOINT) if want.rollout else None,
    )


def _fresh(change: Change, want: Desired) -> Change:
    """A change of an endpoint that is made anew: everything can be set."""
    reason = want.scope.ignored(change.path)
    sent = Reason.SERVER_DECIDES if reason is Reason.SERVER_DECIDES else Reason.DECLARED
    return replace(change, before=None, effect=Effect.SET, cause=Cause.SPEC, reason=sent)


def _declared_rows(want: Desired) -> tuple[str, ...] | None:
    rows = want.document.get("permissions")
    return None if rows is None else tuple(sorted(rows))


def _read_rows(want: Desired, live: Live) -> tuple[str, ...] | None:
    return (_declared_rows(want) or ()) if "permissions" in live.document else None


def _govern(
    target: Target,
    want: Desired,
    live: Live | None,
    remembered: Callable[[str, str], Document | None],
) -> EndpointPlan:
    if live is None:
        return _blocked(want, None, "there is no such endpoint, and it is not ours to make")
    if live.hosted and want.document.get("permissions"):
        why = "it is provided by Databricks, which lets nobody manage permissions on it"
        return _blocked(want, live, why)
    base = remembered(want.name, live.id)
    found = compare(want.document, live.document, base, want.scope)
    changes = _changes(found.differences, want)
    entry = _update(target, want, live, (found, changes, base), ours=True)
    return entry if base is not None else replace(entry, found=_first_contact(want, live))


def _first_contact(want: Desired, live: Live) -> dict[str, Any]:
    """What is there in the blocks that are declared; ``None`` where there is nothing."""
    blocks: dict[str, Any] = {
        block: live.document.get(block) or {}
        for block in ("ai_gateway", "tags", "permissions")
        if block in want.document
    }
    for block in blocks.keys() & {"tags", "permissions"}:
        declared = want.document[block] or {}
        blocks[block] = {key: blocks[block].get(key) for key in declared}
    return blocks


def _replace(
    target: Target, want: Desired, live: Live, changes: tuple[Change, ...]
) -> EndpointPlan:
    if live.protected or want.protect:
        return _blocked(want, live, "lifecycle.protect forbids to replace it", changes)
    return EndpointPlan(
        name=want.name,
        action=Action.REPLACE,
        impact=Impact.DOWNTIME,
        live_fingerprint=live.fingerprint(),
        id=live.id,
        kind=want.kind,
        changes=changes,
        steps=(
            calls.deletion(want.name),
            *calls.creation(target, want, compare(want.document, {}, {})),
        ),
        permission_rows=_read_rows(want, live),
        permit="--allow-replace",
        declared=dict(want.document),
        timeout_seconds=want.create_timeout,
        rollout=RolloutPlan(skipped=Skipped.NEW_ENDPOINT) if want.rollout else None,
    )


def _update(
    target: Target,
    want: Desired,
    live: Live,
    compared: tuple[Comparison, tuple[Change, ...], Document | None],
    *,
    ours: bool,
) -> EndpointPlan:
    found, changes, base = compared
    rollout, stages = plan_rollout(target, want, found, base)
    if rollout and want.no_rollout:
        rollout, stages = RolloutPlan(skipped=Skipped.ON_REQUEST), ()
    steps = calls.update(target, want, live, found, stages)
    adopting = not ours
    redeploys = any(step.call.endswith("/config") for step in steps)
    if adopting:
        action = Action.ADOPT
    elif steps:
        action = Action.UPDATE
    else:
        waits = live.updating or (rollout is not None and rollout.opening is not None)
        action = Action.WAIT if waits else Action.NONE
    impact = Impact.REDEPLOY if redeploys else Impact.METADATA if steps else Impact.NONE
    return EndpointPlan(
        name=want.name,
        action=action,
        impact=impact,
        live_fingerprint=live.fingerprint(),
        id=live.id,
        kind=want.kind,
        changes=changes,
        steps=steps,
        permit="--adopt" if adopting and not want.adopt else "",
        permission_rows=_read_rows(want, live),
        declared=dict(want.document),
        timeout_seconds=want.update_timeout,
        rollout=rollout,
    )


def _retire(live: Live) -> EndpointPlan:
    blocked_by = f"its tag {PROTECT_TAG} forbids to retire it" if live.protected else ""
    return EndpointPlan(
        name=live.name,
        action=Action.BLOCKED if blocked_by else Action.RETIRE,
        impact=Impact.NONE if blocked_by else Impact.DELETE,
        live_fingerprint=live.fingerprint(),
        id=live.id,
        steps=() if blocked_by else (calls.deletion(live.name),),
        permit="" if blocked_by else "--allow-retire",
        blocked_by=blocked_by,
    )


def _blocked(
    want: Desired, live: Live | None, why: str, changes: tuple[Change, ...] = ()
) -> EndpointPlan:
    return EndpointPlan(
        name=want.name,
        action=Action.BLOCKED,
        impact=Impact.NONE,
        live_fingerprint=live.fingerprint() if live else ABSENT,
        id=live.id if live else "",
        kind=want.kind,
        changes=changes,
        blocked_by=why,
    )


_CAPTURE = "config.auto_capture_config."
_NO_CAPTURE_AGAIN = (
    "legacy inference tables cannot be switched on again; use ai_gateway.inference_table_config"
)


def _switches_capture_on_again(found: Difference) -> bool:
    """Payload logging that was disabled stays so (terraform-provider-databricks docs)."""
    return found.path == f"{_CAPTURE}enabled" and found.before is False and found.after is True


_ZERO_DISABLES = {"ai_gateway.rate_limits[].calls", "ai_gateway.rate_limits[].tokens"}


def _note(found: Difference) -> str:
    if found.after == 0 and pattern_of(found.path) in _ZERO_DISABLES:
        return "0 = disabled"
    if found.effect is Effect.REPLACE and found.path.startswith(_CAPTURE):
        return "ai_gateway.inference_table_config can be renamed in place"
    return ""


def _changes(differences: Iterable[Difference], want: Desired) -> tuple[Change, ...]:
    return tuple(
        Change(
            path=found.path,
            before=without_secret(found.path, found.before),
            after=found.after
            if found.effect is not Effect.NONE
            else without_secret(found.path, found.after),
            effect=found.effect,
            cause=found.cause,
            reason=found.reason,
            source=want.locate(found.path),
            note=want.notes.get(found.path) or _note(found),
        )
        for found in differences
    )
