"""Group J: state files and locks; the kills are in the invariants."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, serving

RECORD = "/Workspace/Shared/.provisioner/shop/dev.json"


def test_j1_nothing_is_needed_but_the_workspace(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("a", "b", "c"):
        project.endpoint(name, serving(external()))
    cli.apply("--only", "a", "--only", "b")
    emulator.seed(files={RECORD: None})
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [f"POST {ENDPOINTS}"]
    assert emulator.names() == ["a", "b", "c"]


def test_j1_without_a_record_removed_endpoints_are_still_known(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("a", serving(external()))
    project.endpoint("b", serving(external()))
    cli.apply()
    emulator.seed(files={RECORD: None})
    project.remove("b")
    assert cli.plan().entry("b")["action"] == "retire"


def test_j2_who_runs_it_makes_no_difference(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    permissions = [{"group": "users", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=permissions)
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    cli.apply()
    assert emulator.endpoint("e")["creator"] == "alice@example.com"
    signed_in.setenv("DATABRICKS_TOKEN", "the-robot")
    assert cli.settled(), cli.plan().changes("e")


def test_j4_two_appliers_of_one_endpoint(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    mine, theirs = project.root / "mine.json", project.root / "theirs.json"
    project.endpoint("e", serving(external("gpt-4o")))
    cli("plan", "-e", "dev", "--out", mine)
    project.endpoint("e", serving(external("gpt-4o-mini")))
    cli("plan", "-e", "dev", "--out", theirs)
    emulator.forget()
    cli("apply", "-e", "dev", theirs, expect=0)
    cli("apply", "-e", "dev", mine, expect=12)
    assert emulator.calls() == [f"PUT {ENDPOINTS}/e/config"]
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["external_model"]["name"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "error_code": "INTERNAL_ERROR"},
        {"status": 403, "error_code": "PERMISSION_DENIED"},
        {"status": 404, "error_code": "RESOURCE_DOES_NOT_EXIST"},
    ],
)
def test_j5_a_record_that_was_not_read_is_not_forgotten(
    project: Project, cli: Cli, emulator: Emulator, fault: dict[str, Any]
) -> None:
    project.endpoint("gone", serving(external()))
    for team in "abc":
        project.endpoint("chat", serving(external()), tags={"team": team})
        cli.apply()
    project.remove("gone")
    cli.apply("--allow-retire", "gone")
    project.endpoint("chat", serving(external()), tags={"team": "d"})
    emulator.fault("GET", "/api/2.0/workspace/export", times=1, **fault)
    cli.apply()
    cli("restore", "-e", "dev", "gone", "--auto-approve", expect=0)
    cli("rollback", "-e", "dev", "chat", "--auto-approve", expect=0)
    assert emulator.endpoint("chat")["tags"][-1] == {"key": "team", "value": "c"}


@pytest.mark.parametrize("content", ["{}", "<html>", "[1]", '{"format_version": 2}'])
def test_j5_what_is_no_record_of_ours_is_not_written_over(
    project: Project, cli: Cli, content: str
) -> None:
    path = project.root / "notes.json"
    path.write_text(content)
    project.environment(record="notes.json")
    project.endpoint("chat", serving(external()))
    run = cli.apply()
    assert "record-not-written" in run.err
    assert path.read_text() == content


def test_j5_a_damaged_record_heals(project: Project, cli: Cli) -> None:
    path = project.root / "record.json"
    path.write_text('{"format_version": 1, "endp')
    project.environment(record="record.json")
    project.endpoint("chat", serving(external()))
    cli.apply()
    assert list(json.loads(path.read_text())["endpoints"]) == ["chat"]
