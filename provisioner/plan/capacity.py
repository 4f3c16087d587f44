"""Changes of paid capacity, set apart: a digit too many is a large bill."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.plan.model import EndpointPlan

_SIZED = re.compile(
    r"config\.served_entities\[(?P<entity>[^\]]*)\]\."
    r"(?P<unit>provisioned_model_units|m(?:ax|in)_provisioned_throughput"
    r"|max_provisioned_concurrency)"
)


@dataclass(frozen=True)
class CapacityChange:
    """One size of one served entity, before and after."""

    endpoint: str
    entity: str
    unit: str
    before: int
    """0 = there was none."""
    after: int
    factor: float | None
    """``after`` over ``before``; ``None`` = there was none before."""


def capacity_changes(entries: Iterable[EndpointPlan]) -> tuple[CapacityChange, ...]:
    """Every size that a plan changes."""
    return tuple(
        CapacityChange(
            endpoint=entry.name,
            entity=found["entity"],
            unit=found["unit"],
            before=int(change.before or 0),
            after=int(change.after or 0),
            factor=(change.after or 0) / change.before if change.before else None,
        )
        for entry in entries
        for change in entry.changes
        if (found := _SIZED.fullmatch(change.path)) and (change.before or 0) != (change.after or 0)
    )
