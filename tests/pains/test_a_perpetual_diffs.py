"""Group A: differences that never go away."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from ..conftest import (
    ENDPOINTS,
    Cli,
    Emulator,
    Project,
    custom,
    external,
    serving,
    throughput,
    units,
)


def test_a1_traffic_filled_in_by_the_server_is_no_change(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external(name="prod")))
    cli.apply()
    assert emulator.endpoint("e")["config"]["traffic_config"]["routes"]
    assert cli.settled()
    project.endpoint("e", serving(external(name="prod"), prod=100))
    assert cli.settled()


def test_a1_traffic_moved_by_hand_is_a_change(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    entities = [external(name="prod"), external(name="canary")]
    project.endpoint("e", serving(*entities, prod=100, canary=0))
    cli.apply()
    routes = [
        {"served_entity_name": "prod", "traffic_percentage": 90},
        {"served_entity_name": "canary", "traffic_percentage": 10},
    ]
    body = {"served_entities": entities, "traffic_config": {"routes": routes}}
    emulator.call("PUT", f"{ENDPOINTS}/e/config", body)
    path = "config.traffic_config.routes[{}].traffic_percentage"
    found = {key: (c["before"], c["after"]) for key, c in cli.plan().changes("e").items()}
    assert found == {path.format("prod"): (90, 100), path.format("canary"): (10, 0)}


def test_a1_traffic_that_leaves_the_yaml_but_says_nothing_new_is_no_roll_out(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external(name="prod"), prod=100))
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external(name="prod")))
    cli.apply()
    assert emulator.calls() == []
    assert cli.settled()


def test_a2_order_and_case_are_no_change(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(unity_catalog={"models": {"main.ai.m": {"versions": {"1": {"status": "READY"}}}}})
    entities = [
        custom("zulu", entity_name="main.ai.m"),
        custom("alpha", entity_name="main.ai.m"),
    ]
    tags = {"b": "2", "a": "1"}
    project.endpoint("e", serving(*entities, zulu=60, alpha=40), tags=tags)
    cli.apply()
    live = emulator.endpoint("e")["config"]["served_entities"]
    assert [entity["name"] for entity in live] == ["alpha", "zulu"]
    assert cli.settled()
    entities = [entity | {"entity_name": "Main.AI.m"} for entity in reversed(entities)]
    project.endpoint("e", serving(*entities, alpha=40, zulu=60), tags={"a": "1", "b": "2"})
    assert cli.settled(), cli.plan().out


def _shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, _shuffled(item, dice)) for key, item in value.items()]
        dice.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [_shuffled(item, dice) for item in value]
        dice.shuffle(items)
        return items
    return value


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.exhaustive, id="100")])
def test_a2_shuffling_every_list_changes_nothing(
    project: Project, cli: Cli, emulator: Emulator, times: int
) -> None:
    spec = serving(external(name="a"), external(name="b"), external(name="c"), a=50, b=30, c=20)
    spec |= {
        "tags": {"x": "1", "y": "2", "z": ""},
        "ai_gateway": {
            "rate_limits": [
                {"key": "endpoint", "renewal_period": "minute", "calls": 100},
                {"key": "user", "renewal_period": "minute", "calls": 5, "tokens": 100},
                {
                    "key": "user_group",
                    "principal": "users",
                    "renewal_period": "minute",
                    "calls": 50,
                },
            ],
            "guardrails": {"input": {"invalid_keywords": ["k1", "k2", "k3"]}},
        },
        "email_notifications": {"on_update_failure": ["alice@example.com", "bob@example.com"]},
        "permissions": [
            {"group": "users", "level": "CAN_QUERY"},
            {"user": "alice@example.com", "level": "CAN_MANAGE"},
        ],
    }
    project.endpoint("e", spec)
    cli.apply()
    emulator.forget()
    dice = random.Random(2)  # noqa: S311 - repeatable, not secret
    wanted = cli.plan().json["fingerprint"]
    for _ in range(times):
        project.endpoint("e", _shuffled(copy.deepcopy(spec), dice))
        plan = cli.plan().json
        assert plan["summary"]["none"] == 1, plan["endpoints"][0]["changes"]
        assert plan["fingerprint"] == wanted
    assert emulator.writes() == []


def test_a3_from_a_size_to_concurrency(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(custom("m")))
    cli.apply()
    emulator.forget()
    sized = custom("m", min_provisioned_concurrency=4, max_provisioned_concurrency=4)
    del sized["workload_size"]
    project.endpoint("e", serving(sized))
    effects = {path: change["effect"] for path, change in cli.plan().changes("e").items()}
    assert effects == {
        "config.served_entities[m].workload_size": "remove",
        "config.served_entities[m].min_provisioned_concurrency": "set",
        "config.served_entities[m].max_provisioned_concurrency": "set",
    }
    cli.apply()
    [put] = emulator.writes()
    [entity] = put["body"]["served_entities"]
    assert "workload_size" not in entity
    assert (entity["min_provisioned_concurrency"], entity["max_provisioned_concurrency"]) == (4, 4)
    assert cli.settled()


def test_a3_what_the_server_filled_in_is_not_sent_back(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(throughput("m", 980)))
    cli.apply()
    live = emulator.endpoint("e")["config"]["served_entities"][0]
    assert {"workload_size", "workload_type"} <= live.keys()
    emulator.forget()
    project.endpoint("e", serving(throughput("m", 1960)))
    cli.apply()
    [put] = emulator.writes()
    assert put["body"]["served_entities"] == [throughput("m", 1960)]


def test_a4_one_spelling_of_routes(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint(
        "e",
        """
        name: e
        config:
          served_entities:
            - name: a
              external_model: &model
                provider: openai
                name: gpt-4o
                task: llm/v1/chat
                openai_config: {openai_api_key: "{{secrets/llm/openai_api_key}}"}
            - {name: b, external_model: *model}
          traffic_config:
            routes:
              - {served_entity_name: a, traffic_percentage: 70}
              - {served_model_name: b, traffic_percentage: 30}
        """,
    )
    cli.apply()
    live = emulator.endpoint("e")["config"]
    assert {"served_models", "served_entities"} <= live.keys()
    assert {"served_model_name", "served_entity_name"} <= live["traffic_config"]["routes"][0].keys()
    emulator.forget()
    assert cli.settled()


def test_a4_old_spelling_of_entities_is_the_same_endpoint(project: Project, cli: Cli) -> None:
    entity = custom("m")
    project.endpoint("e", serving(entity))
    cli.apply()
    old = {
        {"entity_name": "model_name", "entity_version": "model_version"}.get(key, key): value
        for key, value in entity.items()
    }
    project.endpoint("e", {"config": {"served_models": [old]}})
    assert cli.settled()
    assert "served_entities" in cli("validate", "-e", "dev", expect=0).err


def test_a4_both_spellings_are_refused_where_they_differ(project: Project, cli: Cli) -> None:
    config = {"served_models": [external()], "served_entities": [external(name="other")]}
    project.endpoint("e", {"config": config})
    run = cli("validate", "-e", "dev", expect=4)
    assert "endpoints/e.yaml:3:" in run.err
    assert "error[conflicting-keys]: `served_models` does not say the same" in run.err


def test_a4_both_spellings_are_one_where_they_say_the_same(project: Project, cli: Cli) -> None:
    config = {"served_models": [external()], "served_entities": [external()]}
    project.endpoint("e", {"config": config})
    assert "warning[said-twice]" in cli("validate", "-e", "dev", expect=0).err
    cli.apply()
    assert cli.settled()


def test_a6_notifications_reach_the_service(project: Project, cli: Cli, emulator: Emulator) -> None:
    spec = serving(external())
    project.endpoint("e", spec, email_notifications={"on_update_failure": ["a@example.com"]})
    cli.apply()
    emulator.forget()
    project.endpoint("e", spec, email_notifications={"on_update_failure": ["b@example.com"]})
    cli.apply()
    [patch] = emulator.writes()
    assert (patch["method"], patch["path"]) == ("PATCH", f"{ENDPOINTS}/e/notifications")
    assert patch["body"] == {"email_notifications": {"on_update_failure": ["b@example.com"]}}
    assert cli.settled()


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [("budget_policy_id", "policy-1", "policy-2"), ("description", "one", "two")],
)
def test_a6_what_no_call_changes_is_said_every_time(
    project: Project, cli: Cli, emulator: Emulator, field: str, before: str, after: str
) -> None:
    project.endpoint("e", serving(external()), **{field: before})
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()), **{field: after})
    for _ in range(2):
        run = cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
        line = next(line for line in run.out.splitlines() if field in line)
        assert line.split()[0] == "="
        assert "cannot be changed in place" in run.out
        assert run.out.splitlines()[-1].startswith("Plan: 0 to create, 0 to update, 0 to replace")
        cli.apply()
    assert emulator.writes() == []


_EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tags": ({"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "3", "c": ""}}),
    "limits": (
        {"ai_gateway": {"rate_limits": [{"renewal_period": "minute", "calls": 5}]}},
        {"ai_gateway": {"rate_limits": [{"renewal_period": "minute", "tokens": 0}]}},
    ),
    "guardrails": (
        {"ai_gateway": {"guardrails": {"input": {"safety": True, "pii": {"behavior": "BLOCK"}}}}},
        {"ai_gateway": {"guardrails": {"output": {"safety": False, "valid_topics": ["x"]}}}},
    ),
    "tables": (
        {"ai_gateway": {"inference_table_config": {"enabled": False}}},
        {
            "ai_gateway": {
                "inference_table_config": {
                    "enabled": True,
                    "catalog_name": "main",
                    "schema_name": "ml",
                    "table_name_prefix": "p",
                }
            }
        },
    ),
    "usage": (
        {"ai_gateway": {"usage_tracking_config": {"enabled": True}}},
        {"ai_gateway": {"usage_tracking_config": {"enabled": False}}},
    ),
    "mails": (
        {"email_notifications": {"on_update_success": ["a@example.com"]}},
        {"email_notifications": {"on_update_failure": ["a@example.com"]}},
    ),
    "permissions": (
        {"permissions": [{"group": "users", "level": "CAN_QUERY"}]},
        {"permissions": [{"group": "data-science", "level": "CAN_VIEW"}]},
    ),
    "openai base": (
        serving(external(openai_api_base="https://a.example.com")),
        serving(external(openai_organization="org")),
    ),
    "capture": (
        serving(external()),
        {
            "config": {
                "served_entities": [external()],
                "auto_capture_config": {"catalog_name": "main", "schema_name": "ml"},
            }
        },
    ),
    "environment": (
        serving(custom(environment_vars={"A": "1", "B": "2"})),
        serving(custom(environment_vars={"A": "2", "C": ""})),
    ),
    "version": (serving(custom(version="1")), serving(custom(version="2", workload_type="CPU"))),
    "units": (serving(units(amount=50)), serving(units(amount=100, burst_scaling_enabled=True))),
    "telemetry": (
        serving(custom()) | {"telemetry_config": {"table_names": {"logs_table": "main.ml.l"}}},
        serving(custom())
        | {
            "telemetry_config": {
                "table_names": {"logs_table": "main.ml.l"},
                "enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"],
            }
        },
    ),
}


@pytest.mark.parametrize("backwards", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("name", _EDITS)
def test_a6_every_edit_settles(
    project: Project, cli: Cli, emulator: Emulator, name: str, backwards: bool
) -> None:
    first, second = _EDITS[name][::-1] if backwards else _EDITS[name]
    project.endpoint("e", serving(external()) | first)
    cli.apply()
    assert cli.settled()
    emulator.forget()
    project.endpoint("e", serving(external()) | second)
    promised = cli.plan().steps("e")
    cli.apply()
    assert emulator.calls() == [
        call.replace(emulator.endpoint("e")["id"], "{id}") for call in promised
    ]
    assert cli.settled(), cli.plan().changes("e")


def test_a7_write_only_fields_are_sent_once(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "value")
    project.endpoint(
        "chat",
        serving(external(openai_api_key=None, openai_api_key_plaintext="${env:KEY}")),
    )
    project.endpoint("oss", serving(units(burst_scaling_enabled=True)))
    tables = {"logs_table": "main.ml.logs", "metrics_table": "main.ml.metrics"}
    project.endpoint("churn", serving(custom()), telemetry_config={"table_names": tables})
    cli.apply()
    posts = [call for call in emulator.calls() if call.startswith("POST")]
    assert len(posts) == len(emulator.calls()) == 3
    assert cli.settled()
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []


def test_a7_an_edited_write_only_field_is_one_roll_out(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("oss", serving(units(burst_scaling_enabled=True)))
    cli.apply()
    emulator.forget()
    project.endpoint("oss", serving(units(burst_scaling_enabled=False)))
    cli.apply()
    [put] = emulator.writes()
    assert put["path"] == f"{ENDPOINTS}/pt/oss/config"
    assert put["body"]["config"]["served_entities"][0]["burst_scaling_enabled"] is False
    assert cli.settled()
