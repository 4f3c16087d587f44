"""Problems as text; light to import, since every command may have to print some."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from textwrap import wrap

from click import style

from provisioner.errors import Problem, Severity

WIDTH = 80
"""Columns that text for people fits into."""


def printable(text: str) -> str:
    """``text`` with everything that could steer a terminal or reorder a line made visible."""
    return "".join(
        char
        if unicodedata.category(char)[0] != "C"
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def problems(found: Iterable[Problem]) -> str:
    """Problems, each with its place first so that editors can jump there."""
    return "\n".join(line for problem in found for line in _problem(problem))


def _problem(problem: Problem) -> Iterator[str]:
    color = {Severity.ERROR: "red", Severity.WARNING: "yellow"}.get(problem.severity, "cyan")
    kind = style(f"{problem.severity.value}[{problem.code}]", fg=color, bold=True)
    if problem.where:
        # One line, however long: editors and annotations parse it.
        yield f"{problem.where}: {kind}: {printable(problem.summary)}"
    else:
        mark = f"{problem.severity.value}[{problem.code}]: "
        first, *rest = wrapped(mark + printable(problem.summary))
        yield f"{kind}: {first.removeprefix(mark)}"
        yield from rest
    if problem.hint:
        yield from wrapped(f"    {printable(problem.hint)}")


def wrapped(text: str) -> list[str]:
    """``text`` on as many lines as it needs; addresses and names are never broken."""
    return wrap(
        text,
        WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
