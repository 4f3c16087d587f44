"""External models: which provider takes which block, and what a block must hold.

Field names and required fields are those of the databricks-sdk 0.156 dataclasses and their
docstrings; that the service enforces each of them is of medium confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import invalid

TASKS = ("llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings")
REFERENCE = re.compile(r"\{\{\s*secrets/([^/{}\s]+)/([^/{}\s]+)\s*\}\}")


@dataclass(frozen=True)
class Provider:
    """The block of a provider; every secret also has a ``_plaintext`` spelling."""

    block: str
    plain: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()


PROVIDERS = {
    "ai21labs": Provider("ai21labs_config", secret=("ai21labs_api_key",)),
    "amazon-bedrock": Provider("amazon_bedrock_config", ("aws_region", "bedrock_provider")),
    "anthropic": Provider("anthropic_config", secret=("anthropic_api_key",)),
    "cohere": Provider("cohere_config", secret=("cohere_api_key",)),
    "custom": Provider("custom_provider_config", ("custom_provider_url",)),
    "databricks-model-serving": Provider(
        "databricks_model_serving_config", ("databricks_workspace_url",), ("databricks_api_token",)
    ),
    "google-cloud-vertex-ai": Provider(
        "google_cloud_vertex_ai_config", ("project_id", "region"), ("private_key",)
    ),
    "openai": Provider("openai_config"),
    "palm": Provider("palm_config", secret=("palm_api_key",)),
}

_AZURE = ("openai_api_base", "openai_api_version", "openai_deployment_name")
_ENTRA = ("microsoft_entra_tenant_id", "microsoft_entra_client_id")


def read_external_model(model: Json) -> Json:
    """The model as it is stored; raises where it cannot be served."""
    for name in ("provider", "name", "task"):
        if not model.get(name):
            raise invalid(f"External model is missing required field '{name}'.")
    if model["task"] not in TASKS:
        raise invalid(f"External model task '{model['task']}' is not one of {list(TASKS)}.")
    provider = PROVIDERS.get(model["provider"])
    if provider is None:
        known = ", ".join(PROVIDERS)
        raise invalid(f"External model provider '{model['provider']}' is not one of: {known}.")
    blocks = sorted(key for key in model if key.endswith("_config"))
    if blocks != [provider.block]:
        raise invalid(
            f"External model provider '{model['provider']}' requires exactly one config block, "
            f"'{provider.block}', but got {blocks}."
        )
    block: Json = dict(model[provider.block])
    _require(block, provider.plain, provider.secret)
    match model["provider"]:
        case "openai":
            _check_openai(block)
        case "amazon-bedrock":
            _check_bedrock(block)
        case "custom":
            _check_custom(block)
    return {
        "provider": model["provider"],
        "name": model["name"],
        "task": model["task"],
        provider.block: block,
    }


def _require(block: Json, plain: tuple[str, ...], secret: tuple[str, ...]) -> None:
    for name in plain:
        if not block.get(name):
            raise invalid(f"External model config is missing required field '{name}'.")
    for name in secret:
        given = [key for key in (name, f"{name}_plaintext") if block.get(key)]
        if len(given) != 1:
            raise invalid(f"Exactly one of '{name}' and '{name}_plaintext' must be specified.")
        if given == [name] and not REFERENCE.fullmatch(str(block[name])):
            raise invalid(
                f"'{name}' must be a secret reference of the form {{{{secrets/scope/key}}}}."
            )


def _check_openai(block: Json) -> None:
    kind = block.get("openai_api_type", "openai")
    if kind not in ("openai", "azure", "azuread"):
        raise invalid(f"Unknown 'openai_api_type': '{kind}'.")
    # Observed message: databricks/cli issue 3124. The field's documentation says otherwise.
    if kind != "openai" and block.get("openai_organization"):
        raise invalid(
            "OpenAI external model configuration can only specify a value for "
            "'openai_organization' if 'openai_api_type' is one of ['openai']"
        )
    if kind == "azuread":
        _require(block, _AZURE + _ENTRA, ("microsoft_entra_client_secret",))
    else:
        _require(block, _AZURE if kind == "azure" else (), ("openai_api_key",))


def _check_bedrock(block: Json) -> None:
    # Compared without case by the Terraform provider: the service answers in its own spelling.
    block["bedrock_provider"] = str(block["bedrock_provider"]).lower()
    if block["bedrock_provider"] not in ("ai21labs", "amazon", "anthropic", "cohere"):
        raise invalid(f"Unknown 'bedrock_provider': '{block['bedrock_provider']}'.")
    keys = [key for key in block if key.startswith(("aws_access_key_id", "aws_secret_access_key"))]
    ways = [bool(keys), "instance_profile_arn" in block, "uc_service_credential_name" in block]
    if sum(ways) != 1:
        raise invalid(
            "Exactly one of an access key pair, 'instance_profile_arn' and "
            "'uc_service_credential_name' must be specified."
        )
    if keys:
        _require(block, (), ("aws_access_key_id", "aws_secret_access_key"))


def _check_custom(block: Json) -> None:
    ways = [way for way in ("api_key_auth", "bearer_token_auth") if way in block]
    if len(ways) != 1:
        raise invalid("Exactly one of 'api_key_auth' and 'bearer_token_auth' must be specified.")
    if ways == ["api_key_auth"]:
        _require(block["api_key_auth"], ("key",), ("value",))
    else:
        _require(block["bearer_token_auth"], (), ("token",))


def references(value: Any) -> set[tuple[str, str]]:
    """Scope and key of every secret that is referred to anywhere inside."""
    if isinstance(value, dict):
        return {found for item in value.values() for found in references(item)}
    if isinstance(value, list):
        return {found for item in value for found in references(item)}
    return set(REFERENCE.findall(value)) if isinstance(value, str) else set()


def plaintexts(value: Any) -> Iterator[str]:
    """Values of ``*_plaintext`` fields, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from [str(item)] if key.endswith("_plaintext") else plaintexts(item)


def without_plaintext(value: Any) -> Any:
    """A copy without ``*_plaintext`` fields, at any depth: they are never sent back."""
    if isinstance(value, dict):
        return {k: without_plaintext(v) for k, v in value.items() if not k.endswith("_plaintext")}
    return [without_plaintext(item) for item in value] if isinstance(value, list) else value
