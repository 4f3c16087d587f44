"""Problems as text; light to import, since every command may have to print some."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from click import style

from provisioner.errors import Problem, Severity


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
    place = f"{problem.where}: " if problem.where else ""
    yield f"{place}{kind}: {printable(problem.summary)}"
    if problem.hint:
        yield f"    {printable(problem.hint)}"
