"""``provisioner drift``."""

from __future__ import annotations

import click

from provisioner.cli import options, output
from provisioner.cli.options import Selection, Settings
from provisioner.cli.session import connected
from provisioner.errors import ExitCode
from provisioner.plan.drift import assess
from provisioner.report import machine, terminal


@click.command("drift")
@options.environment
@options.selection
@options.output_format("text", "json")
@click.option("--unmanaged", is_flag=True, help="List endpoints that are not this project's, too.")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    form: str,
    unmanaged: bool,  # noqa: FBT001 - an option
    parallelism: int,
) -> ExitCode:
    """Tell where the workspace is not what is declared; only reads.

    Exits with 2 when anything differs, and with 10 when all is as declared but an
    endpoint does not serve.
    """
    selection = Selection(only, exclude)
    with connected(settings, environment, parallelism) as session:
        plan, live = session.compare(selection)
        others = session.unmanaged(selection) if unmanaged else []
        entries = session.record.endpoints
    remembered = {name: entry.id for name, entry in entries.items() if name in selection}
    found = assess(plan, live, remembered, others)
    if form == "json":
        output.answer(machine.dump(found))
    else:
        output.answer(terminal.drift(found, verbose=settings.verbose))
    if not found.in_sync:
        return ExitCode.CHANGES
    return ExitCode.OK if found.healthy else ExitCode.UNHEALTHY
