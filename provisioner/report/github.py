"""Problems as annotations of GitHub: workflow commands, one line each."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.errors import Problem


def commands(found: Iterable[Problem]) -> str:
    """One line for each problem, which a runner shows at its file and line."""
    return "\n".join(map(_annotation, found))


def _annotation(problem: Problem) -> str:
    place = {}
    if problem.where:
        where = problem.where
        place = {"file": where.file, "line": str(where.line), "col": str(where.column)}
    place["title"] = problem.code
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items())
    message = "\n".join(filter(None, (problem.summary, problem.hint)))
    return f"::{problem.severity.value} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
