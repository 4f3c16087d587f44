"""What is remembered of an apply: what was accepted, also of endpoints that were cut short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.diff import Effect, Reason, leaves
from provisioner.errors import EndpointFailed
from provisioner.fields import Document
from provisioner.plan import Action, EndpointPlan, Plan, Step
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result
from provisioner.record import Record, sealed


def written_ahead(record: Record, plan: Plan, planned_at: int) -> Record:
    """What cannot be known any more should this process die: kept before the first call."""
    for entry in plan.endpoints:
        if entry.action is Action.RETIRE:
            record = record.retire(entry.name)
        elif entry.found is not None and entry.steps:
            record = record.applied(entry.name, entry.id, {}, entry.found, planned_at)
    return record


def remember(
    record: Record, plan: Plan, outcome: Outcome, secrets: Mapping[str, str], planned_at: int
) -> Record:
    """What is known after an apply: accepted declarations, and what is gone.

    Of an endpoint that was not finished it is what its calls brought: a key that is declared no
    more when the next plan is made would else stay in the workspace for good.
    """
    entries = {entry.name: entry for entry in plan.endpoints}
    for ended in outcome.endpoints:
        entry = entries[ended.name]
        if entry.declared is None:
            continue
        declared: Document = entry.declared
        if ended.result is not Result.SKIPPED:
            # The digest of what was sent, which a saved plan may not have known.
            declared = sealed(declared, record.salt, declared, secrets.get)
        if accepted := _accepted(ended):
            declared = _as_applied(declared, entry)
        elif brought := _brought(entry, ended):
            last = record.base(ended.name, ended.id) or {}
            declared = _with(last, declared, brought)
        else:
            continue
        record = record.applied(
            ended.name, ended.id, declared, entry.found, planned_at, unfinished=not accepted
        )
    return record


def _as_applied(declared: Document, entry: EndpointPlan) -> dict[str, Any]:
    """The declared document with the old values of what no call could change."""
    result = dict(declared)
    for change in entry.changes:
        if change.effect is Effect.NONE and change.reason is Reason.FIXED_AT_CREATION:
            result.pop(change.path, None)
            if change.before is not None:
                result[change.path] = change.before
    return result


def _accepted(ended: EndpointOutcome) -> bool:
    """Whether the service took all that was sent, even if it does not serve it yet."""
    if ended.result is Result.IN_PROGRESS:
        return all(step.result is Result.DONE for step in ended.steps)
    return ended.result in {Result.DONE, Result.SKIPPED}


def _brought(entry: EndpointPlan, ended: EndpointOutcome) -> set[str]:
    """Paths of changes that are in force, though the endpoint is not as declared."""
    came_to_nothing = ended.error_code == EndpointFailed.code
    brought: set[str] = set()
    missing: set[str] = set()
    for step, made in zip(entry.steps, ended.steps, strict=True):
        done = made.result is Result.DONE and not step.gate
        (brought if done and not (came_to_nothing and _deploys(step)) else missing).update(
            step.changes
        )
    return brought - missing


def _deploys(step: Step) -> bool:
    """Whether what a call brings is in force only after a deployment."""
    return step.call.startswith("POST") or step.call.endswith("/config")


def _with(last: Document, declared: Document, paths: Iterable[str]) -> dict[str, Any]:
    """The document applied last, with what is declared at and below some paths."""
    places = tuple(paths)
    now = {leaf.path: leaf for leaf in leaves(last).values() if not _is_at(leaf.path, places)} | {
        leaf.path: leaf for leaf in leaves(declared).values() if _is_at(leaf.path, places)
    }
    result: dict[str, Any] = {}
    for leaf in now.values():
        block = result
        for key in leaf.keys[:-1]:
            if not isinstance(block.get(key), dict):
                block[key] = {}
            block = block[key]
        block[leaf.keys[-1]] = leaf.value
    return result


def _is_at(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in places)
