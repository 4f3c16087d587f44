"""``provisioner show``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from provisioner.cli import options, output, reports
from provisioner.cli.options import Settings
from provisioner.plan import Plan
from provisioner.report import machine, summary_of_plan, terminal


@click.command("show", short_help="Show a saved plan.")
@click.argument(
    "planfile", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="PLANFILE"
)
@options.output_format("text", "json", "markdown", "html")
@reports.options
@click.pass_obj
def command(settings: Settings, planfile: Path, form: str) -> None:
    """Show a saved plan; works however old the plan is, and needs no workspace."""
    plan = machine.load(planfile.read_bytes(), Plan, str(planfile))
    if form == "json":
        output.answer(machine.dump(plan))
    elif form == "text":
        output.answer(terminal.plan(plan, verbose=settings.verbose))
    else:
        summary = partial(summary_of_plan.summary, every_field=settings.verbose)
        output.answer(reports.Papers("Plan for", summary).one[form](plan))
