"""From the body of a call back to the part of an endpoint document that it brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.wire.document import (
    PRINCIPALS,
    config_document,
    gateway_document,
    principal,
    without,
)
from provisioner.wire.requests import PERMISSIONS


def brought(call: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a call writes, as a document; deleted tags are ``None``.

    Raises:
        ValueError: it says something twice.
    """
    if PERMISSIONS in call:
        return {"permissions": _once(map(_row, body.get("access_control_list") or ()))}
    if call.endswith("/tags"):
        deleted = ((key, None) for key in body.get("delete_tags") or ())
        return {"tags": _once([*map(_tag, body.get("add_tags") or ()), *deleted])}
    if call.endswith("/ai-gateway"):
        return {"ai_gateway": gateway_document(body)}
    if call.endswith("/config"):
        return {"config": _config(body.get("config", body))}
    document = without(body, {"tags", "ai_gateway", "config"})
    if "tags" in body:
        document["tags"] = _once(map(_tag, body["tags"]))
    if "ai_gateway" in body:
        document["ai_gateway"] = gateway_document(body["ai_gateway"])
    if "config" in body:
        document["config"] = _config(body["config"])
    return document


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    document = config_document(config, in_order=False)
    routes = (config.get("traffic_config") or {}).get("routes") or ()
    _once((entity["name"], None) for entity in config.get("served_entities") or ())
    _once((route["served_entity_name"], None) for route in routes)
    return document


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    found = dict(listed)
    if len(found) < len(listed):
        raise ValueError("a key stands there twice")
    return found


def _tag(item: Mapping[str, Any]) -> tuple[str, Any]:
    return item["key"], item["value"]


def _row(row: Mapping[str, Any]) -> tuple[str, str]:
    [kind] = [kind for kind, key in PRINCIPALS.items() if key in row]
    return principal(kind, row[PRINCIPALS[kind]]), str(row["permission_level"])
