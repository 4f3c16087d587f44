"""Secret values on their way into a request body, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.plan import Plan

# The digest behind a placeholder only serves comparisons.
_PLACEHOLDER = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}(?:#[0-9a-f]+)?")


def placeholders(plan: Plan) -> dict[str, list[str]]:
    """Names of the environment variables that a plan needs, each with its endpoints."""
    needed: dict[str, list[str]] = {}
    for entry in plan.endpoints:
        back = entry.rollout.restore if entry.rollout else None
        steps = (*entry.steps, back) if back else entry.steps
        found = {name for step in steps for name in _names(step.body)}
        for name in sorted(found):
            needed.setdefault(name, []).append(entry.name)
    return needed


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _names(item)


def filled(value: Any, secrets: Mapping[str, str], live: Mapping[str, str]) -> Any:
    """A body with its placeholders resolved; only the request ever holds the result.

    ``live`` has the values of what `open_secrets` refers to, by reference.
    """
    if isinstance(value, str):
        if value in live:
            return live[value]
        return _PLACEHOLDER.sub(lambda found: secrets[found.group(1)], value)
    if isinstance(value, Mapping):
        return {key: filled(item, secrets, live) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(item, secrets, live) for item in value]
    return value
