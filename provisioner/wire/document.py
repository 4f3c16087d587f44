"""From the API's shapes, as people write them, to endpoint documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.fields import table

OWNER_TAG = "provisioner"
"""Tag whose value ``<project>/<environment>`` says who manages an endpoint."""
PROTECT_TAG = "provisioner-protect"
"""Tag of an endpoint under ``lifecycle.protect``; it outlives the YAML block."""

BLOCKS = ("ai_gateway", "email_notifications", "telemetry_config")
PLAIN = ("name", "description", "route_optimized", "budget_policy_id")
PRINCIPALS = {
    "user": "user_name",
    "group": "group_name",
    "service_principal": "service_principal_name",
}


def desired_document(
    data: Mapping[str, Any],
    owner: str,
    *,
    permissions: Mapping[str, str] | None = None,
    protect: bool = False,
) -> dict[str, Any]:
    """The document of a declared endpoint.

    ``data`` is the endpoint in API words: unset keys absent, explicit nulls kept,
    tags a map. ``owner`` is empty for an endpoint that is only governed, and gets no
    tag then. ``permissions`` are levels by principal, ``None`` = not managed.
    """
    document = dict(data)
    if owner:
        document["tags"] = {**(data.get("tags") or {}), OWNER_TAG: owner}
    if protect:
        document["tags"][PROTECT_TAG] = "true"
    if document.get("ai_gateway"):
        document["ai_gateway"] = gateway_document(document["ai_gateway"])
    if document.get("config"):
        in_order = enabled(document.get("ai_gateway"), "fallback_config")
        document["config"] = config_document(document["config"], in_order=in_order)
    if permissions is not None:
        document["permissions"] = dict(permissions)
    return document


_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_application_id(name: str) -> bool:
    """Whether a name is the application id of a service principal, and not its display name."""
    return _APPLICATION_ID.fullmatch(name) is not None


def principal(kind: str, name: str) -> str:
    """Key of a permission row; users and service principals are known in any case."""
    return f"{kind}:{name if kind == 'group' else name.lower()}"


def served_entity_name(entity: Mapping[str, Any]) -> str:
    """The name that the service gives an entity without one.

    Last part of the Unity Catalog name and the version, or the external model's
    name with dots and colons as dashes (seen in published answers, 2025 and 2026).
    """
    if entity.get("name"):
        return str(entity["name"])
    if external := entity.get("external_model"):
        return str(external["name"]).replace(".", "-").replace(":", "-")
    last = str(entity.get("entity_name", "")).rsplit(".", 1)[-1]
    version = entity.get("entity_version")
    return f"{last}-{version}" if version else last


def config_document(config: Mapping[str, Any], *, in_order: bool) -> dict[str, Any]:
    """A configuration as a document; ``in_order`` keeps the order of the served entities."""
    rows = table()
    result = {
        key: value
        for key, value in config.items()
        if key not in {"served_entities", "traffic_config", *rows.output_only["config"]}
    }
    if "served_entities" in config:
        entities = config["served_entities"] or []
        result["served_entities"] = {served_entity_name(item): _entity(item) for item in entities}
        if in_order:
            result["fallback_order"] = [served_entity_name(item) for item in entities]
    if "traffic_config" in config:
        routes = (config["traffic_config"] or {}).get("routes")
        result["traffic_config"] = {
            "routes": {_target(item): _share(item) for item in routes or []}
        }
    if capture := result.get("auto_capture_config"):
        result["auto_capture_config"] = without(capture, rows.output_only["auto_capture"])
    return result


def _entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    return without(entity, table().output_only["served_entity"] | {"name"})


def _target(route: Mapping[str, Any]) -> str:
    # Answers carry both spellings with the same value (seen, and terraform provider source).
    return str(route.get("served_entity_name") or route.get("served_model_name"))


def _share(route: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: int(value) if key == "traffic_percentage" else value
        for key, value in route.items()
        if key not in {"served_entity_name", "served_model_name"}
    }


def gateway_document(gateway: Mapping[str, Any]) -> dict[str, Any]:
    """An AI gateway as a document."""
    if "rate_limits" not in gateway:
        return dict(gateway)
    limits: dict[str, Any] = {}
    for item in gateway["rate_limits"] or []:
        # A limit without a key counts for the whole endpoint (SDK docstring).
        key = ":".join(filter(None, (item.get("key") or "endpoint", item.get("principal"))))
        copies = sum(name.split("#")[0] == key for name in limits)
        name = f"{key}#{copies + 1}" if copies else key
        limits[name] = without(item, {"key", "principal"})
    return {**gateway, "rate_limits": limits}


def enabled(block: Any, key: str) -> bool:
    """Whether ``block[key]`` is there and switched on."""
    return bool(((block or {}).get(key) or {}).get("enabled"))


def without(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """A copy of ``value`` without ``keys``."""
    return {key: item for key, item in value.items() if key not in keys}
