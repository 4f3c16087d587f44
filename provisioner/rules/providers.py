"""External models: the block of each provider and its ways to sign in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Judged, external

_BLOCKS = {
    "ai21labs": "ai21labs_config",
    "amazon-bedrock": "amazon_bedrock_config",
    "anthropic": "anthropic_config",
    "cohere": "cohere_config",
    "custom": "custom_provider_config",
    "databricks-model-serving": "databricks_model_serving_config",
    "google-cloud-vertex-ai": "google_cloud_vertex_ai_config",
    "openai": "openai_config",
    "palm": "palm_config",
}
_SECRETS = {
    "ai21labs": ("ai21labs_api_key",),
    "anthropic": ("anthropic_api_key",),
    "cohere": ("cohere_api_key",),
    "databricks-model-serving": ("databricks_api_token",),
    "google-cloud-vertex-ai": ("private_key",),
    "palm": ("palm_api_key",),
}
"""Providers with one way to sign in, and the secrets that it needs."""
_AZURE = ("openai_api_base", "openai_api_version", "openai_deployment_name")
_ENTRA = ("microsoft_entra_tenant_id", "microsoft_entra_client_id")
_KEY_PAIR = ("aws_access_key_id", "aws_secret_access_key")
_ONLY_WITH = {
    "openai_deployment_name": ("azure", "azuread"),
    "openai_api_key": ("azure", "openai"),
    "openai_api_key_plaintext": ("azure", "openai"),
    "microsoft_entra_tenant_id": ("azuread",),
    "microsoft_entra_client_id": ("azuread",),
    "microsoft_entra_client_secret": ("azuread",),
    "microsoft_entra_client_secret_plaintext": ("azuread",),
}
"""Fields of OpenAI's block, and the values of `openai_api_type` that read them."""
_URLS = (
    "openai_api_base",
    "cohere_api_base",
    "custom_provider_url",
    "databricks_workspace_url",
)
_URL = re.compile(r"https?://[^\s/]+\S*")
_REGIONS = {
    "aws_region": (re.compile(r"[a-z]{2}(-[a-z]+)+-\d"), "AWS", "us-east-1"),
    "region": (re.compile(r"[a-z]+(-[a-z]+)*-[a-z]+\d+|global|[a-z]{2}"), "Google", "us-central1"),
}
"""Fields that name a region: how one looks, whose it is, an example."""


def block_of_provider(endpoint: Judged) -> Iterator[Problem]:
    """An external model has the block of its provider and no other."""
    for path, model in external(endpoint):
        own = _BLOCKS[model.provider]
        others = [key for key in _BLOCKS.values() if key != own and getattr(model, key)]
        if getattr(model, own) is None:
            where = endpoint.where(f"{path}.{others[0] if others else 'provider'}")
            summary = f"the provider {model.provider} needs `{own}`"
            hint = f"`{others[0]}` is for another provider" if others else ""
            yield error("provider-block", summary, hint, where)
            continue
        for other in others:
            summary = f"the provider {model.provider} does not use `{other}`"
            yield error("provider-block", summary, "remove it", endpoint.where(f"{path}.{other}"))


def one_source_of_a_secret(endpoint: Judged) -> Iterator[Problem]:
    """A secret is a reference or a plaintext value, never both."""
    for path, model in external(endpoint):
        for key in _BLOCKS.values():
            if (block := getattr(model, key)) is not None:
                yield from _secrets_given_twice(endpoint, f"{path}.{key}", block)


def simple_sign_in(endpoint: Judged) -> Iterator[Problem]:
    """A provider with one way to sign in has its secret."""
    for path, model in external(endpoint):
        key = _BLOCKS[model.provider]
        if block := getattr(model, key):
            for name in _SECRETS.get(model.provider, ()):
                yield from _secret(endpoint, f"{path}.{key}", block, name)


def openai_sign_in(endpoint: Judged) -> Iterator[Problem]:
    """OpenAI needs a key; Azure also a deployment, by key or by Entra."""
    for path, model in external(endpoint):
        block, path = model.openai_config, f"{path}.openai_config"
        if block is None:
            continue
        by_entra = block.openai_api_type == "azuread"
        is_azure = by_entra or block.openai_api_type == "azure"
        needed = (_AZURE if is_azure else ()) + (_ENTRA if by_entra else ())
        for name in (name for name in needed if getattr(block, name) is None):
            summary = f"`openai_api_type: {block.openai_api_type}` needs `{name}`"
            yield error("provider-needs", summary, where=endpoint.where(path))
        if is_azure and block.openai_organization is not None:
            where = endpoint.where(f"{path}.openai_organization")
            summary = f"`openai_api_type: {block.openai_api_type}` refuses `openai_organization`"
            yield error("azure-organization", summary, "only OpenAI itself has it", where)
        secret = "microsoft_entra_client_secret" if by_entra else "openai_api_key"
        yield from _secret(endpoint, path, block, secret)


def bedrock_sign_in(endpoint: Judged) -> Iterator[Problem]:
    """Bedrock has one of a key pair, an instance profile and a service credential."""
    for path, model in external(endpoint):
        block, path = model.amazon_bedrock_config, f"{path}.amazon_bedrock_config"
        if block is None:
            continue
        by_keys = any(_has(block, name) for name in _KEY_PAIR)
        ways = (by_keys, _has(block, "instance_profile_arn"))
        if sum((*ways, _has(block, "uc_service_credential_name"))) != 1:
            summary = "Bedrock needs exactly one way to sign in"
            hint = (
                "a key pair (`aws_access_key_id` and `aws_secret_access_key`),"
                " `instance_profile_arn` or `uc_service_credential_name`"
            )
            yield error("bedrock-sign-in", summary, hint, endpoint.where(path))
        elif by_keys:
            for name in _KEY_PAIR:
                yield from _secret(endpoint, path, block, name)


def custom_sign_in(endpoint: Judged) -> Iterator[Problem]:
    """A custom provider has an API key or a bearer token."""
    for path, model in external(endpoint):
        block, path = model.custom_provider_config, f"{path}.custom_provider_config"
        if block is None:
            continue
        ways = {
            name: (auth, secret)
            for name, auth, secret in (
                ("api_key_auth", block.api_key_auth, "value"),
                ("bearer_token_auth", block.bearer_token_auth, "token"),
            )
            if auth is not None
        }
        if len(ways) != 1:
            summary = "a custom provider needs exactly one way to sign in"
            hint = "`api_key_auth` or `bearer_token_auth`"
            yield error("custom-sign-in", summary, hint, endpoint.where(path))
        for name, (auth, secret) in ways.items():
            yield from _secret(endpoint, f"{path}.{name}", auth, secret)


def fields_hold_something(endpoint: Judged) -> Iterator[Problem]:
    """No name and no field of a provider's block is an empty text."""
    for path, name, value in _texts(endpoint):
        if not value.strip():
            summary = f"`{name}` is empty"
            yield error("provider-needs", summary, where=endpoint.where(path))


def fields_are_read(endpoint: Judged) -> Iterator[Problem]:
    """OpenAI's block holds only what its way to sign in reads."""
    for path, model in external(endpoint):
        block, path = model.openai_config, f"{path}.openai_config"
        if block is None:
            continue
        kind = block.openai_api_type or "openai"
        for name, kinds in _ONLY_WITH.items():
            if getattr(block, name) is not None and kind not in kinds:
                summary = f"`{name}` is not read with `openai_api_type: {kind}`"
                hint = f"remove it, or write `openai_api_type: {kinds[0]}`"
                yield warning("provider-field", summary, hint, endpoint.where(f"{path}.{name}"))


def addresses_are_whole(endpoint: Judged) -> Iterator[Problem]:
    """An address is one that can be called."""
    for path, name, value in _texts(endpoint):
        if name in _URLS and value.strip() and not _URL.fullmatch(value):
            summary = f"`{name}` is not a whole URL"
            yield error("bad-url", summary, "it begins with https://", endpoint.where(path))


def regions_are_spelled(endpoint: Judged) -> Iterator[Problem]:
    """A region is written as its cloud writes it."""
    for path, name, value in _texts(endpoint):
        if name not in _REGIONS or not value.strip():
            continue
        form, whose, example = _REGIONS[name]
        if not form.fullmatch(value):
            summary = f"`{value}` does not look like a region of {whose}"
            hint = f"for example {example}"
            yield warning("odd-region", summary, hint, endpoint.where(path))


def _texts(endpoint: Judged) -> Iterator[tuple[str, str, str]]:
    """Every text of an external model and its blocks: its path, its field, itself."""
    for path, model in external(endpoint):
        waiting: list[tuple[str, BaseModel]] = [(path, model)]
        for below, holder in waiting:
            for name in sorted(holder.model_fields_set):
                value = getattr(holder, name)
                if isinstance(value, str):
                    yield f"{below}.{name}", name, value
                elif isinstance(value, BaseModel):
                    waiting.append((f"{below}.{name}", value))


def _has(block: BaseModel, name: str) -> bool:
    """Whether a field, or the plaintext twin of a secret, holds something."""
    return any(getattr(block, key, None) is not None for key in (name, f"{name}_plaintext"))


def _secret(endpoint: Judged, path: str, block: BaseModel, name: str) -> Iterator[Problem]:
    if not _has(block, name):
        summary = f"`{name}` is missing"
        hint = f"refer to a secret, or give `{name}_plaintext` an environment variable"
        yield error("secret-missing", summary, hint, endpoint.where(path))


def _secrets_given_twice(endpoint: Judged, path: str, block: BaseModel) -> Iterator[Problem]:
    for name in block.model_fields_set:
        value: Any = getattr(block, name)
        twin = f"{name}_plaintext"
        if isinstance(value, BaseModel):
            yield from _secrets_given_twice(endpoint, f"{path}.{name}", value)
        elif value is not None and getattr(block, twin, None) is not None:
            summary = f"`{name}` and `{twin}` are the same secret"
            yield error(
                "secret-twice", summary, "keep one of them", endpoint.where(f"{path}.{twin}")
            )
