"""JSON Schema for editors: what the tool accepts is not flagged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from provisioner.cli.schema import of_files
from provisioner.spec import json_schema

ROOT = Path(__file__).parents[2]
ENDPOINT = Draft202012Validator(json_schema("endpoint"))
ENVIRONMENT = Draft202012Validator(json_schema("environment"))


@pytest.mark.parametrize("validator", [ENDPOINT, ENVIRONMENT])
def test_schema_is_valid_itself(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", sorted((ROOT / "endpoints").glob("*.yaml")), ids=lambda p: p.name)
def test_endpoints_of_the_repository_are_not_flagged(path: Path) -> None:
    assert not list(ENDPOINT.iter_errors(yaml.safe_load(path.read_text())))


@pytest.mark.parametrize("path", sorted((ROOT / "environments").glob("[!_]*.yaml")), ids=str)
def test_environments_of_the_repository_are_not_flagged(path: Path) -> None:
    written = yaml.safe_load(path.read_text())
    errors = list(ENVIRONMENT.iter_errors({"project": "from-the-base", **written}))
    assert not errors


@pytest.mark.parametrize(
    "written",
    [
        {"tags": [{"key": "a", "value": "b"}, {"key": "c"}]},
        {"tags": "${var.tags}"},
        {"traffic": {"a": 90, "b": "${var.rest}"}},
        {"permissions": [{"group": "ml", "level": "CAN_VIEW"}]},
        {"permissions": {"mode": "exact", "rows": []}},
        {"config": {"served_models": [{"model_name": "a.b.c", "model_version": "3"}]}},
        {"config": {"served_entities": [{"entity_version": 3, "workload_size": None}]}},
        {"ai_gateway": {"rate_limits": [{"renewal_period": "minute", "calls": "${var.n}"}]}},
        {"lifecycle": {"timeouts": {"create": "1h30m", "update": 60}}},
        {"api_extra": {"anything": [1]}},
    ],
)
def test_what_may_be_written(written: dict[str, Any]) -> None:
    assert not list(ENDPOINT.iter_errors({"name": "chat", **written}))


@pytest.mark.parametrize(
    "written",
    [
        {"trafic": {}},
        {"traffic": {"a": 101}},
        {"route_optimized": "yes"},
        {"ai_gateway": {"rate_limits": [{"renewal_period": "minute", "calls": "ten"}]}},
        {"permissions": [{"group": "ml", "level": "CAN_QUERRY"}]},
        {"config": {"served_entities": [{"external_model": {"provider": "openai"}}]}},
    ],
)
def test_what_is_flagged(written: dict[str, Any]) -> None:
    assert list(ENDPOINT.iter_errors({"name": "chat", **written}))


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({"cold-start": "error"}, True),
        ({"cold-start": {"level": "off", "reason": "nobody waits", "endpoints": ["a-*"]}}, True),
        ({"cold-start": "${var.level}"}, True),
        ({"cold-start": "off"}, False),  # needs a reason
        ({"cold-start": "fatal"}, False),
        ({"cold-start": {"reason": "no level"}}, False),
        ({"cold-stat": "error"}, False),
        ({"unknown-key": "warning"}, False),  # is always an error
    ],
)
def test_levels_of_rules(written: dict[str, Any], fits: bool) -> None:
    validator = Draft202012Validator(of_files("environment"))
    assert validator.is_valid({"project": "shop", "rules": written}) is fits


def test_every_property_is_described() -> None:
    def undescribed(schema: dict[str, Any], path: str) -> list[str]:
        found = []
        for name, value in schema.get("properties", {}).items():
            if "description" not in value and not value.get("deprecated"):
                found.append(f"{path}.{name}")
        return found

    for validator in (ENDPOINT, ENVIRONMENT):
        schema = validator.schema
        assert isinstance(schema, dict)
        missing = undescribed(schema, "")
        for name, definition in schema["$defs"].items():
            missing += undescribed(definition, name)
        assert [name for name in missing if "served_model" not in name] == []
