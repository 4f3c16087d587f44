"""What the process remembers of requests to endpoints; none of it is stored."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from provisioner.emulator.answers import Json

KEPT = 100_000
"""Entries of each kind; the oldest are forgotten."""


@dataclass(frozen=True)
class Sample:
    """One request as the metrics know it; ``entity`` is "" where it came to none."""

    at_ms: int
    endpoint: str
    entity: str
    status: int
    latency_ms: float


@dataclass(frozen=True)
class Spent:
    """A call, or the tokens of one."""

    at_ms: int
    calls: int
    tokens: int


@dataclass
class Split:
    """Smooth weighted round robin: exact over 100 requests, and as even within them as can be."""

    config_version: int
    credits: dict[str, int] = field(default_factory=dict)

    def next(self, weights: dict[str, int]) -> str:
        """Who takes the next request; ``weights`` are percentages above 0."""
        for name, weight in weights.items():
            self.credits[name] = self.credits.get(name, 0) + weight
        chosen = max(weights, key=lambda name: self.credits[name])
        self.credits[chosen] -= sum(weights.values())
        return chosen


@dataclass
class Ledger:
    """Counters of the process."""

    splits: dict[str, Split] = field(default_factory=dict)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT))
    spent: dict[tuple[str, ...], deque[Spent]] = field(default_factory=dict)
    """What rate limits count, by whose window it is."""
    used: deque[Json] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Rows of the usage table."""
    payloads: deque[Json] = field(default_factory=lambda: deque(maxlen=1000))
    """Rows of the inference tables."""
    requests: int = 0

    def split_of(self, endpoint: str, config_version: int) -> Split:
        """Where the cycle of an endpoint is; another config begins a new one."""
        split = self.splits.get(endpoint)
        if split is None or split.config_version != config_version:
            split = self.splits[endpoint] = Split(config_version)
        return split

    def usage(self) -> Json:
        """What usage tracking and inference tables would hold."""
        return {"usage": list(self.used), "payloads": list(self.payloads)}
