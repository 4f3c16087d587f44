"""JSON Schema for editors: what the tool accepts is not flagged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner.catalog import catalog
from provisioner.cli.commands.schema import of_files
from provisioner.errors import ProjectInvalid
from provisioner.project import open_project
from provisioner.rules import check
from provisioner.rules.explained import explanations
from provisioner.spec import json_schema
from tests.conftest import invoke
from tests.invariants import specs
from tests.pure.rule_projects import project_of

ROOT = Path(__file__).parents[2]
ENDPOINT = Draft202012Validator(json_schema("endpoint"))
ENVIRONMENT = Draft202012Validator(json_schema("environment"))
OPENAI = {"provider": "openai", "name": "gpt-4o", "task": "llm/v1/chat"}


def served(**entity: Any) -> dict[str, Any]:
    return {"config": {"served_entities": [entity]}}


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
        {"name": "${var.team}-chat"},
        {"name": "databricks-theirs", "lifecycle": {"adopt": True}},
        served(external_model={**OPENAI, "openai_config": {}, "cohere_config": None}),
        served(external_model={**OPENAI, "provider": "${var.provider}"}),
        served(external_model={**OPENAI, "openai_config": "${var.block}"}),
        served(workload_size=None, min_provisioned_concurrency=4),
        {"permissions": [{"group": "ml", "user": None, "level": "CAN_VIEW"}]},
        {"permissions": [{"group": "${var.team}", "level": "CAN_VIEW"}]},
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
        {"name": "two words"},
        {"name": "databricks-mine"},
        {"name": "databricks-mine", "lifecycle": {"adopt": False}},
        {"config": {"served_entities": [{"name": "a.b", "entity_name": "a.b.c"}]}},
        served(external_model=OPENAI),
        served(external_model={**OPENAI, "openai_config": None}),
        served(external_model={**OPENAI, "anthropic_config": {}}),
        served(external_model={**OPENAI, "openai_config": {}, "cohere_config": {}}),
        served(workload_size="Small", min_provisioned_concurrency=4),
        served(provisioned_model_units=50, max_provisioned_throughput=980),
        {"permissions": [{"group": "ml", "user": "a@b.c", "level": "CAN_VIEW"}]},
        {"permissions": {"rows": [{"level": "CAN_VIEW"}]}},
        {"permissions": {"rows": [{"level": "CAN_VIEW", "user": None}]}},
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
            if "\n" in value.get("description", "\n"):
                found.append(f"{path}.{name}")
            for form in value.get("anyOf", ()):
                found += undescribed(form.get("items", {}), f"{path}.{name}")
        return found

    for validator in (ENDPOINT, ENVIRONMENT):
        schema = validator.schema
        assert isinstance(schema, dict)
        missing = undescribed(schema, "")
        for name, definition in schema["$defs"].items():
            missing += undescribed(definition, name)
        assert missing == []


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({"workspace": {"emulator": "embedded", "host": "https://a.cloud.databricks.com"}}, False),
        ({"workspace": {"emulator": "embedded", "profile": "dev"}}, False),
        ({"workspace": {"emulator": "embedded", "host": None}}, True),
        ({"rules": {"licence": {"level": "off"}}}, False),
        ({"rules": {"licence": {"level": "off", "reason": " "}}}, False),
        ({"defaults": {"permissions": [{"group": "a", "user": "b"}]}}, False),
        ({"overrides": {"chat": served(name="a", external_model={"name": "gpt-4o"})}}, True),
    ],
)
def test_what_cannot_stand_together_in_an_environment(written: dict[str, Any], fits: bool) -> None:
    assert ENVIRONMENT.is_valid({"project": "shop", **written}) is fits


def accepted_projects() -> Iterator[Path]:
    """Projects of other tests that have no error."""
    for folder in sorted((ROOT / "tests/cases").iterdir()):
        if folder.is_dir() and "error[" not in (folder / "expected.txt").read_text("utf-8"):
            yield folder / "project"


def texts_of_rules() -> Iterator[str]:
    for path in sorted((ROOT / "tests/pure/rules").glob("*.yaml")):
        yield yaml.safe_load(path.read_text("utf-8")).get("near_miss", "")
    for about in explanations().values():
        yield about.good


def flagged(root: Path) -> list[str]:
    """What the schemas say of the files of a project that `validate` accepts."""
    project = open_project(root)
    try:
        for name in project.environments:
            project.load(name, check)
    except ProjectInvalid:
        return []
    wrong = []
    for validator, folder in ((ENDPOINT, "endpoints"), (ENVIRONMENT, "environments")):
        for path in sorted((root / folder).glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text("utf-8")):
                if document is not None:
                    wrong += [f"{path.name}: {e.message}" for e in validator.iter_errors(document)]
    return wrong


@pytest.mark.parametrize("root", [*accepted_projects()], ids=lambda root: root.parent.name)
def test_what_validate_accepts_fits_the_schema(root: Path) -> None:
    assert not flagged(root)


def test_what_the_rules_accept_fits_the_schema(tmp_path: Path) -> None:
    wrong = {}
    for number, text in enumerate(texts_of_rules()):
        root = tmp_path / str(number)
        root.mkdir()
        if text and (found := flagged(project_of(root, text))):
            wrong[text] = found
    assert not wrong


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(specs.KINDS)))
def test_what_is_generated_fits_the_schema(data: st.DataObject, kind: str) -> None:
    assert not list(ENDPOINT.iter_errors({"name": "e", **data.draw(specs.endpoint(kind))}))
