"""JSON Schema for editors: what the tool accepts is not flagged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from jsonschema import Draft202012Validator

from provisioner.catalog import catalog
from provisioner.cli.commands.schema import of_files
from provisioner.project import open_project
from provisioner.rules import check
from provisioner.spec import json_schema
from tests.conftest import invoke

ROOT = Path(__file__).parents[2]
ENDPOINT = Draft202012Validator(json_schema("endpoint"))
ENVIRONMENT = Draft202012Validator(json_schema("environment"))


@pytest.mark.parametrize("validator", [ENDPOINT, ENVIRONMENT])
def test_schema_is_valid_itself(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", sorted((ROOT / "endpoints").glob("*.yaml")), ids=lambda p: p.name)
def test_endpoints_of_the_repository_are_not_flagged(path: Path) -> None:
    assert not list(ENDPOINT.iter_errors(yaml.safe_load(path.read_text())))


@pytest.mark.parametrize("path", sorted((ROOT / "environments").glob("*.yaml")), ids=str)
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


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every property of a schema: the path above it, its name, its schema."""
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield path, name, value
        for key, value in schema.items():
            yield from properties(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for item in schema:
            yield from properties(item, path)


def values(schema: dict[str, Any]) -> set[str]:
    """The values of a closed list, wherever the schema of a property has it."""
    found = set(schema.get("enum", ()))
    for below in schema.get("anyOf", ()):
        found |= values(below)
    return found


def closed(owner: str, name: str) -> set[str]:
    definitions: Any = of_files("endpoint")["$defs"]
    return values(definitions[owner]["properties"][name])


def test_closed_lists_are_those_of_the_catalog() -> None:
    facts = catalog()
    assert closed("ExternalModel", "provider") == {one.provider for one in facts.providers}
    assert closed("ExternalModel", "task") == {one.id for one in facts.tasks}
    bedrock = next(one for one in facts.providers if one.id == "amazon-bedrock")
    makers = set(bedrock.enums["bedrock_provider"])
    assert closed("AmazonBedrockConfig", "bedrock_provider") == makers
    kinds = {one.fixed.get("openai_api_type", "openai") for one in facts.variants_of("openai")}
    assert closed("OpenAiConfig", "openai_api_type") == kinds


@pytest.mark.parametrize("kind", ["endpoint", "environment"])
def test_examples_fit_their_schemas(kind: Literal["endpoint", "environment"]) -> None:
    schema = of_files(kind)
    below = {"$schema": schema["$schema"], "$defs": schema["$defs"]}
    told = 0
    for path, name, value in properties(schema):
        for example in value.get("examples", ()):
            told += 1
            errors = list(Draft202012Validator({**below, **value}).iter_errors(example))
            assert not errors, (path, name, example)
    assert told > 100
    assert not list(Draft202012Validator(schema).iter_errors(schema["examples"][0]))


def test_open_lists_are_examples_and_not_limits() -> None:
    definitions: Any = of_files("endpoint")["$defs"]
    shown = definitions["ServedEntity"]["properties"]
    facts = catalog()
    assert shown["architecture"]["examples"] == [one.id for one in facts.architectures]
    assert "GPU_MEDIUM" in shown["workload_type"]["examples"]
    names = definitions["ExternalModel"]["properties"]["name"]["examples"]
    assert {"gpt-4o", "claude-3-5-haiku-latest", "embed-english-v3.0", "gemini-2.0-flash"} <= {
        *names
    }
    entity = {"workload_type": "NEW_KIND", "workload_size": "Huge", "architecture": "new"}
    written = {"name": "a", "config": {"served_entities": [entity]}}
    assert not list(ENDPOINT.iter_errors(written))


def test_the_whole_examples_are_projects(tmp_path: Path) -> None:
    for folder, kind in (("endpoints", "endpoint"), ("environments", "environment")):
        (tmp_path / folder).mkdir()
        text = yaml.safe_dump(of_files(kind)["examples"][0])  # type: ignore[arg-type]
        (tmp_path / folder / "dev.yaml").write_text(text)
    assert open_project(tmp_path).load("dev", check).problems == ()


def test_a_team_sees_its_own_names(tmp_path: Path) -> None:
    for folder in ("endpoints", "environments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "catalog.override.yaml").write_text(
        "architectures:\n- {id: house-llama, name: House, tasks: [chat],"
        " sizing: model_units, checked: '2026-12-01'}\n"
    )
    shown = json.loads(invoke(["--project", str(tmp_path), "schema", "endpoint"]).out)
    names = shown["$defs"]["ServedEntity"]["properties"]["architecture"]["examples"]
    assert names[-1] == "house-llama"


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
