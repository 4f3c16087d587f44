"""Group H: the AI gateway."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, anthropic, external, serving

GATEWAY = {
    "guardrails": {"input": {"pii": {"behavior": "BLOCK"}}},
    "rate_limits": [{"key": "user", "renewal_period": "minute", "calls": 5}],
}


@pytest.mark.parametrize("unit", ["calls", "tokens"])
def test_h1_a_limit_of_zero_reaches_the_wire(
    project: Project, cli: Cli, emulator: Emulator, unit: str
) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    emulator.forget()
    limit = {"key": "endpoint", "renewal_period": "minute", unit: 0}
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit]})
    run = cli("plan", "-e", "dev")
    assert f"{unit}" in run.out
    cli.apply()
    [put] = emulator.writes()
    assert put["body"]["rate_limits"] == [limit]
    assert emulator.endpoint("e")["ai_gateway"]["rate_limits"] == [limit]
    assert cli.settled()


def test_h1_from_some_calls_to_none(project: Project, cli: Cli, emulator: Emulator) -> None:
    limit = {"key": "endpoint", "renewal_period": "minute", "calls": 5}
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit]})
    cli.apply()
    limit["calls"] = 0
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit]})
    [change] = cli.plan().changes("e").values()
    assert (change["before"], change["after"], change["effect"]) == (5, 0, "set")
    cli.apply()
    assert emulator.endpoint("e")["ai_gateway"]["rate_limits"] == [limit]


def test_h1_a_limit_without_a_number_is_invalid(project: Project, cli: Cli) -> None:
    limit = {"key": "endpoint", "renewal_period": "minute"}
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit]})
    assert "empty-rate-limit" in cli("validate", "-e", "dev", expect=4).err


def test_h4_a_deleted_block_is_kept_and_that_is_said(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), ai_gateway=GATEWAY)
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()))
    run = cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    assert "ai_gateway" in run.out
    assert "no longer managed, left as it is" in run.out
    cli.apply()
    assert emulator.writes() == []
    assert emulator.endpoint("e")["ai_gateway"] == GATEWAY


def test_h4_null_clears_and_lists_what_is_lost(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), ai_gateway=GATEWAY)
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()), ai_gateway=None)
    changes = cli.plan().changes("e")
    assert {path: (c["effect"], c["reason"]) for path, c in changes.items()} == {
        "ai_gateway.guardrails.input.pii.behavior": ("remove", "cleared"),
        "ai_gateway.rate_limits[user].calls": ("remove", "cleared"),
        "ai_gateway.rate_limits[user].renewal_period": ("remove", "cleared"),
    }
    cli.apply()
    [put] = emulator.writes()
    assert (put["path"], put["body"]) == (f"{ENDPOINTS}/e/ai-gateway", {})
    assert "ai_gateway" not in emulator.endpoint("e")
    assert cli.settled()


def test_h4_what_others_set_in_the_gateway_survives(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": GATEWAY["rate_limits"]})
    cli.apply()
    by_hand = GATEWAY | {"usage_tracking_config": {"enabled": True}}
    emulator.call("PUT", f"{ENDPOINTS}/e/ai-gateway", by_hand)
    assert cli.settled()
    limit = {"key": "user", "renewal_period": "minute", "calls": 6}
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [limit]})
    cli.apply()
    assert emulator.endpoint("e")["ai_gateway"] == by_hand | {"rate_limits": [limit]}


def _two(on: bool) -> dict[str, Any]:
    return {"ai_gateway": {"fallback_config": {"enabled": on}}}


@pytest.mark.parametrize("on_before", [True, False])
def test_h_fallback_comes_and_goes_with_its_second_model(
    project: Project, cli: Cli, emulator: Emulator, on_before: bool
) -> None:
    one = serving(external()) | ({} if on_before else _two(on=False))
    two = serving(external(), anthropic(), gpt=100, claude=0) | _two(on=True)
    project.endpoint("e", one)
    cli.apply()
    project.endpoint("e", two)
    cli.apply()
    live = emulator.endpoint("e")
    assert live["ai_gateway"]["fallback_config"] == {"enabled": True}
    assert [entity["name"] for entity in live["config"]["served_entities"]] == ["gpt", "claude"]
    assert cli.settled()
    project.endpoint("e", serving(external()) | _two(on=False))
    cli.apply()
    assert emulator.endpoint("e")["ai_gateway"]["fallback_config"] == {"enabled": False}
    assert cli.settled()


def test_h_the_order_counts_while_there_is_a_fallback(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    entities = [external(), anthropic()]
    project.endpoint("e", serving(*entities, gpt=100, claude=0) | _two(on=True))
    cli.apply()
    project.endpoint("e", serving(*entities[::-1], gpt=100, claude=0) | _two(on=True))
    [change] = cli.plan().changes("e").values()
    assert change["path"] == "config.fallback_order"
    cli.apply()
    live = emulator.endpoint("e")["config"]["served_entities"]
    assert [entity["name"] for entity in live] == ["claude", "gpt"]
    assert cli.settled()


def test_h_a_table_is_renamed_by_switching_it_off_first(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    table = {
        "enabled": True,
        "catalog_name": "main",
        "schema_name": "ml",
        "table_name_prefix": "a",
    }
    project.endpoint("e", serving(external()), ai_gateway={"inference_table_config": table})
    cli.apply()
    emulator.forget()
    renamed = table | {"table_name_prefix": "b"}
    project.endpoint("e", serving(external()), ai_gateway={"inference_table_config": renamed})
    cli.apply()
    assert [put["body"]["inference_table_config"] for put in emulator.writes()] == [
        table | {"enabled": False},
        renamed,
    ]
    assert cli.settled()
