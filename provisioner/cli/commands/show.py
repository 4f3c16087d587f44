"""``provisioner show``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from provisioner.catalog import Catalog, catalog
from provisioner.cli import options, output, reports
from provisioner.cli.facts import facts_in_force
from provisioner.cli.options import Settings
from provisioner.errors import ProjectInvalid
from provisioner.report import machine, summary_of_plan, terminal


@click.command("show", short_help="Show a saved plan.")
@click.argument(
    "planfile", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="PLANFILE"
)
@options.output_format("text", "json", "markdown", "html")
@reports.options
@click.pass_obj
def command(settings: Settings, planfile: Path, form: str) -> None:
    """Show a saved plan; works however old the plan is, and needs no workspace.

    Nor does it need a project; in one whose own facts hold, times are told by those.
    """
    plan = machine.load_plan(planfile.read_bytes(), str(planfile))
    if form == "json":
        output.answer(machine.dump(plan))
        return
    facts = _facts(settings)
    if form == "text":
        output.answer(terminal.plan(plan, verbose=settings.verbose, facts=facts))
    else:
        summary = partial(summary_of_plan.summary, every_field=settings.verbose, facts=facts)
        output.answer(reports.Papers("Plan for", summary).one[form](plan))


def _facts(settings: Settings) -> Catalog:
    """The facts in force; a mistake in the project's own is told, and hides no plan."""
    try:
        return facts_in_force(settings)
    except ProjectInvalid as failure:
        output.show_problems(failure.problems())
        return catalog()
