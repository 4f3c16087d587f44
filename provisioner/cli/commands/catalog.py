"""``provisioner catalog``: the shipped facts, with a team's own over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from provisioner.cli import options, output
from provisioner.cli.facts import facts_in_force
from provisioner.cli.options import Settings
from provisioner.report import fact_sheets, facts

if TYPE_CHECKING:
    pass

_HELP = {
    "models": "List the models that Databricks hosts and bills by token.",
    "architectures": "List the model families for provisioned throughput.",
    "providers": "List the providers of external models, with fields and models by task.",
    "retired": "List the models that are gone or have a date for it.",
    "regions": "List the geographies and what is known to be offered in each.",
    "limits": "List the numbers of the service.",
    "clients": "List the ways to send a request, and what each cannot call.",
    "rules": "List what is true of requests, modes, tasks, signing in and governance.",
    "contradictions": "List where documents disagree, and how that is read here.",
}


@click.group("catalog", short_help="Show what is known of models and providers.")
def command() -> None:
    """Show the facts on models, providers and limits, with source and date.

    A file catalog.override.yaml in the project's folder is merged over the shipped facts.
    """


def _add(kind: str) -> Callable[..., None]:
    @command.command(kind, help=f"{_HELP[kind]}\n\nNAME is a part of a name, or a glob.")
    @click.argument("name", required=False)
    @options.output_format("text", "json", "markdown")
    @options.as_of
    @click.pass_obj
    def show(settings: Settings, name: str | None, form: str, day: date) -> None:
        sheet = fact_sheets.sheet(kind, facts_in_force(settings), day.isoformat())
        if name:
            sheet = _named(sheet, name)
        if form == "json":
            output.answer(facts.as_json(sheet))
        elif form == "markdown":
            output.answer(facts.markdown(sheet))
        else:
            output.answer(facts.text(sheet, full=bool(name) or settings.verbose))

    return show


for _kind in _HELP:
    _add(_kind)


def _named(sheet: facts.Sheet, name: str) -> facts.Sheet:
    """Only the entries that a name is about: exactly, else those that it is a part of."""
    words = name.lower()
    tests: tuple[Callable[[facts.Row], bool], ...] = (
        lambda row: words == row.name.lower(),
        lambda row: words in (alias.lower() for alias in row.aliases),
        lambda row: any(
            words in text.lower() or fnmatchcase(text, name) or fnmatchcase(words, text)
            for text in (row.name, *row.aliases)
        ),
    )
    kept = ([row for row in sheet.rows if fits(row)] for fits in tests)
    found = next(filter(None, kept), [])
    if not found:
        near = get_close_matches(name, [row.name for row in sheet.rows], n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise click.ClickException(f"nothing in {sheet.kind} matches `{name}`{hint}")
    return replace(sheet, rows=tuple(found))
