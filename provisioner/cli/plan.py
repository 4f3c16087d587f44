"""``provisioner plan``."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli import options, output
from provisioner.cli.options import Selection, Settings
from provisioner.cli.session import connected
from provisioner.errors import ExitCode
from provisioner.report import machine, terminal


@click.command("plan", short_help="Show what apply would do.")
@options.environment
@options.selection
@options.output_format("text", "json")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the plan, for review and for `apply`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    form: str,
    out: Path | None,
    detailed_exitcode: bool,  # noqa: FBT001 - an option
    parallelism: int,
) -> ExitCode:
    """Compare the project with the workspace and show what apply would do."""
    with connected(settings, environment, parallelism) as session:
        plan, _ = session.compare(Selection(only, exclude))
    if out:
        out.write_text(machine.dump(plan) + "\n", "utf-8")
        output.note(f"saved to {out}")
    if form == "json":
        output.answer(machine.dump(plan))
    else:
        output.answer(terminal.plan(plan, verbose=settings.verbose))
    return ExitCode.CHANGES if detailed_exitcode and plan.has_changes else ExitCode.OK
