"""One command in several environments: side by side, told together, the worst code counts."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import jsonschema
import pytest

from provisioner.cli.environment import several
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode
from provisioner.plan.drift import Drift

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, invoke, serving


@pytest.fixture
def three(project: Project, cli: Cli) -> Cli:
    """Two environments that were applied, and one whose workspace is another one."""
    project.endpoint("chat", serving(external()), tags={"team": "search"})
    for name in ("dev", "staging"):
        project.environment(name, name_prefix=f"{name}-")
        cli("apply", "-e", name, "--auto-approve", expect=0)
    project.environment("prod", workspace={"host": project.host, "workspace_id": "42"})
    return cli


def tag(emulator: Emulator, name: str, value: str) -> None:
    added = {"add_tags": [{"key": "team", "value": value}]}
    emulator.call("PATCH", f"{ENDPOINTS}/{name}/tags", added)


def test_each_has_its_heading_and_one_that_fails_stops_no_other(
    three: Cli, emulator: Emulator
) -> None:
    tag(emulator, "staging-chat", "ads")
    emulator.forget()
    run = three("drift", "-e", "all", expect=ExitCode.REFUSED)
    parts = run.out.split("== ")[1:]
    assert [part.splitlines()[0] for part in parts] == ["dev", "prod", "staging", "3 environments"]
    assert parts[0].splitlines()[-2] == "Drift: 1 in sync."
    assert parts[1].splitlines()[1] == "Drift is not known"
    assert "error[refused]: environment prod is pinned to workspace 42" in parts[1]
    assert "declared search, live ads" in parts[2]
    assert parts[3].splitlines()[1:] == [
        "  dev      1 in sync",
        "  prod     environment prod is pinned to workspace 42, this is workspace 1234...",
        "  staging  1 drifted",
        "Together: 1 in sync, 1 drifted; 1 of 3 not known.",
    ]
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}
    assert three("drift", "-e", "dev,staging").code == ExitCode.CHANGES
    assert three("drift", "-e", "dev", "-e", "dev").code == ExitCode.OK


def test_json_is_a_list_of_the_documents_of_one(three: Cli, emulator: Emulator) -> None:
    tag(emulator, "staging-chat", "ads")
    alone = {name: three("drift", "-e", name, "-o", "json").json for name in ("dev", "staging")}
    run = three("drift", "-e", "prod,dev,staging", "-o", "json", expect=ExitCode.REFUSED)
    schema = json.loads(invoke(["schema", "drifts"]).out)
    jsonschema.validate(run.json, schema)
    assert (run.json["format_version"], run.json["exit_code"], run.json["failed"]) == (1, 5, 1)
    assert run.json["summary"]["drifted"] == run.json["summary"]["in_sync"] == 1
    prod, dev, staging = run.json["environments"]
    assert [found["name"] for found in (prod, dev, staging)] == ["prod", "dev", "staging"]
    assert (prod["result"], prod["exit_code"]) == (None, ExitCode.REFUSED)
    assert prod["problems"][0]["code"] == "refused"
    assert "prod:\nerror[refused]" in run.err
    assert (dev["result"], dev["exit_code"]) == (alone["dev"], ExitCode.OK)
    assert (staging["result"], staging["exit_code"]) == (alone["staging"], ExitCode.CHANGES)
    status = three("status", "-e", "all", "-o", "json").json
    jsonschema.validate(status, json.loads(invoke(["schema", "statuses"]).out))
    assert status["summary"] == {"ready": 2}


def test_all_is_a_list_even_of_one(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    assert len(cli("plan", "-e", "all", "-o", "json", expect=0).json["environments"]) == 1
    assert "environments" not in cli("plan", "-e", "dev", "-o", "json", expect=0).json


def test_plans_are_saved_side_by_side_and_can_be_applied(
    project: Project, three: Cli, tmp_path: Path
) -> None:
    project.endpoint("chat", serving(external()), tags={"team": "ads"})
    out = tmp_path / "plans" / "{env}.json"
    refused = three("plan", "-e", "dev,staging", "--out", tmp_path / "plan.json")
    assert (refused.code, "--out needs {env}" in refused.err) == (ExitCode.USAGE, True)
    three("plan", "-e", "all", "--out", out, "--detailed-exitcode", expect=ExitCode.REFUSED)
    assert sorted(path.name for path in out.parent.iterdir()) == ["dev.json", "staging.json"]
    wrong = three("apply", "-e", "dev", out.parent / "staging.json")
    assert wrong.code == ExitCode.REFUSED
    for name in ("dev", "staging"):
        three("apply", "-e", name, out.parent / f"{name}.json", expect=0)
    assert three("plan", "-e", "dev,staging", "--detailed-exitcode").code == ExitCode.OK


@pytest.mark.parametrize(
    "words", [["-e", "dev,staging"], ["-e", "dev", "-e", "staging"], ["-e", "all"]]
)
def test_apply_takes_exactly_one(three: Cli, emulator: Emulator, words: list[str]) -> None:
    emulator.forget()
    run = three("apply", *words, "--auto-approve", expect=ExitCode.USAGE)
    asked = "all" if "all" in words else "dev, staging"
    assert f"Error: apply takes exactly one environment, not {asked}" in run.err
    assert not emulator.requests()


def test_the_variable_may_name_several(three: Cli, signed_in: pytest.MonkeyPatch) -> None:
    signed_in.setenv("PROVISIONER_ENVIRONMENT", "dev,staging")
    assert "== 2 environments" in three("drift", expect=0).out
    assert "takes exactly one" in three("apply", expect=ExitCode.USAGE).err
    assert three("validate", expect=0).out.count("1 endpoint valid") == 2
    assert three("validate", "-e", "all", expect=0).out.count("1 endpoint valid") == 3
    assert "name is missing" in three("drift", "-e", "dev,,prod", expect=ExitCode.USAGE).err


def test_an_environment_cannot_be_called_all(project: Project, cli: Cli) -> None:
    project.environment("all")
    assert "reserved-environment" in cli("validate", expect=ExitCode.INVALID).err
    assert "reserved-environment" in cli("drift", "-e", "all", expect=ExitCode.INVALID).out
    for path in (project.root / "environments").iterdir():
        path.unlink()
    assert "no environment at all" in cli("drift", "-e", "all", expect=ExitCode.INVALID).err


def test_a_project_that_one_of_them_breaks(three: Cli, project: Project) -> None:
    project.environment("prod", extends="nobody")
    run = three("drift", "-e", "all", expect=ExitCode.INVALID)
    assert "environments/prod.yaml:4:10: error[unknown-environment]" in run.out
    assert run.out.count("Drift: 1 in sync.") == 2


def test_a_bug_in_one_of_them(three: Cli, signed_in: pytest.MonkeyPatch) -> None:
    def broken(session: Session, *_: object, **__: object) -> Drift:
        raise KeyError(session.loaded.environment)

    signed_in.setattr("provisioner.cli.commands.drift._look", broken)
    run = three("drift", "-e", "dev,staging", expect=ExitCode.BUG)
    assert run.out.count("a bug: KeyError") == 4
    assert run.err.count("bug: KeyError at test_several.py") == 2


def test_they_are_asked_at_the_same_time(three: Cli) -> None:
    both = threading.Barrier(2)

    def look(session: Session) -> str:
        both.wait(5)
        return session.loaded.environment

    question = several.Question(look, lambda _: ExitCode.OK)
    found = several.ask(Settings(three.root, 0), ("dev", "staging"), question, 4)
    assert found.results == ("dev", "staging")


def test_ctrl_c_ends_all_of_them(
    three: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        started.wait(5)
        raise KeyboardInterrupt

    def look(session: Session) -> None:
        started.set()
        session.workspace.in_parallel(session.workspace.read, [f"gone-{n}" for n in range(200)])

    started = threading.Event()
    monkeypatch.setattr(several, "_answer", interrupted)
    question = several.Question(look, lambda _: ExitCode.OK)
    emulator.fault("GET", f"{ENDPOINTS}/gone.*", effect="none", delay_seconds=0.1)
    emulator.forget()
    with pytest.raises(KeyboardInterrupt):
        several.ask(Settings(three.root, 0), ("dev", "staging"), question, 1)
    assert sum("gone" in entry["path"] for entry in emulator.requests()) < 20


def test_environments_may_share_the_embedded_workspace(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    names = [f"local{number}" for number in range(3)]
    for name in names:
        settings = {"name_prefix": f"{name}-", "record": f".provisioner/{name}.json"}
        project.environment(name, workspace={"emulator": "embedded"}, **settings)
        cli("apply", "-e", name, "--auto-approve", expect=0)
    for _ in range(2):
        run = cli("status", "-e", ",".join(names), "-o", "json", expect=0)
        assert run.json["summary"] == {"ready": 3}
    assert cli("plan", "-e", ",".join(names), "--detailed-exitcode").code == ExitCode.OK


def test_variables_that_lead_all_of_them_to_one_place_are_told(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    project.endpoint("chat", serving(external()))
    for name in ("dev", "prod"):
        project.environment(name, workspace={})
    signed_in.setenv("DATABRICKS_HOST", emulator.url)
    run = cli("drift", "-e", "dev,prod")
    assert "warning[one-workspace-for-all]: dev, prod go to the workspace in" in run.err
    assert "one-token-for-all" not in run.err
    other = emulator.url.replace("127.0.0.1", "localhost")
    project.environment("prod", workspace={"host": other})
    run = cli("drift", "-e", "dev,prod")
    assert "one-workspace-for-all" not in run.err
    assert "warning[one-token-for-all]: DATABRICKS_TOKEN is sent to 2 workspaces" in run.err
    assert "one-token-for-all" not in cli("drift", "-e", "prod").err


def test_the_worst_code_is_the_one_that_leaves_least_known() -> None:
    order = [130, 70, 64, 1, 3, 4, 5, 12, 8, 6, 9, 7, 2, 10, 0]
    assert sorted(order) == sorted(ExitCode)
    for place, code in enumerate(order):
        assert ExitCode.worst(order[place:]) is ExitCode(code)
    assert ExitCode.worst([]) is ExitCode.OK
