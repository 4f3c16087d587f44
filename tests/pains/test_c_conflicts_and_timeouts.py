"""Group C: conflicts, timeouts and failed updates."""

from __future__ import annotations

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, external, serving


@pytest.fixture
def project(slow: Emulator, project: Project) -> Project:
    """The same project on the workspace whose clock stands still."""
    project.host = slow.url
    project.environment()
    return project


def test_c1_an_update_in_flight_is_not_disturbed(
    project: Project, cli: Cli, slow: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply("--no-wait")
    slow.forget()
    project.endpoint("e", serving(custom(version="2")), lifecycle={"timeouts": {"update": "1s"}})
    run = cli.apply(expect=9)
    assert slow.writes() == []
    assert "it is not ready after 1 s" in run.out
    assert slow.endpoint("e")["pending_config"]["served_entities"][0]["entity_version"] == "1"


def test_c1_cheap_calls_need_not_wait(project: Project, cli: Cli, slow: Emulator) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply("--no-wait")
    slow.forget()
    project.endpoint("e", serving(custom()), tags={"team": "a"})
    cli.apply("--no-wait")
    assert slow.calls() == [f"PATCH {ENDPOINTS}/e/tags"]


def test_c1_a_change_between_plan_and_write_stops_the_write(
    project: Project, cli: Cli, slow: Emulator
) -> None:
    project.endpoint("e", serving(custom()), tags={"team": "a"})
    cli.apply("--no-wait")
    slow.admin("POST", "clock", {"advance_seconds": 3600})
    project.endpoint("e", serving(custom()), tags={"team": "b"})
    cli("plan", "-e", "dev", "--out", project.root / "p.json", expect=0)
    slow.call("PATCH", f"{ENDPOINTS}/e/tags", {"add_tags": [{"key": "team", "value": "c"}]})
    slow.forget()
    run = cli("apply", "-e", "dev", project.root / "p.json", expect=12)
    assert "stale-plan" in run.err
    assert slow.writes() == []


def test_c2_a_build_of_70_minutes(project: Project, cli: Cli, slow: Emulator) -> None:
    slow.build(match={"endpoint": "e"}, seconds=70 * 60)
    project.endpoint("e", serving(custom()), lifecycle={"timeouts": {"create": "90m"}})
    cli.apply("--no-wait")
    run = cli.plan()
    assert run.entry("e")["action"] == "wait"
    assert run.entry("e")["changes"] == []
    drift = cli("drift", "-e", "dev", "-o", "json", expect=0).entry("e")
    assert (drift["config"], drift["health"]) == ("in_sync", "updating")
    slow.admin("POST", "clock", {"advance_seconds": 71 * 60})
    cli.apply()
    assert cli.settled()
    assert [call for call in slow.calls() if call.startswith("POST")] == [f"POST {ENDPOINTS}"]


def test_c3_a_timeout_destroys_nothing(project: Project, cli: Cli, slow: Emulator) -> None:
    slow.build(match={"endpoint": "e"}, outcome="never")
    timeouts = {"create": "1s", "update": "1s"}
    project.endpoint("e", serving(custom()), lifecycle={"timeouts": timeouts})
    first = cli.apply("-o", "json", expect=9)
    assert first.entry("e")["result"] == "in_progress"
    assert first.entry("e")["invocation_url"].endswith("/serving-endpoints/e/invocations")
    created = slow.endpoint("e")["id"]
    second = cli.apply("-o", "json", expect=9)
    assert (second.entry("e")["action"], second.entry("e")["id"]) == ("wait", created)
    assert slow.calls() == [f"POST {ENDPOINTS}"]


def test_c4_the_reason_of_a_failed_update(project: Project, cli: Cli, slow: Emulator) -> None:
    project.endpoint("e", serving(custom("prod")))
    cli.apply("--no-wait")
    slow.admin("POST", "clock", {"advance_seconds": 3600})
    slow.build(match={"entity": "prod"}, outcome="failed", message="Model version 7 not found")
    project.endpoint("e", serving(custom("prod", version="2")))
    cli.apply("--no-wait")
    slow.admin("POST", "clock", {"advance_seconds": 3600})
    drift = cli("drift", "-e", "dev", "-o", "json", expect=2).entry("e")
    assert drift["health"] == "update_failed"
    assert drift["messages"] == ["prod: Model version 7 not found"]


def test_c4_the_failure_names_entity_and_message(
    cli: Cli, project: Project, emulator: Emulator
) -> None:
    project.host = emulator.url
    project.environment()
    project.endpoint("e", serving(external(name="prod")))
    emulator.build(match={"entity": "prod"}, outcome="failed", message="No such model", times=1)
    run = cli.apply(expect=1)
    assert "e" in run.err
    assert "prod: No such model" in run.err
    assert "prod: No such model" in run.out
    assert cli.plan().entry("e")["action"] == "update"
    cli.apply()
    assert cli.settled()
