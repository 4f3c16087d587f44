"""Several environments beside each other: endpoints in rows, retirements on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioner.report.summary import Count, Deadline, Glance, Summary

_STEP = 90
"""Days; the scale ends at a multiple of them."""


@dataclass(frozen=True)
class Row:
    """One endpoint in every environment, in their order; ``None`` = it is not there."""

    name: str
    cells: tuple[Glance | None, ...]


@dataclass(frozen=True)
class Due:
    """A model that will be gone, with everything that uses it."""

    deadline: Deadline
    places: tuple[str, ...]
    """Environment and endpoint."""
    percent: float
    """How far along the scale its day is."""


@dataclass(frozen=True)
class Timeline:
    """Retirements on a scale that begins today."""

    days: int
    due: tuple[Due, ...]
    """The next one first."""


def rows(summaries: Sequence[Summary]) -> tuple[Row, ...]:
    """Every endpoint of any environment, by name."""
    columns = [{glance.row: glance for glance in summary.glances} for summary in summaries]
    names = sorted({name for column in columns for name in column})
    return tuple(Row(name, tuple(column.get(name) for column in columns)) for name in names)


def totals(summaries: Sequence[Summary]) -> tuple[Count, ...]:
    """The counts of all environments together, in their order."""
    found: dict[str, Count] = {}
    for count in (count for summary in summaries for count in summary.counts):
        before = found[count.words].number if count.words in found else 0
        found[count.words] = replace(count, number=before + count.number)
    return tuple(found.values())


def timeline(summaries: Sequence[Summary]) -> Timeline:
    """The retirements of all environments, those of one model on one day together."""
    found: dict[tuple[str, str], list[tuple[str, Deadline]]] = {}
    for summary in summaries:
        for gone in summary.deadlines:
            found.setdefault((gone.day, gone.model), []).append((summary.environment, gone))
    furthest = max((uses[0][1].left for uses in found.values()), default=0)
    days = max(-(-furthest // _STEP), 1) * _STEP
    several = len(summaries) > 1
    due = []
    for _, uses in sorted(found.items()):
        places = [f"{where}: {gone.endpoint}" if several else gone.endpoint for where, gone in uses]
        first = uses[0][1]
        percent = min(max(first.left, 0) / days * 100, 100)
        due.append(Due(first, tuple(dict.fromkeys(places)), round(percent, 1)))
    return Timeline(days, tuple(due))
