"""``provisioner apply``: show, judge, ask, execute."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options, output
from provisioner.cli.carry_out import approve, execute, exit_code, judge
from provisioner.cli.options import Selection, Settings
from provisioner.cli.session import Session, connected
from provisioner.cli.staleness import moved
from provisioner.errors import ExitCode, Refused, StalePlan
from provisioner.plan import Plan
from provisioner.policy import Permits
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
@click.option(
    "--refresh-secrets", is_flag=True, help="Send again what uses a secret that changed since."
)
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
    refresh_secrets: bool,  # noqa: FBT001 - an option
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
            session.await_models(selection)
            plan, _ = session.compare(selection, refresh_secrets=refresh_secrets)
        if planfile and (already := _still_valid(plan, session)):
            show(already)
            return ExitCode.OK
        show(terminal.plan(plan, verbose=settings.verbose))
        if plan.has_changes:
            judge(plan)
            if not planfile:
                approve(plan, session, permits, asked=not auto_approve)
        outcome = execute(plan, session, parallelism, wait=not no_wait)
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
    fresh, _ = session.compare(Selection(only=tuple(stale)))
    output.note(terminal.moved(plan, fresh, stale))
    raise StalePlan(
        f"cannot apply the saved plan: changed after it was made: {', '.join(stale)}",
        "make a new plan and have it reviewed",
    )
