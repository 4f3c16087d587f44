"""Every broken project of ``tests/cases`` through the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provisioner.cli.main import main
from provisioner.errors import ExitCode

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_validate_ends_with_4_and_says_every_problem(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    shutil.copytree(CASES / name / "project", project)
    expected = (CASES / name / "expected.txt").read_text("utf-8").splitlines()
    problems = [line.split("] ", 1)[1] for line in expected if not line.startswith(" ")]
    broken = any(line.startswith("error[") for line in expected)

    code = main(["--project", str(project), "validate"])

    said = capsys.readouterr().err
    assert code == (ExitCode.INVALID if broken else ExitCode.OK)
    assert "Traceback" not in said
    for problem in problems:
        place, summary = problem.split(" ", 1)
        assert any(
            line.startswith(f"{place}: ") and summary in line for line in said.splitlines()
        ), problem


def test_most_of_them_are_broken() -> None:
    texts = [(path / "expected.txt").read_text("utf-8") for path in CASES.iterdir()]
    assert sum("error[" in text for text in texts) >= 25
