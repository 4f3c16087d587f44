"""Endpoints as they are sent: the detailed object, and the summary of LIST."""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.external_models import without_plaintext

_DETAIL = (
    "name", "id", "creator", "creator_display_name", "creator_kind", "creation_timestamp",
    "last_updated_timestamp", "task", "endpoint_type", "route_optimized",
    "description", "email_notifications", "ai_gateway", "tags",
    "telemetry_config", "resource_credential_strategy", "effective_budget_policy_id",
)  # fmt: skip
_SUMMARY = (
    "name", "id", "creator", "creator_display_name", "creator_kind", "creation_timestamp",
    "last_updated_timestamp", "task", "endpoint_type", "route_optimized", "description",
    "ai_gateway", "tags",
)  # fmt: skip
_SUMMARY_ENTITY = (
    "name", "entity_name", "entity_version", "external_model", "foundation_model", "type",
)  # fmt: skip
_WRITE_ONLY = {"burst_scaling_enabled"}  # accepted, never echoed (databricks/cli testserver)


def detailed(endpoint: Json, level: str) -> Json:
    """The answer of GET; ``level`` is the caller's own permission."""
    view = {key: endpoint[key] for key in _DETAIL if key in endpoint}
    view |= {"state": state(endpoint), "permission_level": level}
    # Sent by the service and dropped by the typed SDK (observed responses, 2024 to 2026).
    view |= {"capabilities": {}}
    for key in ("config", "pending_config"):
        if key in endpoint:
            view[key] = _config(endpoint, endpoint[key])
    return view


def summary(endpoint: Json, level: str) -> Json:
    """One entry of LIST: most of the config is left out (LIST snapshot of mid 2026)."""
    view = {key: endpoint[key] for key in _SUMMARY if key in endpoint}
    view |= {"state": state(endpoint), "permission_level": level, "capabilities": {}}
    if "config" in endpoint:
        full = _config(endpoint, endpoint["config"])
        entities = full.get("served_entities", ())
        short = [{k: e[k] for k in _SUMMARY_ENTITY if k in e} for e in entities]
        view["config"] = {"served_entities": short, "served_models": _as_models(short)}
        if not full:
            view["config"] = {}
    return view


def state(endpoint: Json) -> Json:
    """Readiness is that of the config in force; a failed update does not end it."""
    stopped = endpoint.get("stopped", False)
    return {
        "ready": "READY" if "config" in endpoint and not stopped else "NOT_READY",
        "config_update": endpoint.get("update", {}).get("state", "NOT_UPDATING"),
        # The value of a stopped endpoint is a guess: confidence low.
        "suspend": "SUSPENDED" if stopped else "NOT_SUSPENDED",
    }


def _config(endpoint: Json, config: Json) -> Json:
    if not config:  # endpoints made by other products (LIST snapshot of mid 2026)
        return {}
    entities = [_entity(entity) for entity in config["served_entities"]]
    if not _keeps_order(endpoint):
        entities.sort(key=lambda entity: str(entity["name"]))
    view = {
        "served_entities": entities,
        "served_models": _as_models(entities),
        "traffic_config": {
            "routes": [_route(r) for r in config.get("traffic_config", {}).get("routes", ())]
        },
    }
    view |= {key: config[key] for key in ("config_version", "start_time") if key in config}
    if table := config.get("auto_capture_config"):
        view["auto_capture_config"] = table | {"state": _payload_table(table)}
    return view


def _keeps_order(endpoint: Json) -> bool:
    """Entities come back in the alphabet's order, unless fallback gives theirs a meaning.

    terraform-provider-databricks PR 5188.
    """
    fallback = endpoint.get("ai_gateway", {}).get("fallback_config", {})
    return bool(fallback.get("enabled", False))


def _entity(entity: Json) -> Json:
    view: Json = without_plaintext({k: v for k, v in entity.items() if k not in _WRITE_ONLY})
    if "external_model" in entity:
        return view | {"type": "EXTERNAL_MODEL"}
    return view | {"type": "FOUNDATION_MODEL" if "foundation_model" in entity else "UC_MODEL"}


def _as_models(entities: list[Json]) -> list[Json]:
    """The same items in the deprecated words: both forms always come back."""
    renamed = {"entity_name": "model_name", "entity_version": "model_version"}
    return [{renamed.get(k, k): v for k, v in entity.items()} for entity in entities]


def _route(route: Json) -> Json:
    """Both spellings of the name come back, with the same value (observed response, Feb 2025)."""
    return {"served_model_name": route["served_entity_name"], **route}


def _payload_table(table: Json) -> Json:
    name = f"{table['catalog_name']}.{table['schema_name']}.{table['table_name_prefix']}_payload"
    return {"payload_table": {"name": name, "status": "ACTIVE", "status_message": ""}}
