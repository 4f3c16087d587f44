"""Which secrets an external model needs, and what to call them while nobody knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SIGN_IN = {
    "ai21labs": ("ai21labs_config", "ai21labs_api_key"),
    "amazon-bedrock": ("amazon_bedrock_config", "aws_access_key_id", "aws_secret_access_key"),
    "anthropic": ("anthropic_config", "anthropic_api_key"),
    "cohere": ("cohere_config", "cohere_api_key"),
    "custom": ("custom_provider_config",),
    "databricks-model-serving": ("databricks_model_serving_config", "databricks_api_token"),
    "google-cloud-vertex-ai": ("google_cloud_vertex_ai_config", "private_key"),
    "openai": ("openai_config", "openai_api_key"),
    "palm": ("palm_config", "palm_api_key"),
}
"""Provider to its block, and the secrets in it unless another way to sign in is chosen."""


def missing_secrets(model: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Paths below an external model at which it needs a secret and shows none."""
    if model.get("provider") not in _SIGN_IN:
        return
    name, *secrets = _SIGN_IN[model["provider"]]
    block: Mapping[str, Any] = model.get(name) or {}
    inner: tuple[str, ...] = ()
    if block.get("openai_api_type") == "azuread":
        secrets = ["microsoft_entra_client_secret"]
    elif block.keys() & {"instance_profile_arn", "uc_service_credential_name"}:
        secrets = []
    elif "api_key_auth" in block:
        inner, secrets = ("api_key_auth",), ["value"]
    elif name == "custom_provider_config":
        inner, secrets = ("bearer_token_auth",), ["token"]
    for key in inner:
        block = block.get(key) or {}
    yield from ((name, *inner, secret) for secret in secrets if secret not in block)


def variable(parts: tuple[str, ...], taken: set[str]) -> str:
    """The name of an environment variable, each given once."""
    name = re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper())
    name = f"_{name}" if name[0].isdecimal() else name
    copies = next(n for n in range(1, len(taken) + 2) if _numbered(name, n) not in taken)
    taken.add(_numbered(name, copies))
    return _numbered(name, copies)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"
