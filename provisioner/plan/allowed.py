"""What a policy's lists allow: providers, models, places and secret scopes.

Said of documents, so that it holds for what is declared, and for what is brought back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from provisioner.errors import Problem, Where, error
from provisioner.plan.secrets import uses
from provisioner.spec import Policy

Locate = Callable[[str], Where | None]

POLICY_LISTS = (
    "provider-not-allowed",
    "model-not-allowed",
    "entity-not-allowed",
    "architecture-not-allowed",
    "region-not-allowed",
    "host-not-allowed",
    "scope-not-allowed",
)
"""Codes of what no list of a policy allows."""
HINT = "use what is allowed, or extend the policy in a reviewed commit"
_REGIONS = {"amazon_bedrock_config": "aws_region", "google_cloud_vertex_ai_config": "region"}
_ADDRESSES = {
    "cohere_config": "cohere_api_base",
    "custom_provider_config": "custom_provider_url",
    "databricks_model_serving_config": "databricks_workspace_url",
    "openai_config": "openai_api_base",
}


def outside(allowed: Sequence[str] | None, *names: str) -> bool:
    """Whether there is a list of globs and none fits any of the names; case does not count."""
    if allowed is None:
        return False
    lowered = [name.lower() for name in names]
    return not any(fnmatchcase(name, glob.lower()) for glob in allowed for name in lowered)


def summary_of(what: str, key: str, policy: Policy) -> str:
    """The words for something that is not in the list ``key`` of a policy."""
    allowed = ", ".join(getattr(policy, key)) or "which is empty"
    return f"{what} is not among policy.{key} ({allowed})"


def not_allowed(
    entities: Mapping[str, Mapping[str, Any]], policy: Policy, locate: Locate = lambda _: None
) -> Iterator[Problem]:
    """What served entities, by name and in the words of the API, have that no list allows."""
    for name, entity in entities.items():
        path = f"config.served_entities[{name}]"
        model = entity.get("external_model") or {}
        yield from _external(f"{path}.external_model", model, policy, locate)
        own = entity.get("entity_name")
        if own and outside(policy.allowed_entities, own):
            where = locate(f"{path}.entity_name")
            summary = summary_of(f"model {own}", "allowed_entities", policy)
            yield error("entity-not-allowed", summary, HINT, where)
    if policy.allowed_secret_scopes is not None:
        said = {"config": {"served_entities": entities}}
        yield from scopes_not_allowed(
            ((secret.scope, locate(use.path)) for secret, use in uses("", said)), policy
        )


def scopes_not_allowed(
    scopes: Iterable[tuple[str, Where | None]], policy: Policy
) -> Iterator[Problem]:
    """Secret scopes, each with its place, that a policy does not allow."""
    for scope, where in scopes:
        if outside(policy.allowed_secret_scopes, scope):
            summary = summary_of(f"secret scope {scope}", "allowed_secret_scopes", policy)
            yield error("scope-not-allowed", summary, HINT, where)


def _external(
    path: str, model: Mapping[str, Any], policy: Policy, locate: Locate
) -> Iterator[Problem]:
    provider, name = str(model.get("provider") or ""), str(model.get("name") or "")
    if provider and outside(policy.allowed_providers, provider):
        summary = summary_of(f"provider {provider}", "allowed_providers", policy)
        yield error("provider-not-allowed", summary, HINT, locate(f"{path}.provider"))
    if name and outside(policy.allowed_models, name, f"{provider}/{name}"):
        summary = summary_of(f"model {provider}/{name}", "allowed_models", policy)
        yield error("model-not-allowed", summary, HINT, locate(f"{path}.name"))
    for block, key in _REGIONS.items():
        region = (model.get(block) or {}).get(key)
        if region and outside(policy.allowed_regions, region):
            summary = summary_of(f"region {region}", "allowed_regions", policy)
            yield error("region-not-allowed", summary, HINT, locate(f"{path}.{block}.{key}"))
    for block, key in _ADDRESSES.items():
        host = _host((model.get(block) or {}).get(key))
        if host and outside(policy.allowed_hosts, host):
            summary = summary_of(f"host {host}", "allowed_hosts", policy)
            yield error("host-not-allowed", summary, HINT, locate(f"{path}.{block}.{key}"))


def _host(address: Any) -> str:
    try:
        return urlsplit(str(address or "")).hostname or ""
    except ValueError:  # brackets without an end, which `bad-url` tells of
        return ""
