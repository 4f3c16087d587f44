"""What a workspace holds before anybody used it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from provisioner.catalog import Architecture, PayPerTokenModel, catalog
from provisioner.emulator.clock import EPOCH_MS

Json = dict[str, Any]

FORMAT = 1
"""Version of the workspace document; another one is refused."""

SERVICE_PRINCIPAL = "11111111-2222-4333-8444-555555555555"
CLIENT_SECRET = "emulator-client-secret"  # noqa: S105 - opens nothing
FOUNDATION_DEFAULT_CHUNK = 980  # where no document names one for the model

_FOLDERS = ("/", "/Shared", "/Users", "/Users/user@example.com")

_SECRET_KEYS = (
    "ai21_api_key", "anthropic_api_key", "aws_access_key_id", "aws_secret_access_key",
    "azure_client_secret", "azure_openai_api_key", "cohere_api_key", "custom_token",
    "databricks_token", "openai_api_key", "palm_api_key", "vertex_private_key",
)  # fmt: skip


def pristine() -> Json:
    """A new workspace: nothing the user made, everything the demonstrations need."""
    # The workspace is one of spring 2025: it has the endpoints that were served then.
    models = catalog().founding_models
    return {
        "format": FORMAT,
        "complete": True,
        "workspace_id": "1234567890123456",
        "cloud": "AWS",
        "region": "us-east-1",
        "now_ms": EPOCH_MS,
        "counter": 0,
        "identity": _identity(),
        "secrets": {"llm": _scope()},
        "unity_catalog": {
            "metastore": True,
            "catalogs": ["main", "system"],
            "schemas": ["main.ml", "main.serving_logs", "main.support", "system.ai"],
            "models": _example_models() | _system_models(),
            "feature_specs": ["main.ml.customer_features"],
            "grants": _grants(),
        },
        "workspace_models": {"legacy_churn": {"versions": {"1": {"status": "READY"}}}},
        "files": {path: {"object_type": "DIRECTORY", "object_id": 100 + i, "modified_at": EPOCH_MS}
                  for i, path in enumerate(_FOLDERS)},
        "endpoints": {m.endpoint: _pay_per_token_endpoint(m) for m in models},
        "permissions": {},
    }  # fmt: skip


def _identity() -> Json:
    def user(user_id: str, name: str, *groups: str) -> Json:
        return {"id": user_id, "display_name": name, "groups": list(groups)}

    groups = ("admins", "data-science", "ml-engineers", "support-agents", "users")
    return {
        "default_user": "user@example.com",
        "tokens": {
            "token-alice": "alice@example.com",
            "token-bob": "bob@example.com",
        },
        "refused_tokens": ["expired", "invalid", "wrong"],
        "users": {
            "alice@example.com": user("1002", "Alice", "ml-engineers", "users"),
            "bob@example.com": user("1003", "Bob", "support-agents", "users"),
            "user@example.com": user("1001", "Example User", "admins", "users"),
        },
        "groups": {name: {"id": str(3001 + i)} for i, name in enumerate(groups)},
        "service_principals": {
            SERVICE_PRINCIPAL: {
                "id": "2001",
                "display_name": "deployer",
                "groups": ["admins"],
                "client_secret": CLIENT_SECRET,
            }
        },
    }


def _grants() -> Json:
    """Everybody may use everything, by catalog, until a test takes it away."""
    use = ["USE_CATALOG", "USE_SCHEMA", "EXECUTE"]
    return {
        "main": {"account users": [*use, "CREATE_TABLE"]},
        "system": {"account users": use},
    }


def _scope() -> Json:
    keys = {key: {"value": f"fake-{key}", "last_updated_timestamp": EPOCH_MS}
            for key in _SECRET_KEYS}  # fmt: skip
    acls = {"user@example.com": "MANAGE", "users": "READ"}
    return {"backend_type": "DATABRICKS", "keys": keys, "acls": acls}


def model(
    versions: int, *, task: str = "", model_type: str = "", chunk: int = 0, **aliases: int
) -> Json:
    """A registered model; ``chunk`` 0 means that it has no provisioned throughput."""
    return {
        "owner": "user@example.com",
        "comment": "",
        "created_at": EPOCH_MS,
        "aliases": aliases,
        "task": task,
        "model_type": model_type,
        "throughput_chunk_size": chunk,
        "model_units": False,
        "versions": {str(n): {"status": "READY"} for n in range(1, versions + 1)},
    }


def _example_models() -> Json:
    chat = "llm/v1/chat"
    return {
        "main.ml.churn_classifier": model(3, champion=2, challenger=3),
        "main.support.ticket_llama": model(
            2, task=chat, model_type="llama", chunk=FOUNDATION_DEFAULT_CHUNK, champion=2
        ),
    }


@lru_cache(maxsize=1)
def _chunks() -> dict[str, tuple[str, int]]:
    return {chunk.entity: (chunk.model_type, chunk.chunk) for chunk in catalog().chunks}


def _system_models() -> Json:
    return {
        entity: _system_model(entity, architecture)
        for architecture in catalog().architectures
        for entity in architecture.entity_examples
    }


def _system_model(entity: str, architecture: Architecture) -> Json:
    family = architecture.id.partition("-")[0]
    model_type, chunk = _chunks().get(entity, (family, FOUNDATION_DEFAULT_CHUNK))
    by_units = architecture.sizing == "model_units"
    # Several versions: the one in the documents' examples differs from model to model.
    document = model(5, task=f"llm/v1/{architecture.tasks[0]}", model_type=model_type)
    return document | {
        "owner": "System user",
        "model_units": by_units,
        "throughput_chunk_size": 0 if by_units else chunk,
    }


def _pay_per_token_endpoint(model: PayPerTokenModel) -> Json:
    """An endpoint of Databricks: no id, no creator (LIST snapshot of mid 2026)."""
    foundation_model = {
        "name": model.entity or model.endpoint,
        "display_name": model.model,
        "description": f"{model.model}, hosted by Databricks and billed by token.",
        "docs": "https://docs.databricks.com/machine-learning/foundation-models/index.html",
    }
    entity = {"name": model.endpoint, "foundation_model": foundation_model}
    if model.entity:
        entity |= {"entity_name": model.entity, "entity_version": "1"}
    routes = [{"served_entity_name": model.endpoint, "traffic_percentage": 100}]
    return {
        "name": model.endpoint,
        "creation_timestamp": EPOCH_MS,
        "last_updated_timestamp": EPOCH_MS,
        "endpoint_type": "FOUNDATION_MODEL_API",
        "task": model.api_task,
        "config_versions": 1,
        "update": {"state": "NOT_UPDATING"},
        "config": {
            "served_entities": [entity | {"state": dict(READY)}],
            "traffic_config": {"routes": routes},
            "config_version": 1,
        },
    }


READY = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
