"""Whether a saved plan still fits the workspace, and what of it is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from provisioner.diff import in_force
from provisioner.errors import ProjectInvalid, error
from provisioner.plan import Action, EndpointPlan, Impact, Plan, summarise
from provisioner.plan.unshown import unshown
from provisioner.wire.answers import ABSENT, Live
from provisioner.workspace.gateway import Workspace


def remaining(plan: Plan, workspace: Workspace) -> tuple[list[str], Plan]:
    """Endpoints that changed after the plan was made, and the plan without what is done.

    Done is what a run that was cut short brought into force already.

    Raises:
        ProjectInvalid: somebody edited the plan so that it does what it does not show.
    """
    acting = [
        entry for entry in plan.endpoints if entry.action not in {Action.NONE, Action.BLOCKED}
    ]
    live = workspace.in_parallel(lambda entry: _read(workspace, entry), acting)
    pairs = list(zip(acting, live, strict=True))
    _check_shown(plan, [(entry, found) for entry, found in pairs if not _moved(entry, found)])
    moved = [(entry, found) for entry, found in pairs if _moved(entry, found)]
    stale = [entry.name for entry, found in moved if not _reached(entry, found)]
    done = {entry.name: _done(entry, found) for entry, found in moved}
    left = tuple(done.get(entry.name, entry) for entry in plan.endpoints)
    return stale, replace(plan, endpoints=left, summary=summarise(left))


def _check_shown(plan: Plan, pairs: Iterable[tuple[EndpointPlan, Live | None]]) -> None:
    """Refuse calls that bring anything else than the changes that were reviewed."""
    hint = "make the plan anew"
    problems = [
        error("edited-plan", f"the plan does not show what it does to {entry.name}: {path}", hint)
        for entry, live in pairs
        for path in dict.fromkeys(unshown(entry, live))
    ]
    problems += [
        error(
            "edited-plan", f"{entry.name} is not this environment's to {entry.action.value}", hint
        )
        for entry, live in pairs
        if live and entry.action in _OURS and live.owner not in _OURS[entry.action](plan)
    ]
    if problems:
        raise ProjectInvalid(*problems)


_OURS: dict[Action, Callable[[Plan], set[str]]] = {
    Action.RETIRE: lambda plan: {plan.owner},
    Action.REPLACE: lambda plan: {plan.owner, ""},
}
"""Owners of endpoints that may be deleted."""


def _read(workspace: Workspace, entry: EndpointPlan) -> Live | None:
    return workspace.read(entry.name, entry.permission_rows)


def _moved(entry: EndpointPlan, live: Live | None) -> bool:
    return (live.fingerprint() if live else ABSENT) != entry.live_fingerprint


def _reached(entry: EndpointPlan, live: Live | None) -> bool:
    if entry.declared is None or live is None:
        return entry.declared is None and live is None
    return in_force(live.document, entry.wanted())


def _done(entry: EndpointPlan, live: Live | None) -> EndpointPlan:
    """What is left of an endpoint's plan that is in force: to wait for it, or nothing."""
    return replace(
        entry,
        action=Action.WAIT if live and live.updating else Action.NONE,
        impact=Impact.NONE,
        live_fingerprint=live.fingerprint() if live else ABSENT,
        id=live.id if live else "",
        changes=(),
        steps=(),
        permit="",
        rollout=None,
    )
