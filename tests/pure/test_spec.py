"""The models: what is kept, what is refused, and what is never said."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.service import serving
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from provisioner.errors import Where
from provisioner.spec import (
    EndpointSpec,
    Kind,
    Node,
    Rejected,
    canonical,
    check,
    entities,
    gateway,
    kind_of,
    node_of,
    providers,
    with_entity_names,
)
from provisioner.spec import endpoint as endpoint_models

HERE = Where("endpoints/chat.yaml", 1, 1)


def tree(data: Any) -> Node:
    return with_entity_names(canonical(node_of(data, HERE), []))


def spec(**data: Any) -> EndpointSpec:
    found = check(EndpointSpec, tree({"name": "chat", **data}))
    assert isinstance(found, EndpointSpec), found
    return found


def problems(**data: Any) -> list[str]:
    found = check(EndpointSpec, tree({"name": "chat", **data}))
    assert isinstance(found, Rejected)
    return [f"{problem.code}: {problem.summary}" for problem in found.problems]


def entity(**fields: Any) -> dict[str, Any]:
    return {"config": {"served_entities": [{"name": "one", **fields}]}}


def openai(**fields: Any) -> dict[str, Any]:
    model = {"provider": "openai", "name": "gpt-4o", "task": "llm/v1/chat"}
    return entity(external_model={**model, "openai_config": fields})


@pytest.mark.parametrize("value", [None, "", "x"])
def test_written_text_null_and_unset_stay_apart(value: Any) -> None:
    assert spec(description=value).api_data() == {"name": "chat", "description": value}
    assert "description" not in spec().api_data()


@pytest.mark.parametrize("value", [None, 0, 7])
def test_zero_is_a_limit_and_null_is_none(value: Any) -> None:
    limits = [{"renewal_period": "minute", "calls": value}]
    assert spec(ai_gateway={"rate_limits": limits}).api_data()["ai_gateway"] == {
        "rate_limits": limits
    }


@pytest.mark.parametrize("block", [None, {}, {"rate_limits": []}, {"rate_limits": None}])
def test_null_empty_and_full_blocks_stay_apart(block: Any) -> None:
    assert spec(ai_gateway=block).api_data() == {"name": "chat", "ai_gateway": block}


def test_shorthands_equal_the_long_form() -> None:
    short = spec(tags={"team": "a"}, traffic={"one": 100}, permissions=[], **entity())
    long = spec(
        tags=[{"key": "team", "value": "a"}],
        config={
            "served_entities": [{"name": "one"}],
            "traffic_config": {"routes": [{"served_model_name": "one", "traffic_percentage": 100}]},
        },
        permissions={"rows": []},
    )
    assert short == long
    assert short.api_data() == long.api_data()


def test_old_spelling_equals_the_new_one() -> None:
    old = {"name": "one", "model_name": "main.ml.m", "model_version": 3}
    new = entity(entity_name="main.ml.m", entity_version="3")
    assert spec(config={"served_models": [old]}) == spec(**new)


def test_what_the_tool_adds_is_not_sent() -> None:
    found = spec(
        **entity(architecture="llama-3-1"),
        permissions=[{"group": "ml", "level": "CAN_VIEW"}],
        lifecycle={"protect": True},
    )
    assert found.api_data() == {"name": "chat", "config": {"served_entities": [{"name": "one"}]}}
    assert found.permissions
    assert found.permissions.mode == "additive"
    assert found.permissions.rows[0].principal == ("group", "ml")


def test_new_fields_are_merged_where_they_were_written() -> None:
    found = spec(api_extra={"a": {"b": None}}, **entity(api_extra={"c": 0}))
    served = found.api_data()["config"]["served_entities"][0]
    assert (found.api_data()["a"], served) == ({"b": None}, {"name": "one", "c": 0})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"entity_name": "system.ai.llama_v3", "entity_version": 2}, "llama_v3-2"),
        ({"entity_name": "main.ml.features"}, "features"),
        ({"external_model": {"provider": "openai", "name": "gpt-4.1:x"}}, "gpt-4-1-x"),
    ],
)
def test_a_name_that_is_not_written_is_the_one_the_service_gives(
    fields: dict[str, Any], name: str
) -> None:
    found = tree({"config": {"served_entities": [fields]}})
    assert found.plain()["config"]["served_entities"][0]["name"] == name


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"provisioned_model_units": 50}, Kind.MODEL_UNITS),
        ({"max_provisioned_throughput": 0}, Kind.THROUGHPUT),
        ({"workload_size": "Small"}, Kind.CUSTOM),
    ],
)
def test_kind_follows_from_content(fields: dict[str, Any], kind: Kind) -> None:
    assert kind_of(spec(**entity(entity_name="a.b.c", **fields))) is kind


def test_kind_of_the_rest() -> None:
    assert kind_of(spec(**openai())) is Kind.EXTERNAL
    assert kind_of(spec()) is Kind.NONE


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("45m", 2700), ("1h30m", 5400), (60, 60)]
)
def test_durations(written: Any, seconds: int) -> None:
    found = spec(lifecycle={"timeouts": {"create": written}})
    assert found.lifecycle.timeouts.create == seconds


@pytest.mark.parametrize("written", ["", "h", "5 m", "1m1h", "-5s", 0, -1, True, 1.5, None])
def test_wrong_durations(written: Any) -> None:
    if written is None:
        assert spec(lifecycle={"timeouts": {"create": None}})
    else:
        assert problems(lifecycle={"timeouts": {"create": written}})


def test_maps_of_text_take_whole_numbers_and_booleans() -> None:
    assert spec(tags={"a": 5, "b": True, "c": None}).tags == {"a": "5", "b": "true", "c": None}
    assert problems(tags={"a": 1.5})


@pytest.mark.parametrize("value", ["10", True, 1.0, [1], {}])
def test_a_whole_number_is_nothing_else(value: Any) -> None:
    limits = [{"renewal_period": "minute", "calls": value}]
    (problem,) = problems(ai_gateway={"rate_limits": limits})
    assert problem.startswith("wrong-type: ai_gateway.rate_limits[endpoint].calls: must be a whole")


# ------------------------------------------------------------ secrets


def secret_fields() -> Iterator[tuple[type[BaseModel], str]]:
    for model in vars(providers).values():
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name in model.model_fields:
                if f"{name}_plaintext" in model.model_fields:
                    yield model, name


def test_there_are_twelve_secrets() -> None:
    assert len(set(secret_fields())) == 12


@pytest.mark.parametrize(("model", "name"), list(secret_fields()))
@given(secret=st.text(min_size=6).filter(lambda text: text.strip()))
def test_a_literal_secret_is_refused_and_not_repeated(
    model: type[BaseModel], name: str, secret: str
) -> None:
    canary = f"CANARY{secret}"
    for field in (name, f"{name}_plaintext"):
        found = check(model, node_of({field: canary}, HERE))
        assert isinstance(found, Rejected)
        (problem,) = [p for p in found.problems if p.code == "secret-literal"]
        assert "CANARY" not in repr(found)
        assert field in problem.summary


@pytest.mark.parametrize(
    "text", ["{{secrets/a}}", "{{secrets/a/b/c}}", "{{ secrets/a/b }}", "x{{secrets/a/b}}"]
)
def test_only_a_whole_reference_is_one(text: str) -> None:
    assert problems(**openai(openai_api_key=text))


def test_references_and_environment_variables_are_kept_as_written() -> None:
    fields = {
        "openai_api_key": "{{secrets/llm/key}}",
        "microsoft_entra_client_secret_plaintext": "${env:ENTRA}",
    }
    sent = spec(**openai(**fields)).api_data()["config"]["served_entities"][0]
    assert sent["external_model"]["openai_config"] == fields


def test_new_secret_fields_follow_the_same_rule() -> None:
    (problem,) = problems(api_extra={"new": [{"key_plaintext": "CANARY"}]})
    assert "CANARY" not in problem
    assert spec(api_extra={"new": {"key_plaintext": "${env:KEY}"}})


# ------------------------------------------------------------ the SDK as a witness

PAIRS: list[tuple[type[BaseModel], Any]] = [
    (entities.ServedEntity, serving.ServedEntityInput),
    (entities.Route, serving.Route),
    (entities.TrafficConfig, serving.TrafficConfig),
    (entities.AutoCaptureConfig, serving.AutoCaptureConfigInput),
    (gateway.AiGatewayConfig, serving.AiGatewayConfig),
    (gateway.GuardrailParameters, serving.AiGatewayGuardrailParameters),
    (gateway.Guardrails, serving.AiGatewayGuardrails),
    (gateway.RateLimit, serving.AiGatewayRateLimit),
    (gateway.InferenceTableConfig, serving.AiGatewayInferenceTableConfig),
    (gateway.UsageTrackingConfig, serving.AiGatewayUsageTrackingConfig),
    (gateway.FallbackConfig, serving.FallbackConfig),
    (endpoint_models.EmailNotifications, serving.EmailNotifications),
    (endpoint_models.TelemetryConfig, serving.TelemetryConfig),
    (endpoint_models.TelemetryTables, serving.UnityCatalogTableNames),
    (providers.ExternalModel, serving.ExternalModel),
    (providers.OpenAiConfig, serving.OpenAiConfig),
    (providers.AnthropicConfig, serving.AnthropicConfig),
    (providers.CohereConfig, serving.CohereConfig),
    (providers.Ai21LabsConfig, serving.Ai21LabsConfig),
    (providers.PalmConfig, serving.PaLmConfig),
    (providers.AmazonBedrockConfig, serving.AmazonBedrockConfig),
    (providers.GoogleCloudVertexAiConfig, serving.GoogleCloudVertexAiConfig),
    (providers.DatabricksModelServingConfig, serving.DatabricksModelServingConfig),
    (providers.CustomProviderConfig, serving.CustomProviderConfig),
    (providers.ApiKeyAuth, serving.ApiKeyAuth),
    (providers.BearerTokenAuth, serving.BearerTokenAuth),
]
OURS = {"api_extra", "architecture"}
OLD = {"served_model_name"}


@pytest.mark.parametrize(("model", "other"), PAIRS, ids=lambda value: value.__name__)
def test_every_field_of_the_sdk_can_be_written(model: type[BaseModel], other: Any) -> None:
    theirs = {field.name for field in dataclasses.fields(other)}
    assert set(model.model_fields) - OURS == theirs - OLD
