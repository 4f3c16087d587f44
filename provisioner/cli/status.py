"""``provisioner status``."""

from __future__ import annotations

import json
from typing import Any

import click

from provisioner.cli import options, output
from provisioner.cli.options import Selection, Settings
from provisioner.cli.session import connected
from provisioner.errors import ExitCode
from provisioner.plan.drift import Health, health
from provisioner.report import terminal
from provisioner.report.problems import printable
from provisioner.wire.answers import Live
from provisioner.wire.requests import invocation_url


@click.command("status")
@options.environment
@options.selection
@options.output_format("text", "json")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    form: str,
    parallelism: int,
) -> ExitCode:
    """Tell how this project's endpoints are; only reads.

    Exits with 10 when one of them does not serve.
    """
    selection = Selection(only, exclude)
    with connected(settings, environment, parallelism) as session:
        live = session.managed(selection)
    rows = [_row(found, session.workspace.host) for found in live]
    if form == "json":
        output.answer(json.dumps({"format_version": 1, "endpoints": rows}, indent=2))
    else:
        output.answer(terminal.table(("health", "version", "name"), rows))
        for found in live:
            for entity, message in found.failures:
                output.answer(f"  {found.name}: {printable(f'{entity}: {message}')}")
    well = {Health.READY, Health.UPDATING}
    return ExitCode.OK if all(health(found) in well for found in live) else ExitCode.UNHEALTHY


def _row(live: Live, host: str) -> dict[str, Any]:
    return {
        "name": live.name,
        "health": health(live).value,
        "version": live.version,
        "id": live.id,
        "invocation_url": invocation_url(host, live.name),
        "messages": [f"{entity}: {message}" for entity, message in live.failures],
    }
