"""``provisioner apply``: show, judge, ask, execute."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from provisioner.cli import options, output, reports, selecting
from provisioner.cli.applying import after_apply, events, reviewed
from provisioner.cli.applying.carry_out import approve, execute, judge, judge_rollouts
from provisioner.cli.applying.permitting import permits
from provisioner.cli.environment.opening import connected
from provisioner.cli.options import Selection, Settings
from provisioner.cli.selecting import Choice
from provisioner.errors import ExitCode
from provisioner.plan.outcome import Outcome
from provisioner.plan.preflight import Preflight
from provisioner.policy import Permits
from provisioner.report import (
    machine,
    summary_of_outcome,
    summary_of_verification,
    terminal,
    verified,
)

_ALREADY = "This plan was applied already; nothing to do."


@click.command("apply")
@options.environment
@click.argument(
    "planfile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=False,
    metavar="[PLANFILE]",
)
@selecting.choice
@click.option(
    "--as-declared", is_flag=True, help="Refuse a PLANFILE that these files do not ask for."
)
@click.option("--auto-approve", is_flag=True, help="Do not ask; permits are still needed.")
@permits
@click.option(
    "--refresh-secrets", is_flag=True, help="Send again what uses a secret that changed since."
)
@click.option(
    "--verify",
    "check",
    is_flag=True,
    help="Ask what was changed, and go back where its checks say so.",
)
@options.no_rollout
@options.preflight
@options.as_of
@click.option("--no-wait", is_flag=True, help="Return as soon as all calls were accepted.")
@options.output_format("text", "json", "markdown")
@reports.options
@options.parallelism
@events.option
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    planfile: Path | None,
    choice: Choice,
    as_declared: bool,  # noqa: FBT001 - an option
    auto_approve: bool,  # noqa: FBT001 - an option
    permits: Permits,
    refresh_secrets: bool,  # noqa: FBT001 - an option
    check: bool,  # noqa: FBT001 - an option
    no_rollout: bool,  # noqa: FBT001 - an option
    preflight: Preflight,
    day: date,
    no_wait: bool,  # noqa: FBT001 - an option
    form: str,
    parallelism: int,
) -> ExitCode:
    """Make the workspace what the project declares.

    Applies PLANFILE exactly, or makes a plan, shows it and asks.
    """
    if planfile:
        _check_alone(selected=choice.is_narrow, no_rollout=no_rollout)
    _check_waits(check=check, no_wait=no_wait)
    show = output.answer if form == "text" else output.note
    with connected(settings, environment, parallelism, day) as session:
        selection = choice.of(session)
        if planfile:
            saved = reviewed.read(planfile, session)
            plan = reviewed.left_to_do(saved, session)
            done = saved.has_changes and not plan.has_changes
            if as_declared:
                reviewed.check_declared(plan, session, selection)
        else:
            session.await_models(selection)
            at_once = Selection() if no_rollout else ()
            plan = session.compare(
                selection, refresh_secrets=refresh_secrets, at_once=at_once, preflight=preflight
            )[0]
            done = False
        show(
            _ALREADY
            if done
            else terminal.plan(plan, verbose=settings.verbose, facts=session.loaded.facts)
        )
        events.current().planned(plan)
        if plan.has_changes:
            judge(plan)
            judge_rollouts(plan, session, permits, wait=not no_wait)
            if not planfile:
                approve(plan, session, permits, asked=not auto_approve)
        outcome = execute(plan, session, parallelism, wait=not no_wait)
        if check:
            outcome = after_apply.verified(plan, outcome, session, parallelism)
    events.current().outcome(outcome)
    _tell(outcome, form, changed=plan.has_changes, verbose=settings.verbose)
    return after_apply.code(outcome)


def _check_waits(*, check: bool, no_wait: bool) -> None:
    if check and no_wait:
        raise click.UsageError("--verify needs what --no-wait does not wait for.")


def _check_alone(*, selected: bool, no_rollout: bool) -> None:
    if selected:
        raise click.UsageError("A saved plan is applied as it is; leave the selection out.")
    if no_rollout:
        raise click.UsageError("A saved plan is applied as it is; make it with --no-rollout.")


def _tell(outcome: Outcome, form: str, *, changed: bool, verbose: bool) -> None:
    if form == "json":
        output.answer(machine.dump(outcome))
        return
    if form == "markdown":
        told = [summary_of_outcome.summary(outcome)]
        if outcome.verification:
            told.append(summary_of_verification.summary(outcome.verification))
        output.answer(reports.markdown(told))
        return
    if changed:
        output.answer("")
        output.answer(terminal.outcome(outcome))
    if outcome.verification:
        output.answer("")
        output.answer(verified.text(outcome.verification, verbose=verbose))
