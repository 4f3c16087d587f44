"""``provisioner plan``."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import click

from provisioner.cli import options, output, reports, saving, selecting
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.several import Face, Question, ask, show
from provisioner.cli.facts import facts_in_force
from provisioner.cli.options import Selection, Settings
from provisioner.cli.selecting import Choice
from provisioner.errors import ExitCode
from provisioner.plan import Plan
from provisioner.plan.fleet import Fleet
from provisioner.plan.preflight import Preflight
from provisioner.report import machine, summary_of_plan, terminal


@click.command("plan", short_help="Show what apply would do.")
@options.environments
@selecting.choice
@options.output_format("text", "json", "markdown", "html")
@reports.options
@click.option(
    "--out",
    type=saving.OutFile(),
    help="Save the plan, for review and for `apply`; {env} in the name stands for ENV.",
)
@options.no_rollout
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 when there are changes, with 5 when apply would refuse them.",
)
@options.preflight
@options.as_of
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    choice: Choice,
    form: str,
    out: str | None,
    no_rollout: bool,  # noqa: FBT001 - an option
    detailed_exitcode: bool,  # noqa: FBT001 - an option
    preflight: Preflight,
    day: date,
    parallelism: int,
) -> ExitCode:
    """Compare the project with the workspace and show what apply would do.

    Of several environments the worst exit code counts.
    """
    if out and options.are_several(environments) and saving.PLACE not in out:
        raise click.UsageError(f"--out needs {saving.PLACE} in its name for several environments")
    look = partial(_look, choice=choice, no_rollout=no_rollout, preflight=preflight)
    code = partial(_code, detailed=detailed_exitcode)
    found = ask(settings, environments, Question(look, code, day=day), parallelism)
    if out:
        _save(found, out)
    facts = facts_in_force(settings)
    text = partial(terminal.plan, verbose=settings.verbose, facts=facts)
    summary = partial(summary_of_plan.summary, every_field=settings.verbose, facts=facts)
    papers = reports.Papers("Plan for", summary)
    one = papers.one | {"text": text, "json": machine.dump}
    return show(found, environments, form, Face("The plan", one, papers.together))


def _look(session: Session, choice: Choice, *, no_rollout: bool, preflight: Preflight) -> Plan:
    at_once = Selection() if no_rollout else ()
    return session.compare(choice.of(session), at_once=at_once, preflight=preflight)[0]


def _code(plan: Plan, *, detailed: bool) -> ExitCode:
    if not detailed or not plan.has_changes:
        return ExitCode.OK
    return ExitCode.REFUSED if plan.is_refused else ExitCode.CHANGES


def _save(found: Fleet[Plan], out: str) -> None:
    for plan in found.results:
        path = Path(out.replace(saving.PLACE, plan.environment))
        saving.save(path, f"{machine.dump(plan)}\n".encode())
        output.note(f"saved to {path}")
