"""The pipelines that `init` writes for GitLab and Azure DevOps: their scripts, run with bash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ENDPOINTS, Emulator, Project, external, invoke, serving
from tests.forges import TOKEN, StandIn, standing_in

pytestmark = pytest.mark.exhaustive

Run = subprocess.CompletedProcess


class Machine:
    """A folder with the project, the tool on the path, and a forge's variables."""

    def __init__(self, project: Project, forge: StandIn, variables: dict[str, str]) -> None:
        self.project, self.forge = project, forge
        binary = project.root.parent / "bin"
        binary.mkdir()
        for name, text in (
            ("provisioner", f'exec "{sys.executable}" -m provisioner "$@"'),
            ("pip", "exit 0"),
        ):
            (binary / name).write_text(f"#!/bin/sh\n{text}\n")
            (binary / name).chmod(0o755)
        self.environ = {
            "PATH": f"{binary}:/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "DATABRICKS_TOKEN": "any-token",
            "PROVISIONER_PATIENCE_SECONDS": "2",
            "PROVISIONER_PACKAGE": "endpoint-provisioner",
            "ENVIRONMENT": "prod",
            **variables,
        }

    def run(self, script: str, *, code: int = 0) -> str:
        """Run a script; gives what it wrote."""
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.project.root,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def made(tmp_path: Path, emulator: Emulator, signed_in: pytest.MonkeyPatch) -> Project:  # noqa: ARG001
    """A project with one endpoint and a protected environment."""
    project = Project(tmp_path / "project", emulator.url)
    place = {"host": emulator.url, "auth_type": "pat"}
    project.environment("prod", workspace=place, protected=True)
    project.endpoint("chat", serving(external()))
    return project


def pipeline(tmp_path: Path, forge: str, file: str) -> Any:
    folder = tmp_path / "new"
    assert invoke(["init", str(folder), "--ci", forge]).code == 0
    return yaml.safe_load((folder / file).read_text())


# ------------------------------------------------------------ GitLab


@pytest.fixture
def gitlab(made: Project) -> Iterator[Machine]:
    with standing_in() as (forge, url):
        forge.me = "project_7_bot"
        variables = {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{url}/gitlab",
            "CI_PROJECT_ID": "7",
            "GITLAB_TOKEN": TOKEN,
            "CI_MERGE_REQUEST_IID": "5",
            "CI_COMMIT_SHA": "merged",
            "CI_JOB_URL": "https://forge.example.com/job",
        }
        yield Machine(made, forge, variables)


def test_the_round_on_gitlab(gitlab: Machine, tmp_path: Path, emulator: Emulator) -> None:
    jobs = pipeline(tmp_path, "gitlab", ".gitlab-ci.yml")
    script = {name: "\n".join(job["script"]) for name, job in jobs.items() if "script" in job}
    install = "\n".join(jobs["default"]["before_script"]) + "\n"
    gitlab.run(install + script["validate"])
    assert (gitlab.project.root / "validate.xml").read_text().startswith("<?xml")

    gitlab.run(install + script["plan"])
    [note] = gitlab.forge.comments[5]
    assert "chat" in note["body"]
    [kept] = jobs["plan"]["artifacts"]["paths"]
    file = kept.replace("$ENVIRONMENT", "prod")
    plan = (gitlab.project.root / file).read_bytes()
    gitlab.forge.keep(gitlab.forge.run("head"), "plan", {file: plan})
    gitlab.forge.merged(5, "head", "merged")
    gitlab.run(install + script["apply prod"])
    assert emulator.names() == ["chat"]
    assert (gitlab.project.root / "apply/events.jsonl").read_text()

    gitlab.run(script["drift"])
    assert gitlab.forge.issues == []
    emulator.call("DELETE", f"{ENDPOINTS}/chat")
    gitlab.run(script["drift"])
    gitlab.forge.forget()
    gitlab.run(script["drift"])
    assert gitlab.forge.writes() == []
    [issue] = gitlab.forge.issues
    assert (issue["title"], issue["state"]) == ("Drift in prod", "opened")
    emulator.fault("GET", ENDPOINTS, status=403, error_code="PERMISSION_DENIED")
    gitlab.run(script["drift"], code=3)
    gitlab.run(script["plan"], code=3)
    assert "### plan/prod failed" in gitlab.forge.comments[5][0]["body"]


# ------------------------------------------------------------ Azure DevOps


def test_the_round_on_azure(made: Project, tmp_path: Path, emulator: Emulator) -> None:
    stages = {
        s["stage"]: s["jobs"][0]
        for s in pipeline(tmp_path, "azure", "azure-pipelines.yml")["stages"]
    }
    staging = tmp_path / "work" / "plan"
    staging.mkdir(parents=True)
    variables = {
        "BUILD_ARTIFACTSTAGINGDIRECTORY": str(staging),
        "PIPELINE_WORKSPACE": str(tmp_path / "work"),
    }
    machine = Machine(made, StandIn(), variables)
    for step in stages["plan"]["steps"]:
        if "bash" in step:
            machine.run(step["bash"])
    assert "chat" in (staging / "plan.md").read_text()
    for step in stages["apply"]["strategy"]["runOnce"]["deploy"]["steps"]:
        if "bash" in step:
            machine.run(step["bash"])
    assert emulator.names() == ["chat"]
    *_, look = (step["bash"] for step in stages["drift"]["steps"] if "bash" in step)
    machine.run(look)
    emulator.call("DELETE", f"{ENDPOINTS}/chat")
    machine.run(look, code=2)
