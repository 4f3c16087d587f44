"""The fingerprint of a plan: it covers what would be done, and not time, commit or order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.plan.model import Action, EndpointPlan, Step
from provisioner.wire.answers import digest


def fingerprint(owner: str, host: str, entries: Iterable[EndpointPlan]) -> str:
    """Digest of the targets, the calls with their bodies, and what they were planned against."""
    acting = [_entry(entry) for entry in entries if entry.action is not Action.NONE]
    return digest([owner, host, acting])


def _entry(entry: EndpointPlan) -> list[Any]:
    back = entry.rollout.restore if entry.rollout else None
    return [
        *(entry.name, entry.id, entry.action.value, entry.permit, entry.live_fingerprint),
        *([_step(step) for step in entry.steps], back and _step(back)),
    ]


def _step(step: Step) -> list[Any]:
    fills = [[fill.at, fill.env] for fill in step.fills]
    return [step.call, _unordered(step.body), fills, step.gate and step.gate.meaning()]


def _unordered(value: Any) -> Any:
    """A body in which the order of addresses, keywords and the like says nothing."""
    if isinstance(value, Mapping):
        return {key: _unordered(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_unordered(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value
