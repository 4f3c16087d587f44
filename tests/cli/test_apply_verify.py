"""`apply --verify`: what was changed is asked, and a check may lead back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.conftest import Cli, Emulator, Project, anthropic, external, invoke, serving

ASKED = "/serving-endpoints/"


@pytest.fixture
def ailing(emulator: Emulator) -> Iterator[None]:
    """Claude's provider is down; GPT's is not."""
    for name in ("chat", "other", "fresh"):
        document = {"endpoint": name, "entity": "claude", "condition": "provider_down"}
        emulator.admin("PUT", "conditions", document)
    yield
    emulator.admin("DELETE", "conditions")


def checks(on_failure: str) -> list[dict[str, Any]]:
    return [{"name": "answers", "prompt": "hi", "on_failure": on_failure}]


def both(on_failure: str = "rollback", **more: Any) -> dict[str, Any]:
    return {
        **serving(external(), anthropic(), gpt=50, claude=50),
        "checks": checks(on_failure),
        **more,
    }


def config(emulator: Emulator, name: str = "chat") -> dict[str, Any]:
    found = emulator.endpoint(name)
    routes = found["config"]["traffic_config"]["routes"]
    return {
        "entities": sorted(entity["name"] for entity in found["config"]["served_entities"]),
        "routes": {route["served_entity_name"]: route["traffic_percentage"] for route in routes},
        "tags": {tag["key"]: tag["value"] for tag in found["tags"]},
        "gateway": found.get("ai_gateway", {}),
    }


def asked(emulator: Emulator) -> list[str]:
    paths = [entry["path"] for entry in emulator.requests() if entry["method"] == "POST"]
    return [path.split("/")[2] for path in paths if path.startswith(ASKED)]


def test_only_what_was_changed_is_asked(project: Project, cli: Cli, emulator: Emulator) -> None:
    for name in ("same", "tagged", "retired"):
        project.endpoint(name, serving(external()), tags={"team": "a"})
    cli.apply()
    project.endpoint("tagged", serving(external()), tags={"team": "b"})
    project.endpoint("made", serving(external()))
    project.remove("retired")
    emulator.forget()
    run = cli.apply("--verify", "--allow-retire", "retired")
    assert sorted(asked(emulator)) == ["made", "tagged"]
    assert run.out.endswith("Verified: 2 ok; 2 requests sent.\n")
    emulator.forget()
    assert "Verified" not in cli.apply("--verify").out
    assert asked(emulator) == []


@pytest.mark.usefixtures("ailing")
def test_keep_leaves_it_and_ends_with_7(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    project.endpoint("chat", both("keep"))
    run = cli.apply("--verify", expect=7)
    assert config(emulator)["entities"] == ["claude", "gpt"]
    assert "claude [answers]: provider down" in run.out
    assert cli.settled()


@pytest.mark.usefixtures("ailing")
def test_rollback_returns_to_what_was_recorded_and_ends_with_6(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    limit = {"rate_limits": [{"key": "user", "calls": 9, "renewal_period": "minute"}]}
    project.endpoint("chat", serving(external()), tags={"team": "a"}, ai_gateway=limit)
    project.endpoint("other", serving(external()))
    cli.apply()
    before = config(emulator)
    higher = {"rate_limits": [{"key": "user", "calls": 99, "renewal_period": "minute"}]}
    project.endpoint("chat", both(tags={"team": "b", "new": "x"}, ai_gateway=higher))
    project.endpoint("other", serving(external()), tags={"fine": "yes"}, checks=checks("rollback"))
    run = cli.apply("--verify", "-o", "json", expect=6)
    assert config(emulator) == before
    assert config(emulator, "other")["tags"]["fine"] == "yes", "what passes stays"
    assert run.json["rolled_back"] == ["chat"]
    assert run.json["verification"]["summary"] == {"ok": 2, "provider_down": 1}
    jsonschema.validate(run.json, json.loads(invoke(["schema", "outcome"]).out))
    plan = cli.plan()
    assert plan.entry("chat")["action"] == "update", "the YAML still wants it"
    assert plan.entry("other")["action"] == "none"


@pytest.mark.usefixtures("ailing")
def test_the_record_remembers_both(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    project.endpoint("chat", both())
    cli.apply("--verify", expect=6)
    rolled = cli("rollback", "chat", "-e", "dev", "--auto-approve", expect=0)
    assert "claude" in rolled.out, "what failed is in the history"
    assert config(emulator)["entities"] == ["claude", "gpt"]


@pytest.mark.usefixtures("ailing")
def test_a_new_endpoint_has_nothing_to_go_back_to(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("fresh", both())
    run = cli.apply("--verify", expect=7)
    assert "fresh: not rolled back: it was made just now" in run.err
    assert "fresh" in emulator.names()


@pytest.mark.usefixtures("ailing")
def test_without_a_record_there_is_nothing_to_go_back_to(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(record="record.json")
    project.endpoint("chat", serving(external()))
    cli.apply()
    (project.root / "record.json").unlink()
    project.endpoint("chat", both())
    run = cli.apply("--verify", expect=7)
    assert "nothing earlier is remembered" in run.err
    assert config(emulator)["entities"] == ["claude", "gpt"]


@pytest.mark.usefixtures("ailing")
def test_a_way_back_that_fails_is_told(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    project.endpoint("chat", both())
    put = "/api/2.0/serving-endpoints/chat/config"
    refused = {"status": 400, "error_code": "BAD_REQUEST", "message": "not today"}
    emulator.fault("PUT", put, skip=1, **refused)
    run = cli.apply("--verify", expect=7)
    assert "not today" in run.err
    assert config(emulator)["entities"] == ["claude", "gpt"]


def test_an_apply_that_fails_ends_as_without(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("good", serving(external()))
    project.endpoint("bad", serving(external()))
    emulator.build(match={"endpoint": "bad"}, outcome="failed", message="no capacity")
    run = cli.apply("--verify", expect=8)
    assert "Verified: 1 ok; 1 request sent." in run.out, "what was made is asked all the same"


def test_a_saved_plan_can_be_verified(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    cli("plan", "-e", "dev", "--out", project.root / "plan.json", expect=0)
    run = cli("apply", "-e", "dev", project.root / "plan.json", "--verify", expect=0)
    assert "Verified: 1 ok; 1 request sent." in run.out
    assert asked(emulator) == ["chat"]


def test_it_cannot_be_asked_what_is_not_waited_for(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    run = cli("apply", "-e", "dev", "--verify", "--no-wait", expect=64)
    assert "--no-wait" in run.err
