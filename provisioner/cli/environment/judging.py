"""Everything that can be said of a project's endpoints offline, by all rooms that have rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from provisioner import rules
from provisioner.errors import Problem, about
from provisioner.project import Declared
from provisioner.rules.judged import Environment


def judge(
    endpoints: Sequence[Declared], environment: Environment | None, *, today: date, root: Path
) -> Iterator[Problem]:
    """What the rules find, and what is wrong with checks; ``root`` is the project's folder."""
    yield from rules.check(endpoints, environment, today)
    with_checks = [endpoint for endpoint in endpoints if endpoint.spec.checks]
    if with_checks:
        # Most projects have none, and pay for none.
        from provisioner.cli.asking import schema_files
        from provisioner.query import offline

        facts = environment.facts if environment else None
        for endpoint in with_checks:
            for problem in offline.problems([endpoint], facts):
                yield about(endpoint.name, problem)
            for problem in schema_files.problems_of(endpoint, root):
                yield about(endpoint.name, problem)
