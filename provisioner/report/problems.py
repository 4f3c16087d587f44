"""Problems as text; light to import, since every command may have to print some."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from textwrap import wrap

from click import style

from provisioner.errors import Problem, Severity, Where

WIDTH = 80
"""Columns that text for people fits into where no terminal says how many it has."""
NARROWEST, WIDEST = 40, 120
"""What a terminal is held to: below text falls apart, above lines are hard to read."""
_terminal: int | None = None
_NAMES = 3
"""Endpoints or environments that one line names."""


def use_terminal(columns: int | None) -> None:
    """Columns of the terminal that text is for; ``None`` = it is for a file or a program."""
    global _terminal
    _terminal = None if columns is None else min(max(columns, NARROWEST), WIDEST)


def page_width() -> int:
    """Columns that text for people fits into."""
    return WIDTH if _terminal is None else _terminal


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
    return "\n".join(line for problem in named(found) for line in _problem(problem))


def named(found: Iterable[Problem]) -> list[Problem]:
    """Problems, each once, with the endpoints in words where the place does not tell them."""
    endpoints: dict[Problem, list[str]] = {}
    for problem in found:
        names = endpoints.setdefault(replace(problem, endpoint=""), [])
        if problem.endpoint and not _is_own(problem.where):
            names.append(problem.endpoint)
    return [_with(problem, "for ", names) for problem, names in endpoints.items()]


def within(environments: Sequence[str], problem: Problem) -> Problem:
    """A problem with the environments in words that it is in."""
    return _with(problem, "in ", environments)


def _with(problem: Problem, preposition: str, names: Sequence[str]) -> Problem:
    shown = ", ".join(names[:_NAMES])
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    words = f"{problem.summary} ({preposition}{shown}{more})"
    return replace(problem, summary=words) if names else problem


def _is_own(where: Where | None) -> bool:
    """Whether a place is in an endpoint's own file; elsewhere one line is for many."""
    return where is None or where.file.startswith("endpoints/")


def _problem(problem: Problem) -> Iterator[str]:
    color = {Severity.ERROR: "red", Severity.WARNING: "yellow"}.get(problem.severity, "cyan")
    kind = style(f"{problem.severity.value}[{problem.code}]", fg=color, bold=True)
    place = f"{problem.where}: " if problem.where else ""
    if place and _terminal is None:
        # One line, however long: editors and annotations parse it.
        yield f"{place}{kind}: {printable(problem.summary)}"
    else:
        mark = f"{problem.severity.value}[{problem.code}]:"
        first, *rest = wrapped(f"{place}{mark} {printable(problem.summary)}")
        # A long place has a line for itself; what is said has its colour wherever it stands.
        yield first.replace(mark, f"{kind}:", 1)
        yield from (line.replace(mark, f"{kind}:", 1) for line in rest)
    if problem.hint:
        yield from wrapped(f"    {printable(problem.hint)}")


def wrapped(text: str) -> list[str]:
    """``text`` on as many lines as it needs; addresses and names are never broken."""
    return wrap(
        text,
        page_width(),
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
