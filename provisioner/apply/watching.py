"""Watching one step of a rollout until it is clear what follows from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from provisioner.errors import StillInProgress, WorkspaceError
from provisioner.plan.gates import Gate, Judgement, Seen, judge
from provisioner.plan.outcome import GateOutcome
from provisioner.plan.verification import Cause, Verdict
from provisioner.wire.metrics import Reading, Traffic, reading

_LONGEST_PAUSE = 10.0
_SHORTEST_PAUSE = 0.2
"""Seconds between two looks; ten of them go into a hold that is short."""


_OURS = {Cause.CALLER_LACKS_RIGHT, Cause.RATE_LIMITED, Cause.NO_ANSWER}
"""What keeps us from asking and tells nothing of what is asked."""


class Senses(Protocol):
    """What a watch perceives with; an exception of any of them ends it."""

    def look(self, gate: Gate) -> None:
        """Make sure that what is watched is still what the step brought."""

    def metrics(self) -> str:
        """The endpoint's metrics as Prometheus text."""

    def probe(self, entities: Sequence[str]) -> Sequence[Verdict]:
        """Put their checks to served entities."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def pause(self, seconds: float) -> None:
        """Let time pass."""

    def say(self, text: str) -> None:
        """Tell how it goes."""


def watch(gate: Gate, senses: Senses, patience: float) -> GateOutcome:
    """Watch until the gate is passed or broken.

    ``patience`` is for how many seconds after the hold what is missing is waited for.

    Raises:
        StillInProgress: it is over, and nothing is known against going on either.
    """
    if gate.checks:
        senses.say(f"asking {', '.join(gate.entities)} at {gate.share} %")
        verdicts = senses.probe(gate.entities)
        if unasked := [verdict for verdict in verdicts if verdict.cause in _OURS]:
            raise WorkspaceError(
                f"cannot go on from {gate.share} %: {said(unasked[0])}",
                unasked[0].hint or "the checks have to be asked before traffic moves",
            )
        if failed := [verdict for verdict in verdicts if not verdict.ok]:
            return GateOutcome(gate.share, Judgement.BREACHED, said(failed[0]))
    return _Watch(gate, senses, patience).until_clear()


def said(verdict: Verdict) -> str:
    """A failed check in one line."""
    cause = verdict.cause.value.replace("_", " ")
    return f"check `{verdict.check}` of {verdict.entity} failed ({cause}): {verdict.message}"


@dataclass
class _Watch:
    """One hold."""

    gate: Gate
    senses: Senses
    patience: float
    probes: int = 0
    failed: tuple[Verdict, ...] = ()
    told: str = ""

    def until_clear(self) -> GateOutcome:
        """Look again and again."""
        gate, senses = self.gate, self.senses
        began = senses.now()
        traffic = Traffic.since(self._reading(), began)
        next_probe = began + gate.probe_every_seconds
        while True:
            seen = self._seen(traffic, senses.now() - began)
            ruling = judge(gate, seen)
            if ruling.judgement is not Judgement.WAIT:
                return GateOutcome(gate.share, ruling.judgement, self._why(ruling.reason), seen)
            if seen.seconds > gate.hold_seconds + self.patience:
                raise StillInProgress(
                    f"held at {gate.share} % for {seen.seconds:.0f} s in vain: {ruling.reason}"
                )
            self._tell(ruling.reason)
            senses.pause(self._interval(seen.seconds))
            senses.look(gate)
            if gate.needs_metrics:
                traffic = traffic.and_then(self._reading(), senses.now())
            if gate.probe_every_seconds and senses.now() >= next_probe:
                self._probe()
                next_probe = senses.now() + gate.probe_every_seconds

    def _interval(self, held: float) -> float:
        pause = min(max(self.gate.hold_seconds / 10, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        left = self.gate.hold_seconds - held
        return min(pause, left) if left > 0 else pause

    def _reading(self) -> Reading:
        if not self.gate.needs_metrics:
            return Reading({}, of_last_minute=True)
        try:
            return reading(self.senses.metrics())
        except WorkspaceError:
            # Not to know is not to pass: the next reading may tell.
            return Reading({}, of_last_minute=True)

    def _probe(self) -> None:
        found = self.senses.probe(self.gate.entities)
        verdicts = [verdict for verdict in found if verdict.cause not in _OURS]
        self.probes += len(verdicts)
        self.failed = (*self.failed, *(verdict for verdict in verdicts if not verdict.ok))

    def _seen(self, traffic: Traffic, seconds: float) -> Seen:
        found = traffic.of(self.gate.entities)
        if found is None:
            return Seen(seconds, probes=self.probes, failed_probes=len(self.failed))
        return Seen(
            seconds,
            requests=round(found.requests),
            errors=round(found.errors),
            client_errors=round(found.client_errors),
            latency_p99_ms=found.latency_ms(0.99),
            probes=self.probes,
            failed_probes=len(self.failed),
        )

    def _why(self, reason: str) -> str:
        """A reason with the last check that failed, where that is what it is about."""
        if reason and self.failed and len(self.failed) > self.gate.max_failed_probes:
            return f"{reason}; {said(self.failed[-1])}"
        return reason

    def _tell(self, reason: str) -> None:
        """Say what is waited for, once, and not with every number."""
        kind = re.sub(r"\d+", "", reason)
        if kind != self.told:
            self.told = kind
            self.senses.say(f"waiting at {self.gate.share} %: {reason}")
