"""No rule stumbles over a combination: every kind of endpoint crossed with every top-level key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.errors import ExitCode
from provisioner.spec import EndpointSpec
from tests.conftest import invoke
from tests.pure.rule_projects import found_in, project_of

_ON: dict[str, Any] = {"enabled": True}
ENTITIES: dict[str, dict[str, Any]] = {
    "external": {
        "external_model": {
            "provider": "openai",
            "name": "gpt-4o",
            "task": "llm/v1/chat",
            "openai_config": {"openai_api_key": "{{secrets/llm/key}}"},
        }
    },
    "throughput": {
        "entity_name": "system.ai.llama_v3_3_70b_instruct",
        "entity_version": "1",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": 9500,
    },
    "model units": {
        "entity_name": "system.ai.llama_v3_3_70b_instruct",
        "entity_version": "1",
        "provisioned_model_units": 50,
    },
    "custom": {
        "entity_name": "main.ml.churn",
        "entity_version": "1",
        "workload_size": "Small",
        "scale_to_zero_enabled": True,
    },
    "without a model": {"environment_vars": {"A": "b"}},
}
KINDS: dict[str, dict[str, Any]] = {
    **{
        kind: {"name": "one", "config": {"served_entities": [{"name": "a", **entity}]}}
        for kind, entity in ENTITIES.items()
    },
    "mixed": {
        "name": "one",
        "config": {
            "served_entities": [{"name": f"e{i}", **e} for i, e in enumerate(ENTITIES.values())]
        },
    },
    "no config": {"name": "one"},
    "governed": {"governs": "databricks-gte-large-en"},
    "governed, of others": {"governs": "theirs"},
}
VALUES: dict[str, list[Any]] = {
    "name": ["one", "databricks-one", "", "a" * 300],
    "governs": ["databricks-gte-large-en", "theirs", ""],
    "config": [
        *({"served_entities": [{"name": "a", **entity}]} for entity in ENTITIES.values()),
        {"served_entities": [], "auto_capture_config": _ON, "traffic_config": {"routes": []}},
        {"traffic_config": {"routes": [{"served_entity_name": "a", "traffic_percentage": 1}]}},
    ],
    "api_extra": [{}, {"new": [1]}],
    "description": ["", "what it is for"],
    "route_optimized": [True, False],
    "budget_policy_id": ["", "b-1"],
    "tags": [{}, {"team": None}, {"": "", "provisioner": "x"}],
    "ai_gateway": [
        {},
        {
            "usage_tracking_config": _ON,
            "fallback_config": _ON,
            "inference_table_config": _ON,
            "rate_limits": [
                {"calls": 0, "renewal_period": "minute"},
                {"tokens": 0, "key": "user_group", "principal": "g", "renewal_period": "minute"},
            ],
            "guardrails": {"input": {"safety": True, "invalid_keywords": ["x"]}, "output": {}},
        },
    ],
    "email_notifications": [{}, {"on_update_success": [], "on_update_failure": ["bob", ""]}],
    "telemetry_config": [
        {},
        {"table_names": {"logs_table": "x"}, "telemetry_profile_id": "p"},
        {"enabled_telemetry_features": [], "inference_table_config": {}},
    ],
    "permissions": [{}, {"rows": [{"group": "g", "level": "CAN_QUERY"}] * 2}],
    "lifecycle": [{}, {"ignore": ["config"], "if_missing": "skip"}],
    "checks": [[], [{"name": "c", "prompt": "hello", "entities": ["a"]}]],
    "rollout": [{}, {"steps": [10, 50], "max_error_share": 0.1}],
}


def test_every_key_has_its_values() -> None:
    assert VALUES.keys() == EndpointSpec.model_fields.keys()


def _renamed(endpoint: dict[str, Any], number: int) -> dict[str, Any]:
    """The same under a name of its own, so that every one is judged."""
    key = next((key for key in ("governs", "name") if endpoint.get(key)), "name")
    return {**endpoint, key: f"{endpoint.get(key)}-{number}"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protected", [False, True])
def test_no_rule_stumbles(tmp_path: Path, kind: str, protected: bool) -> None:
    base = KINDS[kind]
    together = {key: values[-1] for key, values in VALUES.items() if key not in base}
    crossed = [
        base,
        {**base, **{key: value for key, value in together.items() if key != "governs"}},
        {**base, **together},
        *({**base, key: value} for key, values in VALUES.items() for value in (None, *values)),
    ]
    environment = f"protected: {str(protected).lower()}\n"
    documents = yaml.safe_dump_all(_renamed(one, number) for number, one in enumerate(crossed))
    text = f"# environments/dev.yaml\n{environment}# endpoints/all.yaml\n---\n{documents}"
    found = found_in(project_of(tmp_path, text), date(2026, 11, 24))
    assert {problem.where.file for problem in found if problem.where} == {"endpoints/all.yaml"}


@pytest.mark.parametrize("key", ["telemetry_config: {}", "route_optimized: true"])
def test_what_is_not_for_a_governed_endpoint_is_said_once(tmp_path: Path, key: str) -> None:
    root = project_of(tmp_path, f"governs: databricks-gte-large-en\n{key}\n")
    assert [problem.code for problem in found_in(root)] == ["not-governable"]
    assert invoke(["--project", str(root), "validate"]).code == ExitCode.INVALID
