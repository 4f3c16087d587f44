"""The same question to several environments, and what came of it in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from provisioner import __version__
from provisioner.errors import ExitCode, Problem
from provisioner.plan.model import FORMAT_VERSION

T = TypeVar("T")


@dataclass(frozen=True)
class InEnvironment(Generic[T]):
    """What came of a command in one environment."""

    name: str
    exit_code: int
    """The code with which the command would have ended for this environment alone."""
    result: T | None
    """The answer, as the command gives it for one environment; ``None`` = there is none."""
    problems: tuple[Problem, ...] = ()
    """Why there is no answer."""


@dataclass(frozen=True)
class Fleet(Generic[T]):
    """What came of a command in several environments."""

    environments: tuple[InEnvironment[T], ...]
    """In the order in which they were asked for."""
    exit_code: int
    """The worst of all; see :meth:`ExitCode.worst`."""
    summary: dict[str, int]
    """The counts of all answers together."""
    failed: int
    """How many environments gave no answer."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def results(self) -> tuple[T, ...]:
        """The answers that there are."""
        return tuple(found.result for found in self.environments if found.result is not None)


def fleet(found: Iterable[InEnvironment[T]]) -> Fleet[T]:
    """Put the answers of environments together."""
    environments = tuple(found)
    counts: Counter[str] = Counter()
    for environment in environments:
        for name, count in (getattr(environment.result, "summary", None) or {}).items():
            counts[name] += count
    return Fleet(
        environments=environments,
        exit_code=ExitCode.worst(environment.exit_code for environment in environments),
        summary=dict(counts),
        failed=sum(environment.result is None for environment in environments),
    )
