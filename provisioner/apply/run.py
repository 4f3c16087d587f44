"""Executing a plan: every endpoint's steps in order, endpoints side by side.

Nothing is decided here. Before an endpoint is touched its live fingerprint is
compared with the one that the plan was made against. A failure ends the steps of
its own endpoint only, and nothing is undone but the traffic of a rollout that broke
its limits: the next plan goes on from whatever is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from provisioner.apply.caller import Caller
from provisioner.apply.contract import Options, Service
from provisioner.apply.rolling import Rolling
from provisioner.diff import in_force
from provisioner.errors import (
    Bug,
    EndpointFailed,
    ProvisionerError,
    RolledBack,
    StillInProgress,
    WorkspaceError,
)
from provisioner.plan import Action, EndpointPlan, Plan, Step
from provisioner.plan.gates import Gate, Judgement
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result, StepOutcome, summarise
from provisioner.wire.answers import ABSENT
from provisioner.wire.requests import invocation_url

T = TypeVar("T")

_LOOK = 0.2
"""Seconds between two looks whether somebody is in a hurry."""
BUG, BUG_HINT = "a bug in this tool", "it is told on stderr; please report it"


def apply(plan: Plan, service: Service, options: Options) -> Outcome:
    """Execute a plan; never raises for what goes wrong with an endpoint.

    Asked to stop it lets the calls in flight finish and starts no other; asked to hurry it
    leaves them, too.
    """
    # Whoever holds a step of a rollout makes hardly any call, and keeps nobody waiting.
    holding = sum(entry.rollout is not None for entry in plan.endpoints)
    runs = [_Run(plan, entry, service, options) for entry in plan.endpoints]
    ended = at_once([run.outcome for run in runs], options.parallelism + holding, options.hurry)
    outcomes = tuple(found or run.left() for run, found in zip(runs, ended, strict=True))
    return Outcome(
        environment=plan.environment,
        project=plan.project,
        workspace=plan.workspace,
        fingerprint=plan.fingerprint,
        endpoints=outcomes,
        summary=summarise(outcomes),
        interrupted=options.stop.is_set(),
    )


def at_once(tasks: Iterable[Callable[[], T]], most: int, hurry: threading.Event) -> list[T | None]:
    """The results of tasks, ``most`` at the same time; ``None`` = left, as ``hurry`` was set."""
    pool = ThreadPoolExecutor(most)
    try:
        runs = [pool.submit(task) for task in tasks]
        while not hurry.is_set() and wait(runs, timeout=_LOOK).not_done:
            pass
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [run.result() if run.done() and not run.cancelled() else None for run in runs]


class _Run:
    """The execution of one endpoint's part of a plan."""

    def __init__(
        self,
        plan: Plan,
        entry: EndpointPlan,
        service: Service,
        options: Options,
    ) -> None:
        self._entry = entry
        self._options = options
        self._caller = Caller(entry, plan.owner, service, options)
        self._rolling = Rolling(self._caller)
        self._steps: list[StepOutcome] = []
        self._begun = False

    def outcome(self) -> EndpointOutcome:
        """Run all steps and say how it went."""
        try:
            return self._outcome()
        except Exception as failure:
            # What nobody thought of takes one endpoint down, not the others and their record.
            self._options.bug(failure)
            return self._ended(Result.FAILED, Bug(f"{self._doing()}: {BUG}", BUG_HINT))

    def left(self) -> EndpointOutcome:
        """How it stands, though its calls may be under way still."""
        if not self._begun:
            return self._ended(Result.NOT_REACHED)
        why = "interrupted twice, so nobody waited for the call in flight"
        failure = StillInProgress(f"{self._doing()}: {why}", "the next plan shows what it did")
        return self._ended(Result.IN_PROGRESS, failure)

    def _doing(self) -> str:
        return f"cannot {self._entry.action.value} {self._entry.name}"

    def _outcome(self) -> EndpointOutcome:
        if self._entry.action is Action.NONE:
            return self._ended(Result.SKIPPED)
        if self._options.stop.is_set() or self._entry.action is Action.BLOCKED:
            return self._ended(Result.NOT_REACHED)
        self._begun = True
        try:
            self._execute()
        except StillInProgress as failure:
            return self._ended(Result.IN_PROGRESS, failure)
        except RolledBack as failure:
            self._caller.say(f"rolled back: {self._caller.scrubbed(failure)}")
            return self._ended(Result.ROLLED_BACK, failure)
        except ProvisionerError as failure:
            self._caller.say(f"failed: {self._caller.scrubbed(failure)}")
            return self._ended(Result.FAILED, failure)
        waited = self._options.wait or not self._entry.settles
        return self._ended(Result.DONE if waited else Result.IN_PROGRESS)

    def _execute(self) -> None:
        live = self._caller.read()
        if (live.fingerprint() if live else ABSENT) != self._entry.live_fingerprint:
            raise self._caller.stale("it changed after the plan was made")
        if live:
            self._caller.know(live)
        self._caller.say(_DOING[self._entry.action])
        for step in self._entry.steps:
            if self._options.stop.is_set():
                raise self._caller.interrupted(self._entry.action.value)
            self._rolling.before(step)
            self._perform(step)
        self._rolling.open()
        if self._entry.settles and self._options.wait:
            self._caller.settle()
        self._caller.say(_DONE[self._entry.action])

    def _perform(self, step: Step) -> None:
        if step.settle_first:
            self._caller.settle()
        try:
            self._caller.make(step)
        except ProvisionerError as failure:
            self._steps.append(self._failed(step, failure))
            raise
        self._steps.append(StepOutcome(step.call, Result.DONE))
        self._prove_zero_limits(step)
        if step.gate:
            self._watch(step, step.gate)

    def _watch(self, step: Step, gate: Gate) -> None:
        """Let a step of a rollout show what it is worth; it is not done before."""
        self._steps[-1] = StepOutcome(step.call, Result.IN_PROGRESS)
        try:
            outcome = self._rolling.outcome(gate)
        except StillInProgress:
            raise
        except ProvisionerError as failure:
            self._steps[-1] = self._failed(step, failure)
            raise
        broken = outcome.judgement is Judgement.BREACHED
        result = Result.ROLLED_BACK if broken else Result.DONE
        self._steps[-1] = StepOutcome(step.call, result, outcome.reason or None, outcome)
        self._rolling.hold_to(outcome)

    def _failed(self, step: Step, failure: ProvisionerError) -> StepOutcome:
        return StepOutcome(step.call, Result.FAILED, self._caller.scrubbed(failure))

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
        live = self._caller.service.read(self._entry.name)
        if live is None or not in_force(live.document, zero):
            raise WorkspaceError(
                f"cannot {self._entry.action.value} {self._entry.name}: "
                f"limit not in force: {', '.join(sorted(zero))} is not 0 when read back"
            )

    def _ended(self, result: Result, failure: ProvisionerError | None = None) -> EndpointOutcome:
        caller = self._caller
        rest = self._entry.steps[len(self._steps) :]
        left = Result.NOT_REACHED if self._entry.steps else Result.SKIPPED
        gone = self._entry.action is Action.RETIRE and result is Result.DONE
        url = invocation_url(caller.service.host, self._entry.name)
        return EndpointOutcome(
            name=self._entry.name,
            action=self._entry.action,
            result=result,
            id="" if gone else caller.id,
            invocation_url="" if gone or not caller.id else url,
            steps=(*self._steps, *(StepOutcome(step.call, left) for step in rest)),
            error=caller.scrubbed(failure) if failure else None,
            error_code=failure.code if failure else None,
            hint=failure.hint or None if failure else None,
            log=tuple(map(caller.hidden, failure.log))
            if isinstance(failure, EndpointFailed)
            else (),
            opening=self._rolling.opening,
            restored=self._rolling.restored,
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
