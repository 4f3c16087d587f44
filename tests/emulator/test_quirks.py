"""What a naive comparison of sent and received gets wrong, one quirk at a time."""

from typing import Any

import pytest

from .conftest import ENDPOINTS, Api, config, custom, external, throughput


def served(api: Api, name: str) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = api.endpoint(name)["config"]["served_entities"]
    return entities


def test_answer_of_create_has_only_a_pending_config(api: Api) -> None:
    answer = api.create("bot", external())
    assert "config" not in answer
    assert answer["pending_config"]["config_version"] == 1
    assert answer["pending_config"]["start_time"] == answer["creation_timestamp"]


def test_served_models_mirror_served_entities(api: Api) -> None:
    api.create("churn", custom())
    answer = api.endpoint("churn")["config"]
    [model], [entity] = answer["served_models"], answer["served_entities"]
    assert (model["model_name"], model["model_version"]) == ("main.ml.churn_classifier", "1")
    assert "entity_name" not in model
    assert model["state"] == entity["state"]


def test_deprecated_served_models_are_accepted(api: Api) -> None:
    model = {"model_name": "main.ml.churn_classifier", "model_version": "1"}
    sent = {"served_models": [model | {"scale_to_zero_enabled": True}]}
    api.ok("POST", ENDPOINTS, {"name": "old", "config": sent})
    assert served(api, "old")[0]["entity_name"] == "main.ml.churn_classifier"


def test_both_lists_together_are_refused(api: Api) -> None:
    sent = {"served_models": [custom()], "served_entities": [custom()]}
    assert api.refused("POST", ENDPOINTS, {"name": "old", "config": sent})[0] == 400


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        (external(model="gpt-4.1"), "gpt-4-1"),
        (external(model="a:b/c"), "a-b-c"),
        (custom("3"), "churn_classifier-3"),
        (throughput(), "meta_llama_v3_1_8b_instruct-2"),
        (
            {"entity_name": "main.ml.customer_features", "scale_to_zero_enabled": False},
            "customer_features",
        ),
    ],
)
def test_default_entity_name(api: Api, entity: dict[str, Any], name: str) -> None:
    api.create("bot", entity)
    assert served(api, "bot")[0]["name"] == name


def test_explicit_entity_name_outlives_the_version(api: Api) -> None:
    api.create("churn", custom("1", name="churn-1"))
    api.ok("PUT", f"{ENDPOINTS}/churn/config", config(custom("2", name="churn-1")))
    assert served(api, "churn")[0]["entity_version"] == "2"


def test_traffic_defaults_to_the_single_entity(api: Api) -> None:
    api.create("bot", external("a"))
    assert api.endpoint("bot")["config"]["traffic_config"]["routes"] == [
        {"served_model_name": "a", "served_entity_name": "a", "traffic_percentage": 100}
    ]


def test_traffic_is_required_for_several_entities(api: Api) -> None:
    sent = {"name": "bot", "config": config(external("a"), external("b"))}
    assert api.refused("POST", ENDPOINTS, sent) == (400, "INVALID_PARAMETER_VALUE")
    assert "traffic_config is required" in api.message


def test_traffic_percentage_as_text_comes_back_as_a_number(api: Api) -> None:
    sent = config(external("a"))
    sent["traffic_config"] = {"routes": [{"served_model_name": "a", "traffic_percentage": "100"}]}
    api.ok("POST", ENDPOINTS, {"name": "bot", "config": sent})
    answer = api.endpoint("bot")["config"]["traffic_config"]
    assert answer["routes"][0]["traffic_percentage"] == 100


def test_entities_come_back_in_alphabetical_order(api: Api) -> None:
    api.ok("POST", ENDPOINTS, {"name": "bot", "config": config(
        external("zeta"), external("alpha"), zeta=50, alpha=50)})  # fmt: skip
    assert [entity["name"] for entity in served(api, "bot")] == ["alpha", "zeta"]


def test_fallback_keeps_the_order_of_entities(api: Api) -> None:
    body = {"name": "bot", "config": config(external("z"), external("a"), z=100, a=0)}
    api.ok("POST", ENDPOINTS, body | {"ai_gateway": {"fallback_config": {"enabled": True}}})
    assert [entity["name"] for entity in served(api, "bot")] == ["z", "a"]


def test_workload_size_and_type_are_filled_in(api: Api) -> None:
    entity = custom()
    del entity["workload_size"]
    api.create("churn", entity)
    api.create("llama", throughput())
    assert served(api, "churn")[0]["workload_size"] == "Small"
    assert served(api, "churn")[0]["workload_type"] == "CPU"
    assert served(api, "llama")[0]["workload_size"] == "Small"
    assert served(api, "llama")[0]["workload_type"].startswith("GPU_")


def test_scale_to_zero_is_forced_off_for_provisioned_throughput(api: Api) -> None:
    api.create("llama", throughput(scale_to_zero_enabled=True))
    assert served(api, "llama")[0]["scale_to_zero_enabled"] is False


def test_scale_to_zero_must_be_said_for_custom_models(api: Api) -> None:
    entity = custom()
    del entity["scale_to_zero_enabled"]
    api.refused("POST", ENDPOINTS, {"name": "churn", "config": config(entity)})
    assert api.message == "scaleToZeroEnabled is undefined. Please set it to either true or false."


def test_plaintext_secrets_never_come_back(api: Api) -> None:
    entity = external("a")
    entity["external_model"]["openai_config"] = {"openai_api_key_plaintext": "sk-canary"}
    api.create("bot", entity)
    assert "sk-canary" not in api.call("GET", f"{ENDPOINTS}/bot").text
    assert "sk-canary" not in api.call("GET", ENDPOINTS).text
    assert "sk-canary" in api.call("GET", "/__emulator/export").text


def test_secret_references_are_echoed(api: Api) -> None:
    reference = "{{secrets/llm/openai_api_key}}"
    api.create("churn", custom(environment_vars={"KEY": reference}))
    api.create("bot", external())
    model = served(api, "bot")[0]["external_model"]
    assert model["openai_config"]["openai_api_key"] == reference
    assert served(api, "churn")[0]["environment_vars"] == {"KEY": reference}


def test_write_only_fields_are_not_echoed(api: Api) -> None:
    limits = [{"calls": 1, "renewal_period": "minute"}]
    api.create("bot", external(), budget_policy_id="policy-1", rate_limits=limits)
    answer = api.endpoint("bot")
    assert "budget_policy_id" not in answer
    assert "rate_limits" not in answer
    assert answer["effective_budget_policy_id"] == "policy-1"


def test_empty_description_and_route_optimization_are_echoed(api: Api) -> None:
    answer = api.create("bot", external())
    assert answer["description"] == ""
    assert answer["route_optimized"] is False
    assert "email_notifications" not in answer


def test_tags_are_sorted_and_keep_their_absent_value(api: Api) -> None:
    answer = api.create("bot", external(), tags=[{"key": "b", "value": "1"}, {"key": "a"}])
    assert answer["tags"] == [{"key": "a"}, {"key": "b", "value": "1"}]
    change = {"add_tags": [{"key": "b", "value": "2"}], "delete_tags": ["a"]}
    assert api.ok("PATCH", f"{ENDPOINTS}/bot/tags", change) == {
        "tags": [{"key": "b", "value": "2"}]
    }


def test_gateway_defaults(api: Api) -> None:
    limit = {"calls": 10, "renewal_period": "minute"}
    answer = api.create("bot", external(), ai_gateway={"rate_limits": [limit]})
    assert answer["ai_gateway"]["rate_limits"] == [limit | {"key": "endpoint"}]
    answer = api.create("llama", throughput())
    assert answer["ai_gateway"] == {"usage_tracking_config": {"enabled": True}}
    guardrails = {"guardrails": {"input": {"safety": True}}}
    answer = api.ok("PUT", f"{ENDPOINTS}/llama/ai-gateway", guardrails)
    assert answer["guardrails"]["input"]["pii"] == {"behavior": "NONE"}
    assert "usage_tracking_config" not in answer


def test_empty_gateway_clears_it(api: Api) -> None:
    api.create("bot", external(), ai_gateway={"usage_tracking_config": {"enabled": True}})
    assert api.ok("PUT", f"{ENDPOINTS}/bot/ai-gateway", {}) == {}
    assert "ai_gateway" not in api.endpoint("bot")


def test_auto_capture_is_completed_and_cannot_move(api: Api) -> None:
    table = {"catalog_name": "main", "schema_name": "serving_logs"}
    sent = config(custom()) | {"auto_capture_config": table}
    api.ok("POST", ENDPOINTS, {"name": "churn", "config": sent})
    answer = api.endpoint("churn")["config"]["auto_capture_config"]
    assert (answer["enabled"], answer["table_name_prefix"]) == (True, "churn")
    assert answer["state"]["payload_table"]["name"] == "main.serving_logs.churn_payload"
    moved = sent | {"auto_capture_config": table | {"schema_name": "ml"}}
    assert api.refused("PUT", f"{ENDPOINTS}/churn/config", moved)[0] == 400
    off = sent | {"auto_capture_config": table | {"enabled": False}}
    api.ok("PUT", f"{ENDPOINTS}/churn/config", off)
    assert api.refused("PUT", f"{ENDPOINTS}/churn/config", sent)[0] == 400


def test_output_only_fields_that_the_sdk_drops(api: Api) -> None:
    api.create("bot", external())
    answer = api.endpoint("bot")
    assert answer["state"]["suspend"] == "NOT_SUSPENDED"
    assert answer["creator_kind"] == "User"
    assert answer["endpoint_type"] == "EXTERNAL_MODEL"
    assert answer["task"] == "llm/v1/chat"
    assert answer["config"]["served_entities"][0]["type"] == "EXTERNAL_MODEL"
    api.create("churn", custom())
    assert "endpoint_type" not in api.endpoint("churn")


def test_pay_per_token_endpoints_have_no_id_and_no_creator(api: Api) -> None:
    name = "databricks-meta-llama-3-3-70b-instruct"
    for answer in (
        api.endpoint(name),
        next(e for e in api.ok("GET", ENDPOINTS)["endpoints"] if e["name"] == name),
    ):
        assert not {"id", "creator", "route_optimized"} & set(answer)
        assert answer["endpoint_type"] == "FOUNDATION_MODEL_API"
        assert "foundation_model" in answer["config"]["served_entities"][0]
    assert api.refused("GET", f"/api/2.0/permissions/serving-endpoints/{name}")[0] == 404
    assert api.refused("DELETE", f"{ENDPOINTS}/{name}") == (403, "PERMISSION_DENIED")
    assert api.refused("PUT", f"{ENDPOINTS}/{name}/config", config(external()))[0] == 403
    limits = {"rate_limits": [{"calls": 5, "key": "user", "renewal_period": "minute"}]}
    api.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", limits)
    assert api.endpoint(name)["ai_gateway"] == limits


def test_bedrock_provider_comes_back_in_another_spelling(api: Api) -> None:
    block = {
        "aws_region": "us-east-1",
        "bedrock_provider": "Anthropic",
        "aws_access_key_id": "{{secrets/llm/aws_access_key_id}}",
        "aws_secret_access_key": "{{secrets/llm/aws_secret_access_key}}",
    }
    model = {"provider": "amazon-bedrock", "name": "claude", "task": "llm/v1/chat"}
    api.create("bot", {"external_model": model | {"amazon_bedrock_config": block}})
    answer = served(api, "bot")[0]["external_model"]["amazon_bedrock_config"]
    assert answer == block | {"bedrock_provider": "anthropic"}


def test_null_is_the_same_as_absent(api: Api) -> None:
    entity = external("a", openai_api_base=None)
    answer = api.ok("POST", ENDPOINTS, {
        "name": "bot", "config": config(entity) | {"auto_capture_config": None},
        "tags": None, "ai_gateway": None})  # fmt: skip
    assert "ai_gateway" not in answer
    assert answer["tags"] == []


def test_config_name_in_a_create_body_is_tolerated(api: Api) -> None:
    api.ok("POST", ENDPOINTS, {"name": "bot", "config": config(external()) | {"name": "bot"}})
    answer = api.ok("POST", ENDPOINTS, {"name": "bare", "config": {"name": "bare"}})
    assert "pending_config" not in answer


def test_bare_question_mark_is_tolerated(api: Api) -> None:
    api.create("bot", external())
    assert api.ok("GET", f"{ENDPOINTS}/bot?")["name"] == "bot"


def test_list_leaves_most_of_the_config_out(api: Api) -> None:
    api.create("churn", custom(), tags=[{"key": "team", "value": "ml"}])
    entries = {entry["name"]: entry for entry in api.ok("GET", ENDPOINTS)["endpoints"]}
    assert entries["churn"]["tags"] == [{"key": "team", "value": "ml"}]
    assert entries["churn"]["config"] == {
        "served_entities": [
            {
                "name": "churn_classifier-1",
                "entity_name": "main.ml.churn_classifier",
                "entity_version": "1",
                "type": "UC_MODEL",
            }
        ],
        "served_models": [
            {
                "name": "churn_classifier-1",
                "model_name": "main.ml.churn_classifier",
                "model_version": "1",
                "type": "UC_MODEL",
            }
        ],
    }
    assert not {"pending_config", "email_notifications"} & set(entries["churn"])


def test_list_of_nothing_has_no_endpoints_key(api: Api) -> None:
    names = [entry["name"] for entry in api.ok("GET", ENDPOINTS)["endpoints"]]
    api.admin("POST", "seed", {"endpoints": dict.fromkeys(names)})
    assert api.ok("GET", ENDPOINTS) == {}


def test_telemetry_names_are_consumed(api: Api) -> None:
    sent = {
        "table_names": {"logs_table": "main.ml.logs"},
        "inference_table_config": {"sampling_fraction": 0.5},
    }
    answer = api.create("churn", custom(), telemetry_config=sent)["telemetry_config"]
    assert "table_names" not in answer
    assert len(answer["telemetry_profile_id"]) == 32
    assert answer["inference_table_config"]["name"] == "main.ml.logs_payload"
    patched = api.ok("PATCH", f"{ENDPOINTS}/churn/telemetry-config", {"telemetry_config": {}})
    assert "telemetry_config" not in patched


def test_telemetry_is_for_custom_models(api: Api) -> None:
    sent = {"telemetry_profile_id": "p"}
    assert "telemetry_config" not in api.create("bot", external(), telemetry_config=sent)
    path = f"{ENDPOINTS}/bot/telemetry-config"
    assert api.refused("PATCH", path, {"telemetry_config": sent})[0] == 400


def test_telemetry_that_names_neither_is_discarded(api: Api) -> None:
    features = {"enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"]}
    assert "telemetry_config" not in api.create("churn", custom(), telemetry_config=features)


def test_inference_tables_are_renamed_in_two_steps(api: Api) -> None:
    table = {"enabled": True, "catalog_name": "main", "schema_name": "serving_logs"}
    api.create("bot", external(), ai_gateway={"inference_table_config": table})
    path, moved = f"{ENDPOINTS}/bot/ai-gateway", table | {"schema_name": "ml"}
    assert api.refused("PUT", path, {"inference_table_config": moved})[0] == 400
    api.ok("PUT", path, {"inference_table_config": table | {"enabled": False}})
    api.ok("PUT", path, {"inference_table_config": moved})


def test_zero_percent_routes_are_legal(api: Api) -> None:
    sent = config(external("a"), external("b"), a=100, b=0)
    api.ok("POST", ENDPOINTS, {"name": "bot", "config": sent})
