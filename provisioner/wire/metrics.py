"""Metrics of an endpoint: from Prometheus text to what its served entities have answered.

The service calls its counts ``..._total`` and declares them as gauges: they are of the
last minute, and carry a time (seen in published clients of real workspaces, 2025 and
2026; the documents only name them). Where they are declared as counters, as Prometheus
means the name, differences count. Which of the two it is, is read off the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+(?P<time>\S+))?"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ENTITY = ("served_entity_name", "served_model_name")
_BUCKETS = "request_latency_ms_bucket"
_PERIOD = 60.0
"""Seconds that a gauge is about."""
_MILLISECONDS = 1e11
"""Times from here on are in milliseconds, as Prometheus has them; OpenMetrics has seconds."""


@dataclass(frozen=True)
class Counts:
    """What one served entity, or several together, answered."""

    requests: float = 0
    client_errors: float = 0
    """Answers with 4xx."""
    errors: float = 0
    """Answers with 5xx."""
    buckets: Mapping[float, float] = field(default_factory=dict)
    """Answers by the milliseconds that they took at most; empty = not told."""

    def __add__(self, other: Counts) -> Counts:
        bounds = {*self.buckets, *other.buckets}
        return Counts(
            self.requests + other.requests,
            self.client_errors + other.client_errors,
            self.errors + other.errors,
            {le: self.buckets.get(le, 0) + other.buckets.get(le, 0) for le in bounds},
        )

    def since(self, earlier: Counts) -> Counts:
        """What came after an earlier reading; one that is lower began anew at nothing."""
        if self.requests < earlier.requests:
            return self
        return Counts(
            self.requests - earlier.requests,
            max(self.client_errors - earlier.client_errors, 0),
            max(self.errors - earlier.errors, 0),
            {le: max(n - earlier.buckets.get(le, 0), 0) for le, n in self.buckets.items()},
        )

    def latency_ms(self, quantile: float) -> float | None:
        """The time in which that part of the answers was given; ``None`` = not told.

        Within a bucket they are taken to be spread evenly, as Prometheus does; above the
        largest bound it is infinite.
        """
        total = max(self.buckets.values(), default=0)
        below, low = 0.0, 0.0
        for bound, count in sorted(self.buckets.items()):
            if total and count >= quantile * total:
                if math.isinf(bound) or count == below:
                    return bound
                return low + (bound - low) * (quantile * total - below) / (count - below)
            below, low = count, bound
        return None


_COUNTS: Mapping[str, Callable[[float], Counts]] = {
    "request_count_total": lambda value: Counts(requests=value),
    "request_4xx_count_total": lambda value: Counts(client_errors=value),
    "request_5xx_count_total": lambda value: Counts(errors=value),
}


@dataclass(frozen=True)
class Reading:
    """The metrics of an endpoint at one time."""

    entities: Mapping[str, Counts]
    """By served entity; one that answered nothing yet may be missing."""
    of_last_minute: bool
    """Whether they are about the last minute only, and do not add up by themselves."""
    time: float | None = None
    """Seconds since 1970; ``None`` = not told."""


def reading(text: str) -> Reading:
    """Read Prometheus or OpenMetrics text; what is not understood is left out."""
    kinds = dict(_kinds(text))
    found: dict[str, Counts] = {}
    times = []
    for name, labels, value, time in _samples(text):
        entity = next((labels[key] for key in _ENTITY if labels.get(key)), None)
        if entity is None or not (name in _COUNTS or name == _BUCKETS):
            continue
        counts = found.setdefault(entity, Counts())
        if name == _BUCKETS:
            bound = _number(labels.get("le", ""))
            if bound is not None:
                found[entity] = replace(counts, buckets={**counts.buckets, bound: value})
        else:
            found[entity] = counts + _COUNTS[name](value)
            times += [] if time is None else [time]
    kind = kinds.get("request_count_total") or kinds.get("request_count")
    return Reading(found, kind != "counter", max(times, default=None))


def _kinds(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["#", "TYPE"] and len(words) == 4:
            yield words[2], words[3]


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float, float | None]]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        value = _number(found["value"]) if found else None
        if found and value is not None and not math.isnan(value):
            time = _number(found["time"] or "")
            seconds = time / 1000 if time and time > _MILLISECONDS else time
            yield found["name"], dict(_LABEL.findall(found["labels"] or "")), value, seconds


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Traffic:
    """What was answered from a first reading on, and surely not before."""

    first: Reading
    began: float
    """Seconds of some clock when it was taken."""
    last: Reading
    """The last reading that counts."""
    at: float
    entities: Mapping[str, Counts] = field(default_factory=dict)

    @classmethod
    def since(cls, first: Reading, at: float) -> Traffic:
        """Nothing yet, from a first reading on that was taken at ``at``."""
        return cls(first, at, first, at)

    def and_then(self, new: Reading, at: float) -> Traffic:
        """With one more reading, taken at ``at``."""
        if not new.of_last_minute:
            return self._counted(new, at)
        if _between(self.last, self.at, new, at) < _PERIOD:
            return self
        # The first reading is up to a minute old, so that the next minute may have begun before.
        is_later = _between(self.first, self.began, new, at) >= 2 * _PERIOD
        came = _sum(self.entities, new.entities) if is_later else self.entities
        return replace(self, last=new, at=at, entities=came)

    def _counted(self, new: Reading, at: float) -> Traffic:
        before = self.last.entities
        came = {name: now.since(before.get(name, Counts())) for name, now in new.entities.items()}
        last = replace(new, entities={**before, **new.entities})
        return replace(self, last=last, at=at, entities=_sum(self.entities, came))

    def of(self, names: Iterable[str]) -> Counts | None:
        """What several served entities answered together; ``None`` = nothing is told of any."""
        told = self.last.entities.keys() | self.entities.keys()
        known = [self.entities.get(name, Counts()) for name in names if name in told]
        return sum(known, Counts()) if known else None


def _between(earlier: Reading, then: float, later: Reading, now: float) -> float:
    """Seconds between two readings, by the service's clock where it tells."""
    if earlier.time is not None and later.time is not None:
        return later.time - earlier.time
    return now - then


def _sum(left: Mapping[str, Counts], right: Mapping[str, Counts]) -> dict[str, Counts]:
    names = left.keys() | right.keys()
    return {name: left.get(name, Counts()) + right.get(name, Counts()) for name in names}
