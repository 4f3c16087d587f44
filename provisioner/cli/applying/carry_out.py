"""Carrying out a plan that was shown: judge it, get a yes, execute it, remember it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import click

from provisioner import policy
from provisioner.apply import Options, apply
from provisioner.cli import interrupts, output
from provisioner.cli.applying import filling, progress
from provisioner.cli.applying.probing import prober
from provisioner.cli.applying.remembering import remember, written_ahead
from provisioner.cli.bugs import report_bug
from provisioner.cli.environment.session import Session
from provisioner.errors import (
    AuthenticationFailed,
    Bug,
    ExitCode,
    PermissionDenied,
    Refused,
    StalePlan,
)
from provisioner.plan import Plan
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result
from provisioner.plan.secret_sync import SyncPlan
from provisioner.policy import Permits


def judge(plan: Plan | SyncPlan, doing: str = "apply") -> None:
    """Refuse what no permit can allow; the plan has been shown with the reasons."""
    forbidden = sum(problem.is_error for problem in plan.problems)
    if forbidden:
        raise Refused(
            f"cannot {doing}: {forbidden} problem{'s' * (forbidden != 1)} shown with the plan",
            "nothing was changed",
        )


def judge_rollouts(plan: Plan, session: Session, permits: Permits, *, wait: bool) -> None:
    """Refuse rollouts that nobody would watch, and ones left out that need a permit."""
    rolling = [entry.name for entry in plan.endpoints if entry.rollout and entry.rollout.restore]
    if rolling and not wait:
        raise Refused(
            f"cannot roll out {', '.join(rolling)} with --no-wait: somebody has to watch",
            "leave --no-wait out, or exclude them",
        )
    if session.loaded.spec.protected and (missing := policy.missing_rollouts(plan, permits)):
        output.show_problems(missing)
        raise Refused("cannot apply: permits are missing", "nothing was changed")


def approve(plan: Plan, session: Session, permits: Permits, *, asked: bool) -> None:
    """Get a yes: from the person at the terminal, or from the options.

    Raises:
        Refused: there is none.
    """
    if not consent(session, "apply", "Apply these changes?", asked=asked):
        missing = policy.missing_permits(plan, permits)
        if missing:
            output.show_problems(missing)
            raise Refused("cannot apply: permits are missing", "nothing was changed")


def consent(session: Session, doing: str, question: str, *, asked: bool) -> bool:
    """Whether a person at the terminal said yes; False = the options say it, but for permits.

    Raises:
        Refused: the answer was no, or nobody may or can say yes.
    """
    if asked and output.can_ask():
        if not click.confirm(question, err=True):
            raise Refused("not applied: the answer was no")
        return True
    if asked:
        raise Refused(
            f"cannot {doing} without approval: nobody is there to ask",
            "apply a saved plan, or use --auto-approve",
        )
    if session.loaded.spec.protected:
        raise Refused(
            f"cannot {doing}: environment {session.loaded.environment} is protected",
            "apply a saved plan that was reviewed, or answer the question at a terminal",
        )
    return False


def execute(plan: Plan, session: Session, parallelism: int = 10, *, wait: bool) -> Outcome:
    """Make the calls of a plan, telling how it goes, and write the record."""
    secrets = filling.secrets(plan, session)
    session.workspace.redact.add(secrets.values())
    with interrupts.held():
        return _carried_out(plan, session, secrets, parallelism, wait=wait)


def _carried_out(
    plan: Plan, session: Session, secrets: Mapping[str, str], parallelism: int, *, wait: bool
) -> Outcome:
    """Make the calls between what is written before and after them."""
    planned_at = session.memory.loaded_at
    ahead = written_ahead(session.record, plan, planned_at)
    # Digests are made with the key of the record, which the first of several runs settles.
    unsettled = bool(secrets) and not session.memory.salt
    if (unsettled or ahead != session.record) and (problem := session.memory.save(ahead)):
        output.show_problems([problem])
    ahead = replace(ahead, salt=session.memory.salt or ahead.salt)
    with progress.shown() as report:
        run = Options(
            secrets,
            parallelism,
            wait,
            report,
            interrupts.asked,
            interrupts.hurried,
            report_bug,
            prober(session),
        )
        outcome = apply(plan, session.workspace, run)
    if interrupts.hurried.is_set():
        session.workspace.forget_calls()
    remembered = remember(ahead, plan, outcome, secrets, planned_at)
    if problem := session.memory.save(remembered):
        output.show_problems([problem])
    return replace(outcome, interrupted=interrupts.asked.is_set())


_AUTH_CODES = {AuthenticationFailed.code, PermissionDenied.code}


def exit_code(outcome: Outcome) -> ExitCode:
    """The exit code that an outcome is worth."""
    failed = [endpoint for endpoint in outcome.endpoints if endpoint.result is Result.FAILED]
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if failed:
        codes = {endpoint.error_code for endpoint in failed}
        if Bug.code in codes:
            return ExitCode.BUG
        ended_well = {endpoint.result for endpoint in outcome.endpoints} & _GOING_WELL
        if codes == {StalePlan.code} and not ended_well:
            return ExitCode.STALE
        if ended_well or any(map(_halfway, failed)):
            return ExitCode.PARTIAL
        return ExitCode.AUTH if codes <= _AUTH_CODES else ExitCode.FAILED
    if any(endpoint.result is Result.ROLLED_BACK for endpoint in outcome.endpoints):
        return ExitCode.ROLLED_BACK
    timed_out = any(endpoint.error_code for endpoint in outcome.endpoints)
    return ExitCode.TIMED_OUT if timed_out else ExitCode.OK


_GOING_WELL = {Result.DONE, Result.IN_PROGRESS}


def _halfway(endpoint: EndpointOutcome) -> bool:
    """Whether some calls of an endpoint were made and others not."""
    steps = {step.result for step in endpoint.steps}
    return Result.DONE in steps and len(steps) > 1
