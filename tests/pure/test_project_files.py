"""What is not read is never taken for gone: its endpoints would be retired."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import Problem, ProjectInvalid
from provisioner.project import open_project
from tests.pure.rule_projects import project_of

ONE = "governs: databricks-gte-large-en\n"
TWO = "governs: databricks-bge-large-en\n"
NAMES = ["databricks-bge-large-en", "databricks-gte-large-en"]


def names(root: Path) -> list[str]:
    return [endpoint.name for endpoint in open_project(root).load("dev").endpoints]


def problems(root: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(ProjectInvalid) as invalid:
        open_project(root).load("dev")
    return [_short(problem) for problem in invalid.value.problems()]


def _short(problem: Problem) -> tuple[str, str, str]:
    return problem.code, str(problem.where), problem.summary


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    root = project_of(tmp_path / "project", f"# endpoints/one.yaml\n{ONE}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "two.yaml").write_text(TWO)
    (root / "endpoints" / "team").symlink_to(tmp_path / "elsewhere")
    assert names(root) == NAMES
    (tmp_path / "elsewhere" / "up").symlink_to(root / "endpoints")
    assert names(root) == NAMES


def test_a_folder_that_cannot_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project_of(tmp_path, f"# endpoints/one.yaml\n{ONE}")
    (root / "endpoints" / "team").mkdir()
    listed = Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:
        if folder.name in {"team", "environments"}:
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(ProjectInvalid) as invalid:
        open_project(root)
    (problem,) = invalid.value.problems()
    assert _short(problem)[:2] == ("unreadable-file", "environments:1:1")
    monkeypatch.setattr(
        Path, "iterdir", lambda folder: listed(folder) if folder.name != "team" else refused(folder)
    )
    found = ("unreadable-file", "endpoints/team:1:1", "cannot read the folder: Permission denied")
    assert problems(root) == [found]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = project_of(tmp_path, f"# endpoints/one.yaml\n{ONE}")
    os.mkfifo(root / "endpoints" / "pipe.yaml")
    summary = "cannot read the file: it is no regular file"
    assert problems(root) == [("unreadable-file", "endpoints/pipe.yaml:1:1", summary)]


def test_a_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    root = project_of(tmp_path, f"# endpoints/one.yaml\n{ONE}")
    (root / "endpoints" / "lost.yaml").symlink_to(tmp_path / "nowhere")
    summary = "cannot read the file: No such file or directory"
    assert problems(root) == [("unreadable-file", "endpoints/lost.yaml:1:1", summary)]


def test_a_folder_without_a_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectInvalid) as invalid:
        open_project(tmp_path)
    (problem,) = invalid.value.problems()
    assert problem.code == "project-not-found"
