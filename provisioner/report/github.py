"""Problems as annotations of GitHub: workflow commands, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provisioner.errors import Problem, Severity
from provisioner.report.problems import printable

MOST = 10
"""Annotations of each kind that GitHub shows for one step; it drops later ones without a word.
Source: https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md, checked 2026-11-24.
"""


def commands(found: Iterable[Problem]) -> str:
    """Lines for a runner: the worst problems at their place, and the rest in the log."""
    problems = list(found)
    return "\n".join(
        line
        for severity in Severity
        for line in _lines([problem for problem in problems if problem.severity is severity])
    )


def _lines(problems: Sequence[Problem]) -> Iterator[str]:
    if len(problems) <= MOST:
        yield from map(_annotation, problems)
        return
    shown, rest = problems[: MOST - 1], problems[MOST - 1 :]
    yield from map(_annotation, shown)
    word = rest[0].severity.value
    yield f"::{word} title={len(rest)} more {word}s::GitHub shows {MOST}; the log has all of them"
    yield from map(_logged, rest)


def _annotation(problem: Problem) -> str:
    place = {}
    if problem.where:
        where = problem.where
        place = {"file": where.file, "line": str(where.line), "col": str(where.column)}
    place["title"] = problem.code
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items())
    message = "\n".join(filter(None, (problem.summary, problem.hint)))
    return f"::{problem.severity.value} {properties}::{_data(message)}"


def _logged(problem: Problem) -> str:
    """A line that is only text to a runner, which takes ``##[`` for a command anywhere."""
    place = f"{problem.where}: " if problem.where else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    text = f"{problem.severity.value}[{problem.code}]: {place}{problem.summary}{hint}"
    return printable(text).replace("##[", "## [")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
