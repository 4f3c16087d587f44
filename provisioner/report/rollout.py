"""A rollout in words: every step of a plan, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from provisioner.plan import EndpointPlan
from provisioner.plan.gates import Gate, Seen
from provisioner.plan.model import Known, RolloutPlan, Skipped
from provisioner.plan.outcome import EndpointOutcome
from provisioner.plan.standing import InRollout
from provisioner.plan.traffic import in_words

_SKIPPED = {
    Skipped.NEW_ENDPOINT: "no rollout: a new endpoint has no traffic to move",
    Skipped.ON_REQUEST: "without its rollout, as asked: all traffic moves at once",
}
_EARLIER = {
    Known.LIVE: "",
    Known.APPLIED: " (as applied last)",
    Known.ESTIMATED: " (estimated)",
}


def steps(entry: EndpointPlan) -> Iterator[str]:
    """How the traffic of an endpoint is planned to move, a line a step."""
    rollout = entry.rollout
    if rollout is None:
        return
    if rollout.skipped:
        yield _SKIPPED[rollout.skipped]
    gates = [step.gate for step in entry.steps if step.gate]
    if not gates and rollout.opening is None:
        return
    yield f"rollout of {', '.join(rollout.entities)}: about {minutes(rollout.expected_seconds)}"
    earlier: Gate | None = None
    if opening := rollout.opening:
        yield _line(opening, f"where it is now: {_awaited(opening)}")
        earlier = opening
    for gate in gates:
        yield _line(gate, f"{_told(gate, earlier)}: {_awaited(gate)}")
        earlier = gate
    yield from _limits(rollout, gates)


def _line(gate: Gate, told: str) -> str:
    about = f" (about {minutes(gate.expected_seconds)})" if gate.expected_seconds else ""
    return f"{gate.share:>3} %  {told}{about}"


def _told(gate: Gate, earlier: Gate | None) -> str:
    """What one step does."""
    if gate.checks:
        return f"{', '.join(gate.entities)} comes"
    if earlier and (gone := sorted(earlier.routes.keys() - gate.routes.keys())):
        return f"{', '.join(gone)} goes"
    others = {name: part for name, part in gate.routes.items() if name not in gate.entities}
    watched = {name: gate.routes[name] for name in gate.entities}
    return ", ".join(filter(None, map(in_words, (watched, others))))


def _awaited(gate: Gate) -> str:
    if gate.hold_seconds:
        return f"held {minutes(gate.hold_seconds)}"
    return "must be ready and answer its checks" if gate.checks else "must be ready"


def _limits(rollout: RolloutPlan, gates: list[Gate]) -> Iterator[str]:
    """What is asked of every step that is held, and where a breach leads."""
    held = next((g for g in (rollout.opening, *gates) if g and g.hold_seconds), None)
    if held:
        parts = [
            f"at least {held.min_requests} requests" if held.min_requests else "",
            _share("server errors", held.max_error_share),
            _share("client errors", held.max_client_error_share),
            f"p99 up to {held.max_latency_p99_ms} ms" if held.max_latency_p99_ms else "",
            _probes(held),
        ]
        told = ", ".join(filter(None, parts)) or "no limits: only time passes"
        yield f"each step: {told}"
    if rollout.restore and rollout.restore.gate:
        back = in_words(rollout.restore.gate.routes)
        yield f"a breach returns to {back}{_EARLIER[rollout.earlier]}"


def _share(what: str, limit: float | None) -> str:
    return "" if limit is None else f"up to {limit * 100:g} % {what}"


def _probes(gate: Gate) -> str:
    if not gate.probe_every_seconds:
        return ""
    may = f", {gate.max_failed_probes} may fail" if gate.max_failed_probes else ""
    return f"checks every {minutes(gate.probe_every_seconds)}{may}"


def minutes(seconds: float) -> str:
    """A time for people: seconds where it is short, else whole minutes, rounded up."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} min"


def progress(rollout: InRollout) -> str:
    """How far a rollout is, in one line."""
    then = ", ".join(f"{share} %" for share in rollout.ahead)
    now = f"rollout of {', '.join(rollout.entities)}: {rollout.share} % of the traffic now"
    return f"{now}, then {then}" if then else f"{now}, which the next apply still watches"


def watched(endpoint: EndpointOutcome) -> Iterator[str]:
    """What was seen of each step that was held and passed; a breach is the endpoint's error."""
    outcomes = [endpoint.opening, *(step.gate for step in endpoint.steps)]
    for outcome in outcomes:
        if outcome and outcome.seen and outcome.seen.seconds >= 1 and not outcome.reason:
            yield f"{outcome.share:>3} %  held {_found(outcome.seen)}"


def _found(seen: Seen) -> str:
    parts = [minutes(seen.seconds)]
    if seen.requests is not None:
        parts.append(f"{seen.requests} requests, {seen.errors} errors")
    if seen.latency_p99_ms is not None:
        parts.append(f"p99 {seen.latency_p99_ms:.0f} ms")
    if seen.probes:
        parts.append(f"{seen.probes} checked, {seen.failed_probes} failed")
    return ", ".join(parts)
