"""What the service refuses, and how it says so."""

from typing import Any

import pytest

from .conftest import ENDPOINTS, Api, config, custom, external, throughput

INVALID = (400, "INVALID_PARAMETER_VALUE")


def test_missing_endpoint(api: Api) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/config"), ("PATCH", "/tags")):
        answer = api.refused(method, f"{ENDPOINTS}/ghost{path}", {})
        assert answer == (404, "RESOURCE_DOES_NOT_EXIST")
        assert api.message == "Endpoint with name 'ghost' does not exist."


def test_taken_name(api: Api) -> None:
    api.create("bot", external())
    body = {"name": "bot", "config": config(external())}
    assert api.refused("POST", ENDPOINTS, body) == (409, "RESOURCE_ALREADY_EXISTS")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "databricks-mine", None, 7])
def test_bad_endpoint_name(api: Api, name: object) -> None:
    assert api.refused("POST", ENDPOINTS, {"name": name}) == INVALID


def test_malformed_json(api: Api) -> None:
    response = api.session.post(api.url + ENDPOINTS, data="{", timeout=10)
    assert (response.status_code, response.json()["error_code"]) == (400, "MALFORMED_REQUEST")


def model(provider: str, block: str | None = None, **fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"provider": provider, "name": "m", "task": "llm/v1/chat"}
    if block:
        document[block] = fields
    return {"external_model": document}


KEY = "{{secrets/llm/openai_api_key}}"
AZURE = {
    "openai_api_type": "azure",
    "openai_api_base": "https://x.example",
    "openai_api_version": "1",
    "openai_deployment_name": "d",
    "openai_api_key": KEY,
}


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        (model("openai"), "exactly one config block"),
        (model("openai", "cohere_config", cohere_api_key=KEY), "exactly one config block"),
        (model("nobody", "nobody_config"), "not one of"),
        (model("openai", "openai_config"), "Exactly one of 'openai_api_key'"),
        (
            model("openai", "openai_config", openai_api_key=KEY, openai_api_key_plaintext="x"),
            "Exactly one of 'openai_api_key'",
        ),
        (model("openai", "openai_config", openai_api_key="sk-123"), "secret reference"),
        (
            model("openai", "openai_config", openai_organization="o", **AZURE),
            "can only specify a value for 'openai_organization' if 'openai_api_type'",
        ),
        (
            model("openai", "openai_config", openai_api_type="azure", openai_api_key=KEY),
            "openai_api_base",
        ),
        (
            model("amazon-bedrock", "amazon_bedrock_config", aws_region="r", bedrock_provider="x"),
            "bedrock_provider",
        ),
        (
            model("custom", "custom_provider_config", custom_provider_url="https://x.example"),
            "api_key_auth",
        ),
        (external() | {"workload_size": "Small"}, "workload_size"),
        (external() | {"min_provisioned_throughput": 0}, "min_provisioned_throughput"),
        (custom(min_provisioned_concurrency=4), "workload_size cannot be combined"),
        (custom(workload_size="small"), "workload_size"),
        (custom(entity_version="@champion"), "must be a number"),
        (custom(environment_vars={str(n): "" for n in range(31)}), "environment variables"),
        (custom(name="a b"), "alphanumeric"),
        (throughput(max_provisioned_throughput=1000), "multiples of 980"),
        (throughput(max_provisioned_throughput=0), "positive"),
        (throughput(entity_name="main.ml.churn_classifier"), "not eligible"),
        (
            throughput(entity_name="system.ai.gpt-oss-120b", entity_version="1"),
            "Served entity system.ai.gpt-oss-120b is not eligible for Provisioned Throughput.",
        ),
        ({"name": "empty"}, "entity_name or external_model"),
    ],
)
def test_bad_entity(api: Api, entity: dict[str, Any], words: str) -> None:
    assert api.refused("POST", ENDPOINTS, {"name": "bot", "config": config(entity)}) == INVALID
    assert words in api.message
    assert api.refused("GET", f"{ENDPOINTS}/bot")[0] == 404


ENTRA = {key: value for key, value in AZURE.items() if key != "openai_api_key"} | {
    "openai_api_type": "azuread",
    "microsoft_entra_tenant_id": "t",
    "microsoft_entra_client_id": "c",
    "microsoft_entra_client_secret_plaintext": "x",
}
BEDROCK = {"aws_region": "r", "bedrock_provider": "amazon"}
CUSTOM = {"custom_provider_url": "https://x.example"}
VERTEX = {"project_id": "p", "region": "r", "private_key": KEY}
DATABRICKS = {"databricks_workspace_url": "https://x.example", "databricks_api_token": KEY}


@pytest.mark.parametrize(
    ("provider", "block", "fields"),
    [
        ("ai21labs", "ai21labs_config", {"ai21labs_api_key": KEY}),
        ("amazon-bedrock", "amazon_bedrock_config", BEDROCK | {"instance_profile_arn": "arn"}),
        ("amazon-bedrock", "amazon_bedrock_config", BEDROCK | {"uc_service_credential_name": "u"}),
        ("anthropic", "anthropic_config", {"anthropic_api_key": KEY}),
        ("cohere", "cohere_config", {"cohere_api_key": KEY}),
        ("custom", "custom_provider_config", CUSTOM | {"bearer_token_auth": {"token": KEY}}),
        ("custom", "custom_provider_config", CUSTOM | {"api_key_auth": {"key": "k", "value": KEY}}),
        ("databricks-model-serving", "databricks_model_serving_config", DATABRICKS),
        ("google-cloud-vertex-ai", "google_cloud_vertex_ai_config", VERTEX),
        ("openai", "openai_config", AZURE),
        ("openai", "openai_config", ENTRA),
        ("palm", "palm_config", {"palm_api_key": KEY}),
    ],
)
def test_good_provider_blocks(api: Api, provider: str, block: str, fields: dict[str, Any]) -> None:
    api.create("bot", model(provider, block, **fields))
    [entity] = api.endpoint("bot")["config"]["served_entities"]
    echoed = {key: value for key, value in fields.items() if not key.endswith("_plaintext")}
    assert entity["external_model"][block] == echoed


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"a": 50, "b": 40}, "sum"),
        ({"a": 100}, "one route for each"),
        ({"a": 50, "c": 50}, "one route for each"),
        ({"a": 150, "b": -50}, "0 to 100"),
    ],
)
def test_bad_traffic(api: Api, shares: dict[str, Any], words: str) -> None:
    body = {"name": "bot", "config": config(external("a"), external("b"), **shares)}
    assert api.refused("POST", ENDPOINTS, body) == INVALID
    assert words in api.message


def test_kinds_do_not_mix(api: Api) -> None:
    body = {"name": "bot", "config": config(external("a"), custom(name="b"), a=50, b=50)}
    assert api.refused("POST", ENDPOINTS, body) == INVALID
    assert "mix" in api.message


def test_tasks_of_external_models_do_not_mix(api: Api) -> None:
    other = external("b")
    other["external_model"]["task"] = "llm/v1/embeddings"
    body = {"name": "bot", "config": config(external("a"), other, a=50, b=50)}
    assert api.refused("POST", ENDPOINTS, body) == INVALID


def test_entity_names_are_unique(api: Api) -> None:
    body = {"name": "bot", "config": config(external("a"), external("a"), a=100)}
    assert api.refused("POST", ENDPOINTS, body) == INVALID


def test_external_models_do_not_become_anything_else(api: Api) -> None:
    api.create("bot", external())
    assert api.refused("PUT", f"{ENDPOINTS}/bot/config", config(custom())) == INVALID
    api.create("churn", custom())
    assert api.refused("PUT", f"{ENDPOINTS}/churn/config", config(external())) == INVALID


def test_provider_of_an_external_model_may_change(api: Api) -> None:
    api.create("bot", external("a"))
    block = {"anthropic_api_key": "{{secrets/llm/anthropic_api_key}}"}
    other = {"provider": "anthropic", "name": "claude", "task": "llm/v1/chat"}
    entity = {"name": "a", "external_model": other | {"anthropic_config": block}}
    api.ok("PUT", f"{ENDPOINTS}/bot/config", config(entity))
    answer = api.endpoint("bot")["config"]
    assert answer["served_entities"][0]["external_model"]["provider"] == "anthropic"
    assert answer["config_version"] == 2


def test_model_must_exist(api: Api) -> None:
    for entity in (custom("9"), custom(entity_name="main.ml.ghost")):
        body = {"name": "churn", "config": config(entity)}
        assert api.refused("POST", ENDPOINTS, body) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_model_version_must_be_ready(api: Api) -> None:
    versions = {"4": {"status": "PENDING_REGISTRATION"}}
    models = {"main.ml.churn_classifier": {"versions": versions}}
    api.admin("POST", "seed", {"unity_catalog": {"models": models}})
    body = {"name": "churn", "config": config(custom("4"))}
    assert api.refused("POST", ENDPOINTS, body) == (400, "INVALID_STATE")


def test_route_optimization_is_for_custom_models(api: Api) -> None:
    body = {"name": "bot", "config": config(external()), "route_optimized": True}
    assert api.refused("POST", ENDPOINTS, body) == INVALID
    assert "endpoint_url" in api.create("churn", custom(), route_optimized=True)


LIMIT = {"calls": 1, "renewal_period": "minute"}


@pytest.mark.parametrize(
    "gateway",
    [
        {"rate_limits": [LIMIT | {"renewal_period": "hour"}]},
        {"rate_limits": [LIMIT | {"key": "planet"}]},
        {"rate_limits": [LIMIT | {"key": "user_group"}]},
        {"rate_limits": [LIMIT | {"principal": "x"}]},
        {"rate_limits": [{"renewal_period": "minute"}]},
        {"rate_limits": [LIMIT, LIMIT]},
        {"rate_limits": [LIMIT | {"key": "user_group", "principal": str(n)} for n in range(6)]},
        {"guardrails": {"input": {"pii": {"behavior": "SHOUT"}}}},
        {"inference_table_config": {"enabled": True, "catalog_name": "main"}},
        {"inference_table_config": {"enabled": True, "catalog_name": "no", "schema_name": "no"}},
        {"fallback_config": {"enabled": True}},
    ],
)
def test_bad_gateway(api: Api, gateway: dict[str, Any]) -> None:
    api.create("bot", external())
    assert api.refused("PUT", f"{ENDPOINTS}/bot/ai-gateway", gateway) == INVALID
    body = {"name": "other", "config": config(external()), "ai_gateway": gateway}
    assert api.refused("POST", ENDPOINTS, body) == INVALID


def test_empty_config_is_refused_in_an_update(api: Api) -> None:
    api.create("bot", external())
    assert api.refused("PUT", f"{ENDPOINTS}/bot/config", {}) == INVALID


def test_update_of_an_endpoint_whose_creator_left(api: Api) -> None:
    api.create("bot", external())
    users = {"alice@example.com": None}
    api.admin("POST", "seed", {
        "endpoints": {"bot": {"creator": "alice@example.com"}}, "identity": {"users": users},
    })  # fmt: skip
    answer = api.refused("PUT", f"{ENDPOINTS}/bot/config", config(external()))
    assert answer == (403, "PERMISSION_DENIED")
