"""The steps of one endpoint's rollout: each is watched, and a breach leads back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.apply.caller import Caller
from provisioner.apply.watching import watch
from provisioner.errors import (
    InvalidRequest,
    NotFound,
    ProvisionerError,
    RolledBack,
    WorkspaceError,
)
from provisioner.plan import Step
from provisioner.plan.gates import Gate, Judgement
from provisioner.plan.outcome import GateOutcome
from provisioner.plan.traffic import in_words, routes_of
from provisioner.plan.verification import Verdict


class Rolling:
    """The rollout of one endpoint, which may have none."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._rollout = caller.entry.rollout
        self._begun = False
        self.opening: GateOutcome | None = None
        """What was found before the first step, where there was something to look at."""
        self.restored: dict[str, int] | None = None
        """Routes to which a breach led."""

    def before(self, step: Step) -> None:
        """Before the first step: see :meth:`open`."""
        if step.gate:
            self.open()

    def open(self) -> None:
        """Once: show what an earlier run has left to be shown.

        Raises:
            RolledBack: it broke a limit.
        """
        if self._begun or self._rollout is None:
            return
        self._begun = True
        if any(step.gate and step.gate.needs_metrics for step in self._caller.entry.steps):
            self._have_metrics()
        if self._rollout.opening:
            live = self._caller.service.read(self._caller.entry.name)
            # What failed earlier is told as failed for ever; what serves is what is watched.
            self.opening = self.outcome(self._rollout.opening, settle=bool(live and live.updating))
            self.hold_to(self.opening)

    def outcome(self, gate: Gate, *, settle: bool = True) -> GateOutcome:
        """Watch what a step brought, as soon as the endpoint has settled.

        Raises:
            StillInProgress: too little was seen to go on, or somebody asked to stop.
        """
        self._caller.standing = gate.share
        if settle:
            self._caller.settle()
        self._caller.look(gate)
        found = watch(gate, _Senses(self._caller), self._caller.entry.timeout_seconds)
        return replace(found, reason=self._caller.hidden(found.reason))

    def hold_to(self, outcome: GateOutcome) -> None:
        """Go on where nothing was broken; else bring the earlier routes back.

        Raises:
            RolledBack: they are in force.
            WorkspaceError: they could not be brought back.
        """
        if outcome.judgement is not Judgement.BREACHED:
            return
        name = self._caller.entry.name
        what = f"cannot roll out {name}: at {outcome.share} %: {outcome.reason}"
        self.restored = self._restore(what)
        raise RolledBack(
            what,
            f"the earlier routes are in force: {in_words(self.restored)}; the next apply "
            "begins anew, so correct it first, or apply the earlier declaration",
        )

    def _restore(self, what: str) -> dict[str, int]:
        back = self._rollout.restore if self._rollout else None
        if back is None or back.gate is None:
            raise AssertionError("a rollout without a way back")
        live = self._caller.service.read(self._caller.entry.name)
        if live is None or routes_of(live.document) != back.gate.routes:
            self._caller.say("restoring the earlier routes")
            try:
                self._caller.make(back)
            except ProvisionerError as failure:
                raise WorkspaceError(
                    f"{what}; the earlier routes could not be restored: "
                    f"{self._caller.scrubbed(failure)}",
                    "look at the endpoint: it may still have the new ones",
                ) from failure
            self._caller.standing = back.gate.share
            self._caller.settle()
        return back.gate.routes

    def _have_metrics(self) -> None:
        """A limit that nobody can judge should stop the first step, and not the second."""
        name = self._caller.entry.name
        try:
            self._caller.service.metrics(name)
        except (NotFound, InvalidRequest) as failure:
            raise WorkspaceError(
                f"cannot roll out {name}: it has no metrics to hold against its limits",
                "remove min_requests and the limits from `rollout`, or set probe_every instead",
            ) from failure


class _Senses:
    """What a watch perceives one endpoint with."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.look, self.now, self.pause, self.say = (
            *(caller.look, caller.now),
            *(caller.pause, caller.say),
        )

    def metrics(self) -> str:
        return self._caller.service.metrics(self._caller.entry.name)

    def probe(self, entities: Sequence[str]) -> Sequence[Verdict]:
        return self._caller.options.probe(self._caller.entry.name, entities)
