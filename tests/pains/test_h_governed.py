"""Group H, continued: limits of zero, and endpoints that are only governed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, serving

HOSTED = "databricks-meta-llama-3-3-70b-instruct"
GATEWAY = f"{ENDPOINTS}/{HOSTED}/ai-gateway"
LIMIT = {"key": "user", "renewal_period": "minute", "calls": 20}


def _govern(project: Project, name: str = HOSTED, **blocks: Any) -> None:
    path = project.root / "endpoints" / "governed.yaml"
    path.write_text(yaml.safe_dump({"governs": name, **blocks}, sort_keys=False))


def _stop_governing(project: Project) -> None:
    (project.root / "endpoints" / "governed.yaml").unlink()


def _by_hand(emulator: Emulator, **gateway: Any) -> None:
    emulator.call("PUT", GATEWAY, gateway)


def _flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("unit", ["calls", "tokens"])
def test_h1_zero_is_said_to_disable(project: Project, cli: Cli, unit: str) -> None:
    limit = {"key": "endpoint", "renewal_period": "minute"}
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit | {unit: 5}]})
    cli.apply()
    assert "0 = disabled" not in cli("plan", "-e", "dev", expect=0).out
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit | {unit: 0}]})
    [line] = [
        text for text in cli("plan", "-e", "dev", expect=0).out.splitlines() if "5 -> 0" in text
    ]
    assert "0 = disabled" in line
    assert [change["note"] for change in cli.plan().changes("e").values()] == ["0 = disabled"]


def test_h1_zero_is_proven_before_anything_else_is_sent(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """A limit that got lost ends the endpoint's steps: nothing is rolled out without it."""
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    limits = {"rate_limits": [{"key": "endpoint", "renewal_period": "minute", "calls": 0}]}
    project.endpoint("e", serving(external("gpt-4o")), ai_gateway=limits)
    emulator.fault("PUT", f"{ENDPOINTS}/e/ai-gateway", effect="before", status=200, times=1)
    emulator.forget()
    run = cli("apply", "-e", "dev", "--auto-approve")
    assert run.code in {1, 8}
    assert "limit not in force" in _flat(run.out)
    assert emulator.calls() == [f"PUT {ENDPOINTS}/e/ai-gateway"]
    cli.apply()
    assert cli.settled()
    assert emulator.endpoint("e")["ai_gateway"] == limits


def test_h3_only_the_gateway_is_written(project: Project, cli: Cli, emulator: Emulator) -> None:
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    before = emulator.endpoint(HOSTED)
    emulator.forget()
    run = cli.plan()
    assert (run.entry(HOSTED)["action"], run.entry(HOSTED)["permit"]) == ("update", "")
    assert run.steps(HOSTED) == [f"PUT {GATEWAY}"]
    cli.apply()
    [put] = emulator.writes()
    assert (put["method"], put["path"]) == ("PUT", GATEWAY)
    assert put["body"]["rate_limits"] == [LIMIT]
    after = emulator.endpoint(HOSTED)
    assert after["ai_gateway"]["rate_limits"] == [LIMIT]
    moved = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert moved == {"ai_gateway", "last_updated_timestamp"}
    assert cli.settled()
    assert cli("drift", "-e", "dev", "-o", "json", expect=0).entry(HOSTED)["config"] == "in_sync"


def test_h3_what_others_set_survives(project: Project, cli: Cli, emulator: Emulator) -> None:
    _by_hand(emulator, usage_tracking_config={"enabled": True})
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    found = emulator.endpoint(HOSTED)["ai_gateway"]
    assert found == {"rate_limits": [LIMIT], "usage_tracking_config": {"enabled": True}}


def test_h3_an_absent_endpoint_is_blocked_and_never_made(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _govern(project, "databricks-no-such-model", ai_gateway={"rate_limits": [LIMIT]})
    emulator.forget()
    entry = cli.plan().entry("databricks-no-such-model")
    assert entry["action"] == "blocked"
    assert "not ours to make" in entry["blocked_by"]
    cli.apply(expect=5)
    assert emulator.writes() == []


@pytest.mark.parametrize("key", ["config", "description", "email_notifications"])
def test_h3_nothing_else_can_be_declared(
    project: Project, cli: Cli, emulator: Emulator, key: str
) -> None:
    values: dict[str, Any] = {
        "config": serving(external())["config"],
        "description": "ours",
        "email_notifications": {"on_update_failure": ["a@example.com"]},
    }
    _govern(project, **{key: values[key]})
    assert f"`{key}` of a governed endpoint" in cli("validate", "-e", "dev", expect=4).err
    assert emulator.writes() == []


def test_h3_removal_from_the_yaml_is_a_warning_and_nothing_more(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    _stop_governing(project)
    emulator.forget()
    run = cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    assert "warning[no-longer-governed]" in run.out
    assert f"release {HOSTED}" in _flat(run.out)
    cli.apply()
    assert emulator.writes() == []
    assert emulator.endpoint(HOSTED)["ai_gateway"]["rate_limits"] == [LIMIT]


def test_h3_release_keeps_what_was_applied(project: Project, cli: Cli, emulator: Emulator) -> None:
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    _stop_governing(project)
    emulator.forget()
    assert "is released" in cli("release", "-e", "dev", HOSTED, expect=0).out
    assert emulator.writes() == []
    assert emulator.endpoint(HOSTED)["ai_gateway"]["rate_limits"] == [LIMIT]
    assert "no-longer-governed" not in cli("plan", "-e", "dev", expect=0).out


@pytest.mark.parametrize("found", [{}, {"rate_limits": [LIMIT | {"calls": 3}]}])
def test_h3_release_can_give_back_what_was_found(
    project: Project, cli: Cli, emulator: Emulator, found: dict[str, Any]
) -> None:
    if found:
        _by_hand(emulator, **found)
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    _govern(project, ai_gateway={"rate_limits": [LIMIT | {"calls": 50}]})
    cli.apply()
    _stop_governing(project)
    emulator.forget()
    run = cli("release", "-e", "dev", HOSTED, "--restore", expect=5)
    assert "nobody is there to ask" in run.err
    assert emulator.writes() == []
    cli("release", "-e", "dev", HOSTED, "--restore", "--auto-approve", expect=0)
    assert emulator.calls() == [f"PUT {GATEWAY}"]
    assert emulator.endpoint(HOSTED).get("ai_gateway", {}) == found
    assert "no-longer-governed" not in cli("plan", "-e", "dev", expect=0).out


def test_h3_a_hand_made_change_is_drift(project: Project, cli: Cli, emulator: Emulator) -> None:
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    _by_hand(emulator, rate_limits=[LIMIT | {"calls": 900}])
    assert "declared 20, live 900" in cli("drift", "-e", "dev", expect=2).out


def test_h3_null_clears_with_a_word_for_each_loss(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _govern(project, ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    _govern(project, ai_gateway=None)
    effects = {path: change["effect"] for path, change in cli.plan().changes(HOSTED).items()}
    assert effects == dict.fromkeys(
        [f"ai_gateway.rate_limits[user].{leaf}" for leaf in ("calls", "renewal_period")], "remove"
    )
    emulator.forget()
    cli.apply()
    assert [(put["path"], put["body"]) for put in emulator.writes()] == [(GATEWAY, {})]
    assert cli.settled()


def test_h3_a_rollback_never_makes_a_governed_endpoint(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """Its owner deleted it meanwhile: what is remembered of it is no reason to make one."""
    theirs = {"name": "theirs", "config": {"served_entities": [external()]}}
    emulator.call("POST", ENDPOINTS, theirs)
    for calls in (20, 30):
        _govern(project, "theirs", ai_gateway={"rate_limits": [LIMIT | {"calls": calls}]})
        cli.apply()
    emulator.call("DELETE", f"{ENDPOINTS}/theirs")
    emulator.forget()
    run = cli("rollback", "-e", "dev", "theirs", "--auto-approve", expect=5)
    assert "not ours to make" in _flat(run.out)
    assert emulator.writes() == []
