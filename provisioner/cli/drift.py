"""``provisioner drift``."""

from __future__ import annotations

from functools import partial

import click

from provisioner.cli import options, selecting
from provisioner.cli.options import Settings
from provisioner.cli.selecting import Choice, Shard
from provisioner.cli.session import Session
from provisioner.cli.several import Face, Question, ask, show
from provisioner.errors import ExitCode
from provisioner.plan.drift import Drift, assess
from provisioner.report import machine, terminal


@click.command("drift")
@options.environments
@options.selection
@selecting.shard
@selecting.changed_since
@options.output_format("text", "json")
@click.option("--unmanaged", is_flag=True, help="List endpoints that are not this project's, too.")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    shard: Shard | None,
    changed_since: str | None,
    form: str,
    unmanaged: bool,  # noqa: FBT001 - an option
    parallelism: int,
) -> ExitCode:
    """Tell where the workspace is not what is declared; only reads.

    Exits with 2 when anything differs, and with 10 when all is as declared but an
    endpoint does not serve. Of several environments the worst code counts.
    """
    look = partial(_look, choice=Choice(only, exclude, shard, changed_since), unmanaged=unmanaged)
    found = ask(settings, environments, Question(look, _code), parallelism)
    text = partial(terminal.drift, verbose=settings.verbose)
    return show(found, environments, form, Face("Drift", {"text": text, "json": machine.dump}))


def _look(session: Session, choice: Choice, *, unmanaged: bool) -> Drift:
    selection = choice.of(session.loaded)
    plan, live = session.compare(selection)
    others = session.unmanaged(selection) if unmanaged else []
    entries = session.record.endpoints
    remembered = {name: entry.id for name, entry in entries.items() if name in selection}
    return assess(plan, live, remembered, others)


def _code(found: Drift) -> ExitCode:
    if not found.in_sync:
        return ExitCode.CHANGES
    return ExitCode.OK if found.healthy else ExitCode.UNHEALTHY
