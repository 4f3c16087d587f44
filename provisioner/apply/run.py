"""Executing a plan: every endpoint's steps in order, endpoints side by side.

Nothing is decided here. Before an endpoint is touched its live fingerprint is
compared with the one that the plan was made against. A failure ends the steps of
its own endpoint only, and nothing is ever undone: the next plan goes on from
whatever is there.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from provisioner.apply.contract import Options, Progress, Service
from provisioner.apply.secrets import filled
from provisioner.diff import in_force
from provisioner.errors import (
    AlreadyExists,
    AnswerLost,
    Conflict,
    EndpointFailed,
    NotFound,
    ProvisionerError,
    StalePlan,
    StillInProgress,
    WorkspaceError,
)
from provisioner.plan import Action, EndpointPlan, Plan, Step
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result, StepOutcome, summarise
from provisioner.redaction import Redactor
from provisioner.wire.answers import ABSENT, Live, digest, live_endpoint
from provisioner.wire.requests import invocation_url

_NAME_PAUSE = 2.0
"""Seconds until a name that is still taken is tried again."""
_TRIES = 3
"""For one call: the first, one after an answer was lost, one after somebody else's update."""


def apply(plan: Plan, service: Service, options: Options) -> Outcome:
    """Execute a plan; never raises for what goes wrong with an endpoint.

    Ctrl-C lets the calls in flight finish and starts no other.
    """
    stop = options.stop
    with ThreadPoolExecutor(max_workers=options.parallelism) as pool:
        runs = {
            entry.name: pool.submit(_Run(plan, entry, service, options).outcome)
            for entry in plan.endpoints
        }
        interrupted = wait_for(runs.values(), stop)
    outcomes = tuple(runs[entry.name].result() for entry in plan.endpoints)
    return Outcome(
        environment=plan.environment,
        project=plan.project,
        workspace=plan.workspace,
        fingerprint=plan.fingerprint,
        endpoints=outcomes,
        summary=summarise(outcomes),
        interrupted=interrupted,
    )


def wait_for(runs: Collection[Future[Any]], stop: threading.Event) -> bool:
    """Wait for all, and tell whether somebody asked to stop: Ctrl-C only sets ``stop``."""
    while not all(run.done() for run in runs):
        try:
            wait(runs)
        except KeyboardInterrupt:
            stop.set()
    return stop.is_set()


class _Run:
    """The execution of one endpoint's part of a plan."""

    def __init__(
        self,
        plan: Plan,
        entry: EndpointPlan,
        service: Service,
        options: Options,
    ) -> None:
        self._plan = plan
        self._entry = entry
        self._service = service
        self._options = options
        self._stop = options.stop
        self._id = entry.id
        self._version = 0
        self._hidden = Redactor(options.secrets.values())
        """Hides secrets, should the service have echoed one."""
        self._config = ""
        """Digest of the configuration as planned against, or as we sent it since."""
        self._steps: list[StepOutcome] = []

    def outcome(self) -> EndpointOutcome:
        """Run all steps and say how it went."""
        if self._entry.action is Action.NONE:
            return self._ended(Result.SKIPPED)
        if self._stop.is_set() or self._entry.action is Action.BLOCKED:
            return self._ended(Result.NOT_REACHED)
        try:
            self._execute()
        except StillInProgress as failure:
            return self._ended(Result.IN_PROGRESS, failure)
        except ProvisionerError as failure:
            self._say(f"failed: {self._scrubbed(failure)}")
            return self._ended(Result.FAILED, failure)
        waited = self._options.wait or not self._entry.settles
        return self._ended(Result.DONE if waited else Result.IN_PROGRESS)

    def _execute(self) -> None:
        live = self._service.read(self._entry.name, self._entry.permission_rows)
        if (live.fingerprint() if live else ABSENT) != self._entry.live_fingerprint:
            raise self._stale("it changed after the plan was made")
        if live:
            self._know(live)
        self._say(_DOING[self._entry.action])
        for step in self._entry.steps:
            if self._stop.is_set():
                raise StillInProgress(f"cannot {self._entry.action.value}: interrupted")
            self._perform(step)
        if self._entry.settles and self._options.wait:
            self._settle()
        self._say(_DONE[self._entry.action])

    def _perform(self, step: Step) -> None:
        if step.settle_first:
            self._settle()
        try:
            answer = self._sent(step)
        except ProvisionerError as failure:
            self._steps.append(StepOutcome(step.call, Result.FAILED, self._scrubbed(failure)))
            raise
        self._steps.append(StepOutcome(step.call, Result.DONE))
        self._learn(answer)
        self._prove_zero_limits(step)

    def _prove_zero_limits(self, step: Step) -> None:
        """Read back limits of zero: one that got lost would mean no limit at all."""
        wanted = self._entry.wanted()
        zero = {
            path: 0
            for path in step.changes
            if path.startswith("ai_gateway.rate_limits[") and wanted.get(path) == 0
        }
        if not zero:
            return
        live = self._service.read(self._entry.name)
        if live is None or not in_force(live.document, zero):
            raise WorkspaceError(
                f"cannot {self._entry.action.value} {self._entry.name}: "
                f"limit not in force: {', '.join(sorted(zero))} is not 0 when read back"
            )

    def _sent(self, step: Step) -> Mapping[str, Any]:
        """Make the call of a step; again where it had no effect."""
        last: ProvisionerError | None = None
        for _ in range(_TRIES):
            try:
                return self._call(step)
            except AlreadyExists as failure:
                raise self._stale("somebody else created it meanwhile") from failure
            except AnswerLost as failure:
                if self._took_effect(step):
                    return {}
                last = failure
            except Conflict as failure:
                if step.call.startswith("POST"):
                    self._pause(_NAME_PAUSE)  # the name of a deleted endpoint is not free yet
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
        doing = f"cannot {self._entry.action.value} {self._entry.name}: {step.call}"
        body = filled(step.body, self._options.secrets)
        return self._service.call(method, path.replace("{id}", self._id), body, doing=doing)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        """Keep what later steps need of an endpoint's answer: its id and new version."""
        if "state" in answer and "name" in answer:
            self._know(live_endpoint(answer))

    def _know(self, live: Live) -> None:
        self._id = live.id
        self._version = max(live.version, live.pending_version)
        self._config = digest(live.document.get("config"))

    def _took_effect(self, step: Step) -> bool:
        """Look whether a call did its work although its answer says otherwise or was lost."""
        live = self._service.read(self._entry.name, self._entry.permission_rows)
        if live is None or step.call.startswith("DELETE"):
            return live is None and step.call.startswith("DELETE")
        if step.call.startswith("POST") and live.owner != self._plan.owner:
            return False
        if step.call.endswith("/config") and live.pending_version <= self._version:
            moved = live.version > self._version
        else:
            moved = True
        wanted = self._entry.wanted()
        sent = {path: wanted[path] for path in step.changes if path in wanted}
        there = in_force(live.document, sent)
        if moved and there:
            self._know(live)
        return moved and there

    def _wait_for_others(self) -> None:
        """Let somebody else's update finish; go on only if it changed nothing for us."""
        self._say("waiting for another update to finish")
        live = self._service.settle(self._entry.name, 0, self._entry.timeout_seconds, self._pause)
        if digest(live.document.get("config")) != self._config:
            raise self._stale("somebody else's update changed its configuration meanwhile")
        self._know(live)

    def _stale(self, why: str) -> StalePlan:
        doing = f"cannot {self._entry.action.value} {self._entry.name}"
        return StalePlan(f"{doing}: {why}", "make a new plan")

    def _settle(self) -> None:
        self._say("waiting until it serves")
        self._service.settle(
            self._entry.name, self._version, self._entry.timeout_seconds, self._pause
        )

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise StillInProgress(f"cannot wait for {self._entry.name}: interrupted")

    def _scrubbed(self, failure: ProvisionerError) -> str:
        return self._hidden(str(failure))

    def _say(self, text: str) -> None:
        self._options.report(Progress(self._entry.name, text))

    def _ended(self, result: Result, failure: ProvisionerError | None = None) -> EndpointOutcome:
        rest = self._entry.steps[len(self._steps) :]
        left = Result.NOT_REACHED if self._entry.steps else Result.SKIPPED
        gone = self._entry.action is Action.RETIRE and result is Result.DONE
        url = invocation_url(self._service.host, self._entry.name)
        return EndpointOutcome(
            name=self._entry.name,
            action=self._entry.action,
            result=result,
            id="" if gone else self._id,
            invocation_url="" if gone or not self._id else url,
            steps=(*self._steps, *(StepOutcome(step.call, left) for step in rest)),
            error=self._scrubbed(failure) if failure else None,
            error_code=failure.code if failure else None,
            hint=failure.hint or None if failure else None,
            log=tuple(map(self._hidden, failure.log))
            if isinstance(failure, EndpointFailed)
            else (),
        )


_DOING = {
    Action.CREATE: "creating",
    Action.UPDATE: "updating",
    Action.REPLACE: "replacing",
    Action.RETIRE: "retiring",
    Action.ADOPT: "adopting",
    Action.WAIT: "an update is already in flight",
}
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.RETIRE: "retired",
    Action.ADOPT: "adopted",
    Action.WAIT: "ready",
}
