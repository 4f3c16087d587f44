"""``provisioner catalog``: the shipped facts, with a team's own over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.catalog import OVERRIDE_FILE, Catalog, FactsInvalid, Wrong, catalog, catalog_with
from provisioner.cli import options, output
from provisioner.cli.options import Settings
from provisioner.errors import Problem, ProjectInvalid, Where, error
from provisioner.report import fact_sheets, facts

if TYPE_CHECKING:
    from provisioner.spec import Node

_HELP = {
    "models": "List the models that Databricks hosts and bills by token.",
    "architectures": "List the model families for provisioned throughput.",
    "providers": "List the providers of external models, with fields and models by task.",
    "retired": "List the models that are gone or have a date for it.",
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
    @click.option(
        "--as-of",
        "day",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        help="Show the facts as they stand on a day, as 2026-11-22.  [default: today]",
    )
    @click.pass_obj
    def show(settings: Settings, name: str | None, form: str, day: datetime | None) -> None:
        date = (day or datetime.now(timezone.utc)).date().isoformat()
        sheet = fact_sheets.sheet(kind, _facts(settings), date)
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
            words in text.lower() or fnmatchcase(text, name) for text in (row.name, *row.aliases)
        ),
    )
    kept = ([row for row in sheet.rows if fits(row)] for fits in tests)
    found = next(filter(None, kept), [])
    if not found:
        near = get_close_matches(name, [row.name for row in sheet.rows], n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise click.ClickException(f"nothing in {sheet.kind} matches `{name}`{hint}")
    return replace(sheet, rows=tuple(found))


def _facts(settings: Settings) -> Catalog:
    """The shipped facts, or those of the project that the command is run in."""
    here = settings.project or Path.cwd()
    if not any((folder / OVERRIDE_FILE).is_file() for folder in (here, *here.parents)):
        return catalog()
    from provisioner.project import find_root  # only where there may be a file to read

    try:
        path = (settings.project or find_root(here)) / OVERRIDE_FILE
    except ProjectInvalid:
        return catalog()
    return _with(path) if path.is_file() else catalog()


def _with(path: Path) -> Catalog:
    """The shipped facts with those of a file over them."""
    from provisioner.project.documents import read_documents

    documents, problems = read_documents(path.read_bytes(), OVERRIDE_FILE)
    if problems:
        raise ProjectInvalid(*problems)
    if not documents:
        return catalog()
    node = documents[0]
    if len(documents) > 1 or not isinstance(node.value, dict):
        summary = "the file must hold one map of sections"
        raise ProjectInvalid(error("wrong-type", summary, where=documents[-1].where))
    try:
        return catalog_with(node.plain())
    except FactsInvalid as invalid:
        raise ProjectInvalid(*(_problem(node, wrong) for wrong in invalid.wrong)) from invalid


def _problem(node: Node, wrong: Wrong) -> Problem:
    return error("catalog-override", str(wrong), where=_place(node, wrong))


def _place(node: Node, wrong: Wrong) -> Where:
    """Where the last key that was written stands."""
    place = node.where
    for step in wrong.path:
        if isinstance(step, int):
            below = node.items[step] if step < len(node.items) else None
        else:
            place = node.key_place(step)
            below = node.entries.get(step)
        if below is None:
            return place
        node = below
        place = node.where if isinstance(step, int) else place
    return place
