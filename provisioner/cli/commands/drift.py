"""``provisioner drift``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from functools import partial

import click

from provisioner.cli import notifying, options, reports, selecting
from provisioner.cli.editing import wishes
from provisioner.cli.editing.wishes import Wish
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.several import STILL_THERE, Face, Question, ask, show
from provisioner.cli.environment.unread import Unread, code_of
from provisioner.cli.notifying import Hook
from provisioner.cli.options import Settings
from provisioner.cli.selecting import Choice
from provisioner.errors import ExitCode, ProvisionerError
from provisioner.plan.drift import Drift, assess
from provisioner.plan.fleet import Fleet, InEnvironment, fleet
from provisioner.report import machine, summary_of_drift, terminal
from provisioner.rules.ahead import retirements


@click.command("drift")
@options.environments
@selecting.choice
@options.output_format("text", "json", "markdown", "html")
@reports.options
@click.option("--unmanaged", is_flag=True, help="List endpoints that are not this project's, too.")
@click.option(
    "--fail-on",
    type=click.Choice(["drift", "unhealthy", "unreadable", "none"]),
    multiple=True,
    default=("drift", "unhealthy", "unreadable"),
    help="What the exit code tells; repeatable.  [default: all]",
)
@wishes.option
@notifying.option
@options.as_of
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    choice: Choice,
    form: str,
    unmanaged: bool,  # noqa: FBT001 - an option
    fail_on: tuple[str, ...],
    wish: Wish | None,
    hook: Hook | None,
    day: date,
    parallelism: int,
) -> ExitCode:
    """Tell where the workspace is not what is declared; only reads.

    Exits with 3 when something may not be read, with 1 when it could not be for another
    reason, with 2 when anything differs, and with 10 when all is as declared but an
    endpoint does not serve. Of several environments the worst code counts.

    With --accept live values replace what is declared, in the lines that say it, after
    a look at the difference; then the drift that is left is told.
    """
    if wish:
        if options.are_several(environments):
            raise click.UsageError("--accept takes exactly one environment")
        from provisioner.cli.editing import accepting

        accepting.accept(settings, environments[0], wish, parallelism)
        choice = replace(choice, named=replace(choice.named, only=wish.endpoints))
    look = partial(_look, choice=choice, unmanaged=unmanaged, day=day)
    code = partial(_code, fail_on=frozenset(fail_on))
    question = Question(look, code, STILL_THERE, day)
    found = _asked(settings, environments, question, parallelism, hook)
    told = hook.tell(found) if hook else ExitCode.OK
    text = partial(terminal.drift, verbose=settings.verbose)
    summary = partial(summary_of_drift.summary, today=options.today().isoformat())
    papers = reports.Papers("Drift in", summary)
    one = papers.one | {"text": text, "json": machine.dump}
    return show(found, environments, form, Face("Drift", one, papers.together)) or told


def _asked(
    settings: Settings,
    environments: tuple[str, ...],
    question: Question[Drift],
    parallelism: int,
    hook: Hook | None,
) -> Fleet[Drift]:
    """The answers; that a single environment has none is told, too, before it is raised."""
    try:
        return ask(settings, environments, question, parallelism)
    except ProvisionerError as failure:
        if hook:
            name, code = environments[0], failure.exit_code
            hook.tell(fleet([InEnvironment[Drift](name, code, None, failure.problems())]))
        raise


def _look(session: Session, choice: Choice, *, unmanaged: bool, day: date) -> Drift:
    selection = choice.of(session)
    unread = Unread()
    plan, live = session.compare(selection, unread=unread)
    entries = session.record.endpoints
    declared = (one for one in session.loaded.endpoints if one.name in selection)
    return assess(
        plan,
        live,
        {name: entry.id for name, entry in entries.items() if name in selection},
        session.unmanaged(selection) if unmanaged else (),
        unreadable=unread.endpoints,
        unread_permissions=unread.permissions,
        retirements=retirements(declared, day, session.loaded.facts),
        name_prefix=session.loaded.spec.name_prefix,
    )


def _code(found: Drift, fail_on: Collection[str]) -> ExitCode:
    if not found.complete and "unreadable" in fail_on:
        return code_of(endpoint.unread_code for endpoint in found.endpoints)
    if not found.in_sync and "drift" in fail_on:
        return ExitCode.CHANGES
    return ExitCode.OK if found.healthy or "unhealthy" not in fail_on else ExitCode.UNHEALTHY
