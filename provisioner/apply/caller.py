"""The calls about one endpoint: each takes effect once, whatever becomes of its answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from provisioner.apply.contract import Options, Progress, Service
from provisioner.apply.secrets import filled
from provisioner.diff import in_force
from provisioner.errors import (
    AlreadyExists,
    AnswerLost,
    Conflict,
    NotFound,
    ProvisionerError,
    StalePlan,
    StillInProgress,
)
from provisioner.plan import EndpointPlan, Step
from provisioner.plan.fills import Variable, variables
from provisioner.plan.gates import Gate
from provisioner.plan.traffic import routes_of
from provisioner.redaction import Redactor
from provisioner.wire.answers import Live, digest, live_endpoint

_NAME_PAUSE = 2.0
"""Seconds until a name that is still taken is tried again."""
_TRIES = 3
"""For one call: the first, one after an answer was lost, one after somebody else's update."""


class Caller:
    """Makes the calls about one endpoint, and knows what it has made of it."""

    def __init__(self, entry: EndpointPlan, owner: str, service: Service, options: Options) -> None:
        self.entry = entry
        self.service = service
        self.options = options
        self.id = entry.id
        self.hidden = Redactor(options.secrets.values())
        """Hides secrets, should the service have echoed one."""
        self.standing: int | None = None
        """Per cent at which a rollout is; ``None`` = there is none, or it has not begun."""
        self._owner = owner
        self._open: dict[Variable, str] = {}
        """Live values that bodies leave out; they go into requests only."""
        self._version = 0
        self._config = ""
        """Digest of the configuration as planned against, or as we sent it since."""

    def read(self) -> Live | None:
        """The endpoint as it is."""
        return self.service.read(self.entry.name, self.entry.permission_rows)

    def know(self, live: Live) -> None:
        """Take an endpoint for what our calls have to be compared with."""
        self.id = live.id
        self._open = {**variables(live), **self._open}
        self._version = max(live.version, live.pending_version)
        self._config = digest(live.document.get("config"))

    def make(self, step: Step) -> None:
        """Make the call of a step; again where it had no effect."""
        answer = self._sent(step)
        # Keep what later steps need of an endpoint's answer: its id and new version.
        if "state" in answer and "name" in answer:
            self.know(live_endpoint(answer))

    def settle(self) -> None:
        """Wait until the endpoint serves what was sent."""
        self.say("waiting until it serves")
        self.service.settle(self.entry.name, self._version, self.entry.timeout_seconds, self.pause)

    def look(self, gate: Gate) -> None:
        """Make sure that what a step of a rollout brought is still in force.

        Raises:
            StalePlan: somebody else changed it.
        """
        live = self.service.read(self.entry.name)
        others = live is None or 0 < self._version < max(live.version, live.pending_version)
        if live is None or others or routes_of(live.document) != gate.routes:
            raise self.stale(f"somebody else changed it while its rollout was at {gate.share} %")

    def pause(self, seconds: float) -> None:
        """Let time pass, until somebody asks to stop."""
        if self.options.stop.wait(seconds):
            raise self.interrupted(f"wait for {self.entry.name}")

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def say(self, text: str) -> None:
        """Tell how it goes."""
        self.options.report(Progress(self.entry.name, text))

    def scrubbed(self, failure: ProvisionerError) -> str:
        """A failure in words that hold no secret."""
        return self.hidden(str(failure))

    def stale(self, why: str) -> StalePlan:
        """What to raise when the endpoint is not what the plan is about."""
        doing = f"cannot {self.entry.action.value} {self.entry.name}"
        return StalePlan(f"{doing}: {why}", "make a new plan")

    def interrupted(self, doing: str) -> StillInProgress:
        """What to raise when somebody asked to stop."""
        if self.standing is None:
            return StillInProgress(f"cannot {doing}: interrupted")
        return StillInProgress(
            f"cannot {doing}: interrupted; its rollout stands at {self.standing} %",
            "apply goes on from there; to go back, apply the earlier declaration",
        )

    def _sent(self, step: Step) -> Mapping[str, Any]:
        last: ProvisionerError | None = None
        for _ in range(_TRIES):
            try:
                return self._call(step)
            except AlreadyExists as failure:
                raise self.stale("somebody else created it meanwhile") from failure
            except AnswerLost as failure:
                if self._took_effect(step):
                    return {}
                last = failure
            except Conflict as failure:
                if step.call.startswith("POST"):
                    self.pause(_NAME_PAUSE)  # the name of a deleted endpoint is not free yet
                else:
                    self._wait_for_others()
                last = failure
            except NotFound:
                if step.call.startswith("DELETE"):
                    return {}  # gone is gone, whoever did it
                raise
        raise last or AssertionError("no try was made")

    def _call(self, step: Step) -> dict[str, Any]:
        method, path = step.call.split(" ", 1)
        doing = f"cannot {self.entry.action.value} {self.entry.name}: {step.call}"
        try:
            body = filled(step, self.options.secrets, self._open)
        except KeyError as failure:
            raise self.stale("a variable of a model that it sends on is gone") from failure
        return self.service.call(method, path.replace("{id}", self.id), body, doing=doing)

    def _took_effect(self, step: Step) -> bool:
        """Look whether a call did its work although its answer says otherwise or was lost."""
        live = self.read()
        if live is None or step.call.startswith("DELETE"):
            return live is None and step.call.startswith("DELETE")
        if step.call.startswith("POST") and live.owner != self._owner:
            return False
        if step.call.endswith("/config") and live.pending_version <= self._version:
            moved = live.version > self._version
        else:
            moved = True
        there = self._holds(live, step)
        if moved and there:
            self.know(live)
        return moved and there

    def _holds(self, live: Live, step: Step) -> bool:
        if step.gate:
            return routes_of(live.document) == step.gate.routes
        wanted = self.entry.wanted()
        sent = {path: wanted[path] for path in step.changes if path in wanted}
        return in_force(live.document, sent)

    def _wait_for_others(self) -> None:
        """Let somebody else's update finish; go on only if it changed nothing for us."""
        self.say("waiting for another update to finish")
        live = self.service.settle(self.entry.name, 0, self.entry.timeout_seconds, self.pause)
        if digest(live.document.get("config")) != self._config:
            raise self.stale("somebody else's update changed its configuration meanwhile")
        self.know(live)
