"""A new project runs as it was written."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.conftest import Run, invoke

FILES = {
    "endpoints/chat.yaml",
    "endpoints/llama.yaml",
    "environments/_base.yaml",
    "environments/local.yaml",
    "environments/prod.yaml",
    ".github/actions/provisioner/action.yml",
    ".github/workflows/apply.yml",
    ".github/workflows/drift.yml",
    ".github/workflows/plan.yml",
    ".gitignore",
    "schemas/endpoint.json",
    "schemas/environment.json",
}


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `init` made; its name is no project's name."""
    folder = tmp_path_factory.mktemp("init") / "Our Models"
    done = invoke(["init", str(folder)])
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def fresh(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / made.name))


def run(folder: Path, *arguments: str) -> Run:
    return invoke(["--project", str(folder), *arguments])


@pytest.mark.usefixtures("signed_in")
def test_a_fresh_project_runs(fresh: Path) -> None:
    assert written(fresh) == FILES
    valid = run(fresh, "validate")
    assert valid.code == 0
    assert valid.out == "local: 2 endpoints valid\nprod: 2 endpoints valid, 2 notices\n"
    said = [line for line in valid.err.splitlines() if "notice[" in line]
    assert [line.partition("]")[0] for line in said] == [
        "endpoints/chat.yaml:16:19: notice[provider-terms",
        "endpoints/llama.yaml:12:7: notice[licence",
    ]
    # What the template says of it, without the marks of a comment.
    prod = fresh / "environments" / "prod.yaml"
    text = prod.read_text("utf-8")
    for line in ("accepted_terms:", "  Llama 3.1*:", "  openai:"):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    prod.write_text(text, "utf-8")
    assert run(fresh, "validate").err == ""

    plan = run(fresh, "plan", "-e", "local", "--detailed-exitcode")
    assert plan.code == 2
    assert "project our-models" in plan.out
    assert "Plan: 2 to create, 0 to update" in plan.out

    applied = run(fresh, "apply", "-e", "local", "--auto-approve")
    assert applied.code == 0, applied.err
    assert run(fresh, "plan", "-e", "local", "--detailed-exitcode").code == 0
    assert run(fresh, "drift", "-e", "local").code == 0
    assert written(fresh) - FILES == {
        ".provisioner/lock",
        ".provisioner/local.json",
        ".provisioner/workspace.json",
    }


def test_init_never_overwrites(fresh: Path) -> None:
    mine = fresh / "endpoints" / "chat.yaml"
    mine.write_text("mine")
    (fresh / "environments" / "prod.yaml").unlink()
    again = run(fresh, "init", str(fresh))
    assert again.code == 5
    assert "endpoints/chat.yaml" in again.err
    assert "environments/prod.yaml" not in again.err
    assert mine.read_text() == "mine"
    assert not (fresh / "environments" / "prod.yaml").exists()


def test_init_goes_beside_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "README.md").write_text("mine")
    monkeypatch.chdir(tmp_path)
    done = invoke(["init"])
    assert done.code == 0
    assert "add .provisioner/ to .gitignore" in done.err
    assert (tmp_path / ".gitignore").read_text() == "*.log\n"
    assert written(tmp_path) == FILES | {"README.md"}


def test_init_says_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "endpoints").write_text("a file where the folder should be")
    done = invoke(["init", str(tmp_path)])
    assert done.code == 1
    assert "cannot write" in done.err


def test_the_schemas_fit_the_files(fresh: Path) -> None:
    for kind in ("endpoint", "environment"):
        schema = json.loads((fresh / "schemas" / f"{kind}.json").read_text())
        assert (fresh / "schemas" / f"{kind}.json").read_text() == invoke(["schema", kind]).out
        for path in sorted((fresh / f"{kind}s").iterdir()):
            text = path.read_text()
            assert text.startswith(f"# yaml-language-server: $schema=../schemas/{kind}.json\n")
            document = yaml.safe_load(text)
            # An environment that extends another gets its `project` from there.
            document.setdefault("project", "x") if "extends" in document else None
            jsonschema.validate(document, schema)


ROOT = Path(__file__).parents[2]
GITHUB = sorted(name for name in FILES if name.startswith(".github/"))


@pytest.mark.parametrize("name", GITHUB)
def test_the_pipelines_are_those_of_this_repository(fresh: Path, name: str) -> None:
    """``PROVISIONER_UPDATE_DOCS=1`` copies them to the templates."""
    ours = ROOT / name
    if os.environ.get("PROVISIONER_UPDATE_DOCS") == "1":
        shutil.copy(ours, ROOT / "provisioner/cli/template/github" / ours.name)
    assert (fresh / name).read_text() == ours.read_text()


@pytest.mark.parametrize("name", GITHUB)
def test_the_pipelines_are_locked_down(fresh: Path, name: str) -> None:
    text = (fresh / name).read_text()
    if "jobs:" in text:
        assert yaml.safe_load(text)["permissions"] == {}
    for used in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}|\./\.github/actions/provisioner", used)
    for command in re.findall(r"^ *provisioner (\w+)", text, re.M):
        assert invoke([command, "--help"]).code == 0
    # What others may write reaches a shell as a variable only.
    assert not [run for run in re.findall(r"run: .*|run: \|(?:\n +.*)+", text) if "${{" in run]
    assert "secrets." not in text


@pytest.mark.parametrize(
    ("forge", "file"),
    [("gitlab", ".gitlab-ci.yml"), ("azure", "azure-pipelines.yml"), ("none", None)],
)
def test_the_pipelines_of_other_forges(tmp_path: Path, forge: str, file: str | None) -> None:
    assert invoke(["init", str(tmp_path), "--ci", forge]).code == 0
    assert written(tmp_path) == {n for n in FILES if n not in GITHUB} | ({file} if file else set())
    if file:
        text = (tmp_path / file).read_text()
        assert yaml.safe_load(text)
        for command in re.findall(r"\bprovisioner (plan|apply|drift|validate) ", text):
            assert invoke([command, "--help"]).code == 0


@pytest.mark.parametrize("name", ["123", "null", "true", "1e5"])
def test_a_folder_may_be_called_like_no_text(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    assert invoke(["init", str(folder)]).code == 0
    assert invoke(["--project", str(folder), "validate"]).code == 0


def test_all_files_are_written_before_anything_is_said(tmp_path: Path) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provisioner.cli.output.answer", gone)
        patch.setattr(os, "dup2", lambda *_: None)
        assert invoke(["init", str(tmp_path / "new")]).code == 1
    assert written(tmp_path / "new") == FILES
