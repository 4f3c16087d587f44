"""Examples for editors: the catalog's names where a list is open, and whole files."""

from __future__ import annotations

from typing import Any

from provisioner.catalog import Catalog

ENDPOINT: dict[str, Any] = {
    "name": "assistant-chat",
    "config": {
        "served_entities": [
            {
                "name": "gpt-4o",
                "external_model": {
                    "provider": "openai",
                    "name": "gpt-4o",
                    "task": "llm/v1/chat",
                    "openai_config": {"openai_api_key": "{{secrets/llm/openai_api_key}}"},
                },
            }
        ]
    },
    "ai_gateway": {"rate_limits": [{"renewal_period": "minute", "key": "user", "calls": 20}]},
    "tags": {"team": "assistants"},
    "permissions": [{"group": "users", "level": "CAN_QUERY"}],
}
ENVIRONMENT: dict[str, Any] = {
    "project": "llm-platform",
    "workspace": {"host": "https://example.cloud.databricks.com"},
    "variables": {"calls": 600},
    "protected": True,
    "policy": {"require_tags": ["team"], "max_retire": {"count": 0}},
    "accepted_terms": {"openai": "the legal team, 2026-03-01"},
}

Field = tuple[str, str]
"""Class and field."""

_WRITTEN: dict[Field, list[Any]] = {
    ("EndpointSpec", "name"): ["assistant-chat"],
    ("EndpointSpec", "tags"): [{"team": "search", "cost-center": "4711"}],
    ("ServedEntity", "name"): ["gpt-4o", "champion"],
    ("ServedEntity", "environment_vars"): [{"API_TOKEN": "{{secrets/llm/api_token}}"}],
    ("OpenAiConfig", "openai_api_base"): ["https://example.openai.azure.com/"],
    ("OpenAiConfig", "openai_api_version"): ["2024-10-21"],
    ("OpenAiConfig", "openai_deployment_name"): ["gpt-4o"],
    ("AmazonBedrockConfig", "aws_region"): ["us-east-1", "eu-central-1"],
    ("GoogleCloudVertexAiConfig", "region"): ["us-central1", "europe-west4"],
    ("CustomProviderConfig", "custom_provider_url"): ["https://llm.example.com/v1"],
    ("DatabricksModelServingConfig", "databricks_workspace_url"): [
        "https://example.cloud.databricks.com"
    ],
    ("RateLimit", "calls"): [20],
    ("RateLimit", "tokens"): [20_000],
    ("InferenceTableConfig", "catalog_name"): ["main"],
    ("InferenceTableConfig", "schema_name"): ["serving_logs"],
    ("Lifecycle", "ignore"): [["description", "tags[cost-center]"]],
    ("Workspace", "host"): ["https://example.cloud.databricks.com"],
    ("Workspace", "workspace_id"): ["1234567890123456"],
    ("Workspace", "region"): ["us-east-1", "westeurope", "europe-west3"],
    ("Workspace", "auth_type"): ["pat", "oauth-m2m", "github-oidc", "env-oidc"],
    ("EnvironmentSpec", "name_prefix"): ["dev-"],
    ("EnvironmentSpec", "include"): [["assistant-*"]],
    ("EnvironmentSpec", "accepted_terms"): [
        {"openai": "the legal team, 2026-03-01", "Llama 3.3*": "the legal team, 2026-05-12"}
    ],
    ("Policy", "require_tags"): [["team"]],
    ("Policy", "allowed_models"): [["openai/gpt-4o*", "claude-*"]],
    ("Policy", "allowed_entities"): [["system.ai.*", "main.*"]],
    ("Policy", "allowed_regions"): [["eu-*", "europe-*"]],
    ("Policy", "allowed_hosts"): [["*.openai.azure.com"]],
    ("Policy", "allowed_secret_scopes"): [["llm", "llm-*"]],
}


def examples(facts: Catalog) -> dict[Field, list[Any]]:
    """Values that a field may have; what the catalog knows is in its order."""
    current = [entry for entry in facts.providers if not entry.legacy]
    names = [name for entry in current for task in entry.tasks for name in entry.names(task)]
    families = facts.architectures
    step = facts.model_unit_step
    return _WRITTEN | {
        ("EndpointSpec", "governs"): [model.endpoint for model in facts.pay_per_token],
        ("ExternalModel", "name"): list(dict.fromkeys(names)),
        ("ServedEntity", "architecture"): [family.id for family in families],
        ("Policy", "allowed_architectures"): [[family.id for family in families]],
        ("ServedEntity", "entity_name"): [
            "main.ml.churn_classifier",
            *(entity for family in families for entity in family.entity_examples),
        ],
        ("ServedEntity", "workload_size"): list(facts.names_of("workload-sizes")),
        ("ServedEntity", "workload_type"): list(facts.names_of("workload-types")),
        ("ServedEntity", "max_provisioned_throughput"): [one.chunk for one in facts.chunks],
        ("ServedEntity", "provisioned_model_units"): [step, 2 * step],
    }
