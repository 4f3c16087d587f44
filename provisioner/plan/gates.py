"""What has to hold before traffic moves on, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Gate:
    """What has to hold after one step of a rollout before anything else is done."""

    share: int
    """Per cent of the traffic that ``entities`` have together after the step."""
    entities: tuple[str, ...]
    """Served entities that are watched."""
    routes: dict[str, int]
    """Per cent of the traffic by served entity after the step; together 100."""
    checks: bool = False
    """Each of ``entities`` must answer its checks before the hold begins."""
    hold_seconds: float = 0.0
    """How long to watch; 0 = go on as soon as the endpoint has settled."""
    min_requests: int = 0
    """Requests that ``entities`` must have answered; the hold is longer until they have."""
    max_error_share: float | None = None
    """Part of the answers that may be server errors (5xx)."""
    max_client_error_share: float | None = None
    """Part of the answers that may be client errors (4xx)."""
    max_latency_p99_ms: int | None = None
    probe_every_seconds: float = 0.0
    """How often the checks are repeated while watching; 0 = never."""
    max_failed_probes: int = 0
    expected_seconds: float = 0.0
    """How long it should take: to settle, and to hold."""

    def meaning(self) -> dict[str, Any]:
        """What is asked, as plain data: without how long it should take."""
        return {**asdict(self), "expected_seconds": None}

    @property
    def needs_metrics(self) -> bool:
        """Whether the endpoint's metrics are read."""
        limits = (self.max_error_share, self.max_client_error_share, self.max_latency_p99_ms)
        return self.min_requests > 0 or any(limit is not None for limit in limits)


@dataclass(frozen=True)
class Seen:
    """What was seen of the watched entities since a hold began."""

    seconds: float
    requests: int | None = None
    """``None`` = the metrics do not tell. Where they are by the minute, of whole minutes only."""
    errors: int = 0
    client_errors: int = 0
    latency_p99_ms: float | None = None
    """``None`` = the metrics do not tell."""
    probes: int = 0
    failed_probes: int = 0


class Judgement(str, Enum):
    """What follows from what was seen."""

    PASSED = "passed"
    WAIT = "wait"
    BREACHED = "breached"


@dataclass(frozen=True)
class Ruling:
    """A judgement, and why."""

    judgement: Judgement
    reason: str = ""
    """In one line; empty when all holds."""


def judge(gate: Gate, seen: Seen) -> Ruling:
    """Whether a gate is passed; a limit that cannot be judged yet is never passed.

    Limits on shares and on latency count from the minimum of requests on: one error
    among the first three requests is no third.
    """
    if broken := next(_breaches(gate, seen), ""):
        return Ruling(Judgement.BREACHED, broken)
    if missing := next(_missing(gate, seen), ""):
        return Ruling(Judgement.WAIT, missing)
    return Ruling(Judgement.PASSED)


def _breaches(gate: Gate, seen: Seen) -> Iterator[str]:
    if seen.failed_probes > gate.max_failed_probes:
        yield (
            f"{seen.failed_probes} of {seen.probes} checks failed, "
            f"{gate.max_failed_probes} may (rollout.max_failed_probes)"
        )
    if not seen.requests or seen.requests < gate.min_requests:
        return
    for errors, limit, what, key in (
        (seen.errors, gate.max_error_share, "server errors", "max_error_share"),
        (
            seen.client_errors,
            gate.max_client_error_share,
            "client errors",
            "max_client_error_share",
        ),
    ):
        if limit is not None and errors > limit * seen.requests:
            yield (
                f"{errors} of {seen.requests} requests were answered with {what} "
                f"({errors / seen.requests:.1%}), rollout.{key} allows {limit:.1%}"
            )
    latency, most = seen.latency_p99_ms, gate.max_latency_p99_ms
    if latency is not None and most is not None and latency > most:
        yield f"the latency (p99) is {latency:.0f} ms, rollout.max_latency_p99_ms allows {most}"


def _missing(gate: Gate, seen: Seen) -> Iterator[str]:
    if seen.seconds < gate.hold_seconds:
        yield f"{gate.hold_seconds - seen.seconds:.0f} s of the hold are left"
    if gate.probe_every_seconds and not seen.probes:
        yield "no check was answered yet"
    if gate.needs_metrics and seen.requests is None:
        yield "the endpoint's metrics do not tell of these served entities"
    elif (seen.requests or 0) < gate.min_requests:
        yield f"{seen.requests} of {gate.min_requests} requests were seen"
    elif gate.needs_metrics and not seen.requests:
        yield "no request was seen, so no limit can be judged"
    elif gate.max_latency_p99_ms is not None and seen.latency_p99_ms is None:
        yield "the endpoint's metrics do not tell the latency"
