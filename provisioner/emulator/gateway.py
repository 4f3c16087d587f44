"""AI gateway: what is accepted, and what comes back although nobody sent it."""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.configs import config_kind
from provisioner.emulator.errors import invalid

MAX_LIMITS, MAX_GROUP_LIMITS = 20, 5
"""Documented for Unity AI Gateway services, assumed here: confidence medium."""

_PARTS = (
    "guardrails", "inference_table_config", "rate_limits", "usage_tracking_config",
    "fallback_config",
)  # fmt: skip
_KEYS = ("user", "endpoint", "user_group", "service_principal")
_TABLE_NAMES = ("catalog_name", "schema_name", "table_name_prefix")


def read_gateway(workspace: Json, endpoint: Json, sent: Json) -> Json:
    """The whole object as it is stored; raises where it is refused.

    ``endpoint`` is the endpoint as it is now, its config being the one in force or the
    one that is about to be.
    """
    gateway = {part: sent[part] for part in _PARTS if part in sent}
    if "guardrails" in gateway:
        gateway["guardrails"] = _read_guardrails(endpoint, gateway["guardrails"])
    if "rate_limits" in gateway:
        gateway["rate_limits"] = [_read_limit(limit) for limit in gateway["rate_limits"]]
        _check_limit_counts(gateway["rate_limits"])
    if "inference_table_config" in gateway:
        _check_tables(workspace, endpoint, gateway["inference_table_config"])
    if gateway.get("fallback_config", {}).get("enabled"):
        _check_fallback(endpoint)
    return gateway


def with_defaults(endpoint: Json, gateway: Json) -> Json:
    """What a new endpoint gets: usage tracking is on by itself for provisioned throughput.

    terraform-provider-databricks marks it as computed for those; confidence low.
    """
    if _kind(endpoint) in ("tokens_per_second", "model_units"):
        return {"usage_tracking_config": {"enabled": True}} | gateway
    return gateway


def _kind(endpoint: Json) -> str | None:
    config = endpoint.get("pending_config") or endpoint.get("config")
    return config_kind(config) if config else None


def _read_guardrails(endpoint: Json, guardrails: Json) -> Json:
    read: Json = {}
    for side in ("input", "output"):
        if side not in guardrails:
            continue
        read[side] = dict(guardrails[side])
        behavior = read[side].get("pii", {}).get("behavior", "NONE")
        if behavior not in ("NONE", "BLOCK", "MASK"):
            raise invalid(f"Invalid pii behavior '{behavior}'.")
        # Computed for provisioned throughput (Terraform provider); the value is a guess.
        if side == "input" and _kind(endpoint) in ("tokens_per_second", "model_units"):
            read[side].setdefault("pii", {"behavior": "NONE"})
    return read


def _read_limit(limit: Json) -> Json:
    read = {"key": "endpoint"} | limit
    if read["key"] not in _KEYS:
        raise invalid(f"Rate limit key '{read['key']}' is not one of {list(_KEYS)}.")
    if read.get("renewal_period") != "minute":
        raise invalid("Rate limit renewal_period must be 'minute'.")
    if "calls" not in read and "tokens" not in read:
        raise invalid("A rate limit must specify calls or tokens.")
    if read["key"] in ("user_group", "service_principal") and not read.get("principal"):
        raise invalid(f"Rate limits by {read['key']} must name a principal.")
    if read["key"] == "endpoint" and read.get("principal"):
        raise invalid("Rate limits of the whole endpoint cannot name a principal.")
    return read


def _check_limit_counts(limits: list[Json]) -> None:
    keys = [(limit["key"], limit.get("principal")) for limit in limits]
    if len(set(keys)) != len(keys):
        raise invalid("There can be only one rate limit for each key and principal.")
    groups = sum(key == "user_group" for key, _ in keys)
    if len(limits) > MAX_LIMITS or groups > MAX_GROUP_LIMITS:
        raise invalid(
            f"At most {MAX_LIMITS} rate limits, {MAX_GROUP_LIMITS} of them by group, can be set."
        )


def _check_tables(workspace: Json, endpoint: Json, tables: Json) -> None:
    if not tables.get("enabled"):
        return
    if not tables.get("catalog_name") or not tables.get("schema_name"):
        raise invalid("Inference tables require catalog_name and schema_name.")
    schema = f"{tables['catalog_name']}.{tables['schema_name']}"
    if schema not in workspace["unity_catalog"]["schemas"]:  # confidence low
        raise invalid(f"Schema '{schema}' does not exist.")
    now = endpoint.get("ai_gateway", {}).get("inference_table_config", {})
    names = [(now.get(key), tables.get(key)) for key in _TABLE_NAMES]
    # databricks-sdk 0.156 docstring: disable first, then enable under the new names.
    if now.get("enabled") and any(before != after for before, after in names):
        raise invalid("Inference table names can only be changed after disabling the tables.")


def _check_fallback(endpoint: Json) -> None:
    config = endpoint.get("pending_config") or endpoint.get("config") or {}
    external = [e for e in config.get("served_entities", ()) if "external_model" in e]
    if len(external) < 2:  # confidence medium
        raise invalid("fallback_config requires at least two external models.")
