"""``provisioner apply``: show, judge, ask, execute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from provisioner import policy
from provisioner.apply import Options, Progress, apply, placeholders
from provisioner.cli import options, output
from provisioner.cli.options import Selection, Settings
from provisioner.cli.session import Session, connected
from provisioner.cli.staleness import moved
from provisioner.diff import Effect, Reason
from provisioner.errors import (
    AuthenticationFailed,
    ExitCode,
    PermissionDenied,
    ProjectInvalid,
    Refused,
    StalePlan,
    error,
)
from provisioner.plan import Action, EndpointPlan, Plan
from provisioner.plan.outcome import Outcome, Result
from provisioner.policy import Permits
from provisioner.record import Record, sealed
from provisioner.report import machine, terminal


@click.command("apply")
@options.environment
@click.argument(
    "planfile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=False,
    metavar="[PLANFILE]",
)
@options.selection
@click.option("--auto-approve", is_flag=True, help="Do not ask; permits are still needed.")
@click.option("--allow-retire", multiple=True, metavar="GLOB", help="Permit to delete these.")
@click.option("--allow-replace", multiple=True, metavar="GLOB", help="Permit to make these anew.")
@click.option("--adopt", multiple=True, metavar="GLOB", help="Permit to take these over.")
@click.option("--no-wait", is_flag=True, help="Return as soon as all calls were accepted.")
@options.output_format("text", "json")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    planfile: Path | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    auto_approve: bool,  # noqa: FBT001 - an option
    allow_retire: tuple[str, ...],
    allow_replace: tuple[str, ...],
    adopt: tuple[str, ...],
    no_wait: bool,  # noqa: FBT001 - an option
    form: str,
    parallelism: int,
) -> ExitCode:
    """Make the workspace what the project declares.

    Applies PLANFILE exactly, or makes a plan, shows it and asks.
    """
    permits = Permits(allow_retire, allow_replace, adopt)
    show = output.answer if form == "text" else output.note
    with connected(settings, environment, parallelism) as session:
        selection = Selection(only, exclude)
        if planfile:
            plan = _saved(planfile, session)
        else:
            plan, _ = session.compare(selection)
        show(terminal.plan(plan, verbose=settings.verbose))
        if planfile and (already := _still_valid(plan, session)):
            show(already)
            return ExitCode.OK
        if plan.has_changes:
            _judge(plan)
            if not planfile:
                _approve(plan, session, permits, asked=not auto_approve)
        outcome = _execute(plan, session, parallelism, wait=not no_wait)
    if form == "json":
        output.answer(machine.dump(outcome))
    elif plan.has_changes:
        show("")
        show(terminal.outcome(outcome))
    return exit_code(outcome)


def _saved(planfile: Path, session: Session) -> Plan:
    plan = machine.load(planfile.read_bytes(), Plan, str(planfile))
    here = session.target
    if (plan.owner, plan.workspace) != (here.owner, here.workspace):
        raise Refused(
            f"{planfile} is a plan for {plan.owner} on {plan.workspace.host}, "
            f"not for {here.owner} on {here.workspace.host}"
        )
    return plan


def _still_valid(plan: Plan, session: Session) -> str:
    """Empty when the plan fits the workspace; else that it was applied already.

    Raises:
        StalePlan: the workspace moved.
    """
    stale, reached = moved(plan, session.workspace)
    if not stale:
        return ""
    if reached:
        return "This plan was applied already; nothing to do."
    raise StalePlan(
        f"cannot apply the saved plan: changed after it was made: {', '.join(stale)}",
        "make a new plan and have it reviewed",
    )


def _judge(plan: Plan) -> None:
    """Refuse what no permit can allow; the plan has been shown with the reasons."""
    forbidden = sum(problem.is_error for problem in plan.problems)
    if forbidden:
        raise Refused(
            f"cannot apply: {forbidden} problem{'s' * (forbidden != 1)} shown with the plan",
            "nothing was changed",
        )


def _approve(plan: Plan, session: Session, permits: Permits, *, asked: bool) -> None:
    """Get a yes: from the person at the terminal, or from the options.

    Raises:
        Refused: there is none.
    """
    if asked and output.can_ask():
        if not click.confirm("Apply these changes?", err=True):
            raise Refused("not applied: the answer was no")
        return
    if asked:
        raise Refused(
            "cannot apply without approval: nobody is there to ask",
            "apply a saved plan, or use --auto-approve",
        )
    if session.loaded.spec.protected:
        raise Refused(
            f"cannot apply: environment {plan.environment} is protected",
            "apply a saved plan that was reviewed, or answer the question at a terminal",
        )
    missing = policy.missing_permits(plan, permits)
    if missing:
        output.show_problems(missing)
        raise Refused("cannot apply: permits are missing", "nothing was changed")


def _execute(plan: Plan, session: Session, parallelism: int, *, wait: bool) -> Outcome:
    secrets = _secrets(plan)
    report = _report_progress
    run = Options(secrets=secrets, parallelism=parallelism, wait=wait, report=report)
    outcome = apply(plan, session.workspace, run)
    remembered = _remember(session.record, plan, outcome, secrets)
    if problem := session.memory.save(remembered):
        output.show_problems([problem])
    return outcome


def _secrets(plan: Plan) -> Mapping[str, str]:
    """Values of the environment variables that the plan's calls need."""
    needed = placeholders(plan)
    missing = [
        error(
            "missing-environment-variable",
            f"the environment variable {name} is not set; {', '.join(endpoints)} needs it",
            "set it where apply runs; its value goes into the request and nowhere else",
        )
        for name, endpoints in needed.items()
        if not os.environ.get(name)
    ]
    if missing:
        raise ProjectInvalid(*missing)
    return {name: os.environ[name] for name in needed}


def _report_progress(progress: Progress) -> None:
    output.note(f"{progress.name}: {terminal.printable(progress.text)}")


def _remember(record: Record, plan: Plan, outcome: Outcome, secrets: Mapping[str, str]) -> Record:
    """What is known after an apply: accepted declarations, and what is gone."""
    entries = {entry.name: entry for entry in plan.endpoints}
    for ended in outcome.endpoints:
        declared = entries[ended.name].declared
        if ended.action is Action.RETIRE and ended.result is Result.DONE:
            record = record.retire(ended.name)
        elif declared is not None and ended.id and ended.result in _ACCEPTED:
            if ended.result is not Result.SKIPPED:
                # The digest of what was sent, which a saved plan may not have known.
                declared = sealed(declared, record.salt, declared, secrets.get)
            declared = _as_applied(declared, entries[ended.name])
            record = record.applied(ended.name, ended.id, declared)
    return record


def _as_applied(declared: dict[str, Any], entry: EndpointPlan) -> dict[str, Any]:
    """The declared document with the old values of what no call could change."""
    result = dict(declared)
    for change in entry.changes:
        if change.effect is Effect.NONE and change.reason is Reason.FIXED_AT_CREATION:
            result.pop(change.path, None)
            if change.before is not None:
                result[change.path] = change.before
    return result


_ACCEPTED = {Result.DONE, Result.SKIPPED}
_AUTH_CODES = {AuthenticationFailed.code, PermissionDenied.code}


def exit_code(outcome: Outcome) -> ExitCode:
    """The exit code that an outcome is worth."""
    results = {endpoint.result for endpoint in outcome.endpoints}
    failures = {
        endpoint.error_code for endpoint in outcome.endpoints if endpoint.result is Result.FAILED
    }
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if failures:
        if results & {Result.DONE, Result.IN_PROGRESS}:
            return ExitCode.PARTIAL
        if failures == {StalePlan.code}:
            return ExitCode.STALE
        return ExitCode.AUTH if failures <= _AUTH_CODES else ExitCode.FAILED
    timed_out = any(endpoint.error_code for endpoint in outcome.endpoints)
    return ExitCode.TIMED_OUT if timed_out else ExitCode.OK
