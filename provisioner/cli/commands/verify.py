"""``provisioner verify``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from provisioner.cli import options, reports
from provisioner.cli.asking.verifying import verify
from provisioner.cli.environment.meant import meant
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.several import Face, Question, ask, show
from provisioner.cli.options import Selection, Settings
from provisioner.errors import ExitCode, NotFound
from provisioner.plan.fleet import Fleet
from provisioner.plan.verification import Verification
from provisioner.report import machine, summary_of_verification, verified


@click.command("verify", short_help="Prove that every served entity answers.")
@options.environments
@options.selection()
@options.output_format("text", "json", "junit", "markdown", "html")
@reports.options
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    selection: Selection,
    form: str,
    parallelism: int,
) -> ExitCode:
    """Ask every served entity, also those without traffic, and judge the answers.

    Puts the `checks` of each endpoint to its entities, or else one short question.
    Changes nothing, but questions to external models and to models by token cost
    money. Exits with 7 when a check fails.
    """
    look = partial(_look, selection=selection, parallelism=parallelism)
    found = ask(settings, environments, Question(look, _code), parallelism)
    if selection.only and found.results and not any(one.endpoints for one in found.results):
        # A gate that asks nothing would pass for ever.
        raise NotFound("nothing was verified: --only names no endpoint that is declared")
    forms: dict[str, Callable[[Verification], str]] = {
        "text": partial(verified.text, verbose=settings.verbose),
        "json": machine.dump,
        "junit": lambda one: verified.junit([one]),
    }
    papers = reports.Papers("Verification of", summary_of_verification.summary)
    together: dict[str, Callable[[Fleet[Verification]], str]] = {
        "junit": lambda fleet: verified.junit(fleet.results)
    }
    face = Face("Verification", papers.one | forms, papers.together | together)
    return show(found, environments, form, face)


def _look(session: Session, selection: Selection, parallelism: int) -> Verification:
    selection = meant(selection, session)
    chosen = (endpoint for endpoint in session.loaded.endpoints if endpoint.name in selection)
    return verify(session, chosen, parallelism)


def _code(found: Verification) -> ExitCode:
    return ExitCode.OK if found.ok else ExitCode.VERIFY_FAILED
