"""``provisioner snippet``."""

from __future__ import annotations

from difflib import get_close_matches

import click

from provisioner.catalog import Catalog, Status
from provisioner.cli import output
from provisioner.cli.environment.opening import load
from provisioner.cli.facts import facts_in_force
from provisioner.cli.options import Settings, today
from provisioner.errors import Refused
from provisioner.snippets import CLIENTS, USES, Subject, Use, declared, hosted, snippet


@click.command("snippet", short_help="Print client code that calls an endpoint.")
@click.argument("name")
@click.option(
    "--client",
    type=click.Choice(list(CLIENTS)),
    default="openai",
    show_default=True,
    help="What the code is written for.",
)
@click.option(
    "--for",
    "use",
    type=click.Choice(USES),
    help="What the endpoint is asked for; its own task when not given.",
)
@click.option(
    "-e",
    "--environment",
    envvar="PROVISIONER_ENVIRONMENT",
    metavar="ENV",
    help="Where NAME is declared; not needed for endpoints of Databricks.",
)
@click.pass_obj
def command(
    settings: Settings, name: str, client: str, use: Use | None, environment: str | None
) -> None:
    """Print client code that calls the endpoint NAME.

    NAME is declared in the project, with or without the environment's prefix,
    or one of the pay-per-token endpoints that Databricks provides. Nothing is
    called: what works follows from the declaration and the catalog.
    """
    facts = facts_in_force(settings)
    subject = _subject(settings, name, environment, facts)
    made = snippet(subject, client, use, facts)
    if made.unstated:
        output.note("note: no document that was read says whether this works; try it")
    output.answer(made.text.rstrip("\n"))


def _subject(settings: Settings, name: str, environment: str | None, facts: Catalog) -> Subject:
    day = today().isoformat()
    known: list[str] = []
    if environment:
        loaded = load(settings, environment)
        if found := loaded.endpoint(name):
            return declared(found.spec, facts, day)
        known = [endpoint.name for endpoint in loaded.endpoints]
    provided = {model.endpoint: model for model in facts.pay_per_token}
    if name not in provided:
        close = get_close_matches(name, [*known, *provided], n=3)
        where = (
            f"environment {environment} and the catalog have" if environment else "the catalog has"
        )
        raise Refused(
            f"{where} no endpoint {name}",
            f"did you mean {' or '.join(close)}?" if close else "name its environment with -e",
        )
    view = facts.as_of(day)
    if view.status(name) is Status.RETIRED:
        gone = facts.retirement_of(name)
        successor = gone.replacement_endpoint if gone else None
        output.note(f"note: {name} is retired" + (f"; use {successor}" if successor else ""))
    return hosted(provided[name], day)
