"""What `validate` found, per environment: the words of its verdict, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner import __version__
from provisioner.errors import Fixable, Problem, Severity, about
from provisioner.report.problems import named, within


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
    noted = [
        _counted(number, severity.value)
        for severity in Severity
        if (number := checked.count(severity))
    ]
    if not checked.count(Severity.ERROR):
        noted = [f"{_counted(checked.endpoints, 'endpoint')} valid", *noted]
    mendable = sum(isinstance(problem, Fixable) for problem in checked.problems)
    mended = f"; --fix can mend {mendable}" if mendable else ""
    return f"{checked.environment}: {', '.join(noted)}{mended}"


@dataclass(frozen=True)
class Told:
    """A problem, and whom it is about."""

    problem: Problem
    """Without the endpoint."""
    endpoints: tuple[str, ...]
    environments: tuple[str, ...]
    """Those that were checked and have it."""
    text: Problem
    """With words for what its place does not tell."""


def together(found: Iterable[Checked]) -> list[Problem]:
    """The problems of all environments, each once, in the order of the files."""
    return sorted({p for checked in found for p in checked.problems}, key=Problem.sort_key)


def told(found: Sequence[Checked]) -> list[Told]:
    """The problems of all environments, each once for all that it is about."""
    groups: dict[Problem, list[tuple[str, str]]] = {}
    for checked in found:
        for problem in checked.problems:
            group = groups.setdefault(replace(problem, endpoint=""), [])
            group.append((checked.environment, problem.endpoint))
    ordered = sorted(groups, key=Problem.sort_key)
    return [_told(problem, groups[problem], len(found)) for problem in ordered]


def _told(problem: Problem, group: list[tuple[str, str]], checked: int) -> Told:
    environments = tuple(dict.fromkeys(environment for environment, _ in group))
    endpoints = tuple(sorted({endpoint for _, endpoint in group if endpoint}))
    (text,) = named(about(endpoint, problem) for endpoint in endpoints or ("",))
    file = problem.where.file if problem.where else ""
    is_told = environments == (file.removeprefix("environments/").partition(".")[0],)
    if len(environments) < checked and not is_told:
        text = within(environments, text)
    return Told(problem, endpoints, environments, text)


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
                "endpoint": problem.endpoint or None,
            }
            for problem in checked.problems
        ],
    }


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
