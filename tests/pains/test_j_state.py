"""Group J: state files and locks; the kills are in the invariants."""

from __future__ import annotations

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
