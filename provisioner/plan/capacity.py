"""Changes of paid capacity, set apart: a digit too many is a large bill."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provisioner.plan.model import Change, EndpointPlan

_PAID = re.compile(
    r"config\.served_entities\[(?P<entity>[^\]]*)\]\."
    r"(?:(?P<number>provisioned_model_units|m(?:ax|in)_provisioned_(?:throughput|concurrency))"
    r"|(?P<choice>workload_size|workload_type|scale_to_zero_enabled))"
)


@dataclass(frozen=True)
class CapacityChange:
    """One setting that is paid for, of one served entity, before and after."""

    endpoint: str
    entity: str
    unit: str
    before: str
    """`none` = there was none."""
    after: str
    factor: float | None
    """``after`` over ``before``; ``None`` where they are no numbers."""


def capacity_changes(entries: Iterable[EndpointPlan]) -> tuple[CapacityChange, ...]:
    """Every size that a plan changes; choices only of what is there already."""
    return tuple(_found(entries))


def _found(entries: Iterable[EndpointPlan]) -> Iterator[CapacityChange]:
    for entry in entries:
        for change in entry.changes:
            if not (found := _PAID.fullmatch(change.path)):
                continue
            if found["number"]:
                before, after = change.before or 0, change.after or 0
                factor = after / before if before else None
                is_told = before != after
            else:
                factor = None
                stays = change.before is not None and change.after is not None
                is_told = stays and change.before != change.after
            if is_told:
                unit = found["number"] or found["choice"]
                yield CapacityChange(entry.name, found["entity"], unit, *_texts(change), factor)


def _texts(change: Change) -> tuple[str, str]:
    before, after = (
        "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for value in (change.before, change.after)
    )
    return before, after
