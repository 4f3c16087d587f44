"""Broken little projects, each with the exact words that the tool has for it.

``PROVISIONER_UPDATE_CASES=1`` rewrites the expectations.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioner.errors import Problem, ProjectInvalid
from provisioner.project import open_project
from provisioner.rules import check

CASES = Path(__file__).parent / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())


def render(problem: Problem) -> str:
    place = f" {problem.where}" if problem.where else ""
    hint = f"\n  {problem.hint}" if problem.hint else ""
    return f"{problem.severity.value}[{problem.code}]{place} {problem.summary}{hint}\n"


def problems_of(project: Path) -> tuple[Problem, ...]:
    try:
        return open_project(project).load("dev", check).problems
    except ProjectInvalid as invalid:
        return invalid.problems()


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    found = "".join(render(problem) for problem in problems_of(CASES / name / "project"))
    expected = CASES / name / "expected.txt"
    if os.environ.get("PROVISIONER_UPDATE_CASES") == "1":
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_every_case_has_a_problem() -> None:
    assert len(NAMES) >= 25
    assert not [name for name in NAMES if not (CASES / name / "expected.txt").read_text()]
