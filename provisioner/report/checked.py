"""What `validate` found, per environment: the words of its verdict, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner import __version__
from provisioner.errors import Problem, Severity


@dataclass(frozen=True)
class Checked:
    """One environment and everything that is wrong with it."""

    environment: str
    endpoints: int
    """How many there are; 0 when errors left the number unknown."""
    problems: tuple[Problem, ...]

    def count(self, severity: Severity) -> int:
        """How many problems weigh so much."""
        return sum(problem.severity is severity for problem in self.problems)


def verdict(checked: Checked) -> str:
    """One line about one environment."""
    if errors := checked.count(Severity.ERROR):
        return f"{checked.environment}: {_counted(errors, 'error')}"
    noted = "".join(
        f", {_counted(number, severity.value)}"
        for severity in (Severity.WARNING, Severity.NOTICE)
        if (number := checked.count(severity))
    )
    return f"{checked.environment}: {_counted(checked.endpoints, 'endpoint')} valid{noted}"


def together(found: Iterable[Checked]) -> list[Problem]:
    """The problems of all environments, each once, in the order of the files."""
    return sorted({p for checked in found for p in checked.problems}, key=Problem.sort_key)


def below(prefix: str, problem: Problem) -> Problem:
    """A problem whose file is named from further up, as pipelines want it."""
    where = problem.where
    if not prefix or where is None:
        return problem
    return replace(problem, where=where._replace(file=f"{prefix}/{where.file}"))


def to_json(found: Sequence[Checked]) -> str:
    """Everything as JSON, format version 1."""
    import json  # text, which is the rule, does without

    document = {
        "format_version": 1,
        "tool_version": __version__,
        "environments": [_environment(checked) for checked in found],
        "summary": {
            f"{severity.value}s": sum(checked.count(severity) for checked in found)
            for severity in Severity
        },
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


def _environment(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.environment,
        "endpoints": checked.endpoints,
        "problems": [
            {
                "severity": problem.severity.value,
                "code": problem.code,
                "summary": problem.summary,
                "hint": problem.hint,
                "where": problem.where._asdict() if problem.where else None,
            }
            for problem in checked.problems
        ],
    }


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
