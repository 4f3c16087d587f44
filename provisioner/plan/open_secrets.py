"""Secrets that somebody set in the open, which calls carry on without the plan holding them.

Only environment variables of models come back as they were set. A call that replaces the
configuration has to send them again, so its body names them, and apply fills them in from what it
reads just before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.plan.model import EndpointPlan, Step
from provisioner.redaction import HIDDEN, without_secret
from provisioner.wire.answers import Live


def variables(live: Live) -> dict[str, str]:
    """The environment variables of an endpoint's served entities, by what stands for them."""
    entities = (live.document.get("config") or {}).get("served_entities") or {}
    return {
        f"${{live:{entity}.{name}}}": value
        for entity, content in entities.items()
        for name, value in (content.get("environment_vars") or {}).items()
    }


def referring(entry: EndpointPlan, live: Live | None) -> EndpointPlan:
    """The same plan, with references in the bodies of its calls for what seems to be a secret."""
    hidden = {
        value: reference
        for reference, value in (variables(live) if live else {}).items()
        if without_secret(f".environment_vars[{_name(reference)}]", value) == HIDDEN
    }
    if not hidden:
        return entry
    rollout = entry.rollout
    if rollout and rollout.restore:
        rollout = replace(rollout, restore=_step(rollout.restore, hidden))
    steps = tuple(_step(step, hidden) for step in entry.steps)
    return replace(entry, steps=steps, rollout=rollout)


def _name(reference: str) -> str:
    return reference.partition(".")[2].removesuffix("}")


def _step(step: Step, hidden: Mapping[str, str]) -> Step:
    return replace(step, body=_referring(step.body, hidden))


def _referring(value: Any, hidden: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return hidden.get(value, value)
    if isinstance(value, Mapping):
        return {key: _referring(item, hidden) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_referring(item, hidden) for item in value]
    return value
