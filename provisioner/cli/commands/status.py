"""``provisioner status``."""

from __future__ import annotations

from datetime import date
from functools import partial

import click

from provisioner.cli import options, reports
from provisioner.cli.environment.meant import meant
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.several import STILL_THERE, Face, Question, ask, show
from provisioner.cli.environment.unread import Unread, code_of
from provisioner.cli.options import Selection, Settings
from provisioner.errors import ExitCode
from provisioner.plan.status import Status, of_live, of_missing, status
from provisioner.report import health, machine, summary_of_status
from provisioner.rules.ahead import retirements


@click.command("status")
@options.environments
@options.selection()
@options.output_format("text", "json", "markdown", "html")
@reports.options
@options.as_of
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    selection: Selection,
    form: str,
    day: date,
    parallelism: int,
) -> ExitCode:
    """Tell how this project's endpoints are; only reads.

    Exits with 10 when one of them does not serve, with 3 when one may not be read, and
    with 1 when it could not be for another reason. Of several environments the worst
    code counts.
    """
    look = partial(_look, selection=selection, day=day)
    found = ask(settings, environments, Question(look, _code, STILL_THERE, day), parallelism)
    summary = partial(summary_of_status.summary, today=options.today().isoformat())
    papers = reports.Papers("Status of", summary)
    one = papers.one | {"text": health.text, "json": machine.dump}
    return show(found, environments, form, Face("The status", one, papers.together))


def _look(session: Session, selection: Selection, day: date) -> Status:
    selection = meant(selection, session)
    unread = Unread()
    live, gone = session.managed(selection, unread)
    host, wanted = session.workspace.host, {w.name: w for w in session.declared(selection)}
    endpoints = [of_live(one, host, session.rollout_of(wanted.get(one.name), one)) for one in live]
    endpoints += [of_missing(name) for name in gone]
    endpoints += [of_missing(name, withheld) for name, withheld in unread.endpoints.items()]
    declared = (one for one in session.loaded.endpoints if one.name in selection)
    return status(
        endpoints,
        session.target,
        retirements(declared, day, session.loaded.facts),
        session.loaded.spec.name_prefix,
    )


def _code(found: Status) -> ExitCode:
    ill = ExitCode.OK if found.healthy else ExitCode.UNHEALTHY
    return ExitCode.worst([ill, code_of(endpoint.unread_code for endpoint in found.endpoints)])
