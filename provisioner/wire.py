"""API JSON to endpoint documents and back; the only file that knows request shapes.

An *endpoint document* is nested plain data in the REST API's own words, with its
keyed lists held as maps: served entities and routes by entity name, tags by key,
rate limits by key and principal, permission rows by principal. Desired, base and
live endpoints are all such documents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.diff import Document
from provisioner.fields import table

OWNER_TAG = "provisioner"
"""Tag whose value ``<project>/<environment>`` says who manages an endpoint."""
PROTECT_TAG = "provisioner-protect"
"""Tag of an endpoint under ``lifecycle.protect``; it outlives the YAML block."""

ENDPOINTS = "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions/serving-endpoints"

_BLOCKS = ("ai_gateway", "email_notifications", "telemetry_config")
_PLAIN = ("name", "description", "route_optimized", "budget_policy_id")
_PRINCIPALS = {
    "user": "user_name",
    "group": "group_name",
    "service_principal": "service_principal_name",
}


@dataclass(frozen=True)
class Request:
    """One API call; ``{id}`` in the path stands for an id known only after creation."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Live:
    """One endpoint of the workspace as an answer showed it."""

    name: str
    id: str
    """Empty for endpoints that Databricks provides."""
    document: Document
    owner: str
    """Value of the owner tag; empty when nobody's."""
    protected: bool
    hosted: bool
    """Databricks' own pay-per-token endpoint: never created, configured or deleted."""
    ready: bool
    update: str
    """NOT_UPDATING, IN_PROGRESS, UPDATE_FAILED or UPDATE_CANCELED."""
    version: int
    """Version of the configuration that serves; 0 = none yet."""
    pending_version: int
    """Version of the configuration being rolled out; 0 = none."""
    messages: tuple[str, ...] = ()
    """What the service says about served entities that are not ready."""
    creator: str = ""
    stopped: bool = False

    @property
    def updating(self) -> bool:
        """Whether an update is in flight."""
        return self.update == "IN_PROGRESS"

    def fingerprint(self) -> str:
        """Digest of meaning: changes when id or document do, not with time or state."""
        return digest({"id": self.id, "document": self.document})


ABSENT = "absent"
"""Fingerprint of an endpoint that does not exist."""


def digest(value: Any) -> str:
    """A short stable digest of plain data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


# --- what people write ---------------------------------------------------------------


def desired_document(data: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The document of a declared endpoint.

    ``data`` is the endpoint file's content in API words: unset keys absent,
    explicit nulls kept, tags a map.
    """
    document = {key: data[key] for key in (*_PLAIN, *_BLOCKS) if key in data}
    tags: dict[str, Any] = {**(data.get("tags") or {}), OWNER_TAG: owner}
    lifecycle = data.get("lifecycle") or {}
    if lifecycle.get("protect"):
        tags[PROTECT_TAG] = "true"
    document["tags"] = tags
    if document.get("ai_gateway"):
        document["ai_gateway"] = _gateway(document["ai_gateway"])
    if "config" in data:
        in_order = _enabled(document.get("ai_gateway"), "fallback_config")
        document["config"] = data["config"] and _config(data["config"], in_order=in_order)
    if "permissions" in data:
        document["permissions"] = _declared_rows(data["permissions"])
    return document


def _declared_rows(permissions: Mapping[str, Any] | None) -> dict[str, str]:
    rows = (permissions or {}).get("rows") or ()
    found = {}
    for row in rows:
        kind = next(kind for kind in _PRINCIPALS if row.get(kind))
        found[principal(kind, row[kind])] = row["level"]
    return found


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


def _config(config: Mapping[str, Any], *, in_order: bool) -> dict[str, Any]:
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
        result["auto_capture_config"] = _without(capture, rows.output_only["auto_capture"])
    return result


def _entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    return _without(entity, table().output_only["served_entity"] | {"name", "architecture"})


def _target(route: Mapping[str, Any]) -> str:
    # Answers carry both spellings with the same value (seen, and terraform provider source).
    return str(route.get("served_entity_name") or route.get("served_model_name"))


def _share(route: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: int(value) if key == "traffic_percentage" else value
        for key, value in route.items()
        if key not in {"served_entity_name", "served_model_name"}
    }


def _gateway(gateway: Mapping[str, Any]) -> dict[str, Any]:
    if "rate_limits" not in gateway:
        return dict(gateway)
    limits: dict[str, Any] = {}
    for item in gateway["rate_limits"] or []:
        # A limit without a key counts for the whole endpoint (SDK docstring).
        key = ":".join(filter(None, (item.get("key") or "endpoint", item.get("principal"))))
        copies = sum(name.split("#")[0] == key for name in limits)
        name = f"{key}#{copies + 1}" if copies else key
        limits[name] = _without(item, {"key", "principal"})
    return {**gateway, "rate_limits": limits}


def _enabled(block: Any, key: str) -> bool:
    return bool(((block or {}).get(key) or {}).get("enabled"))


def _without(value: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}


# --- what the workspace answers ------------------------------------------------------


def live_endpoint(
    answer: Mapping[str, Any], permissions: Mapping[str, Any] | None = None, caller: str = ""
) -> Live:
    """Read a GET answer, and the answer of its permissions where those are managed.

    ``caller`` is the key of the caller's own permission row, which the service
    adds by itself and which therefore counts only when it is declared.
    """
    state = answer.get("state") or {}
    tags = {item["key"]: item.get("value") or "" for item in answer.get("tags") or []}
    document = _live_document(answer, tags)
    if permissions is not None:
        document["permissions"] = _direct_rows(permissions, caller)
    pending = answer.get("pending_config") or {}
    config = answer.get("config") or {}
    return Live(
        name=answer["name"],
        id=str(answer.get("id") or ""),
        document=document,
        owner=str(tags.get(OWNER_TAG, "")),
        protected=tags.get(PROTECT_TAG) == "true",
        hosted=is_hosted(answer),
        ready=state.get("ready") == "READY",
        update=state.get("config_update") or "NOT_UPDATING",
        version=int(config.get("config_version") or 0),
        pending_version=int(pending.get("config_version") or 0),
        messages=_messages(pending or config),
        creator=str(answer.get("creator") or ""),
        stopped=(state.get("suspend") or "NOT_SUSPENDED") != "NOT_SUSPENDED",
    )


def is_hosted(answer: Mapping[str, Any]) -> bool:
    """Whether Databricks provides the endpoint: told by its entity, not by its name."""
    entities = (answer.get("config") or {}).get("served_entities") or [{}]
    agent_brick = bool(answer.get("tile_endpoint_metadata"))
    return "foundation_model" in entities[0] or agent_brick


def _live_document(answer: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        key: answer[key] for key in (*_PLAIN, *_BLOCKS) if answer.get(key) is not None
    }
    document["tags"] = dict(tags)
    if gateway := document.get("ai_gateway"):
        document["ai_gateway"] = _gateway(gateway)
    # While an update runs, what was accepted last is in pending_config only.
    updating = (answer.get("state") or {}).get("config_update") == "IN_PROGRESS"
    config = (updating and answer.get("pending_config")) or answer.get("config")
    if config:
        in_order = _enabled(document.get("ai_gateway"), "fallback_config")
        document["config"] = _config(config, in_order=in_order)
    return document


def _direct_rows(permissions: Mapping[str, Any], caller: str) -> dict[str, str]:
    rows = {}
    for row in permissions.get("access_control_list") or []:
        kind = next((kind for kind, key in _PRINCIPALS.items() if row.get(key)), None)
        levels = [
            item["permission_level"]
            for item in row.get("all_permissions") or []
            if not item.get("inherited")
        ]
        if kind and levels and (kind, row[_PRINCIPALS[kind]]) != ("group", "admins"):
            rows[principal(kind, row[_PRINCIPALS[kind]])] = levels[0]
    rows.pop(caller, None)
    return rows


def _messages(config: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    for entity in config.get("served_entities") or []:
        state = entity.get("state") or {}
        message = state.get("deployment_state_message")
        if state.get("deployment") in {"DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"}:
            found.append(f"{entity.get('name')}: {message or state['deployment']}")
    return tuple(found)


# --- what is sent --------------------------------------------------------------------


def create(target: Document) -> Request:
    """Make an endpoint with everything that creation accepts."""
    body: dict[str, Any] = _without(target, {"permissions", "config", "tags", "ai_gateway"})
    if tags := target.get("tags"):
        body["tags"] = _tag_list(tags)
    if gateway := target.get("ai_gateway"):
        body["ai_gateway"] = _gateway_body(gateway)
    if target.get("config"):
        body["config"] = _config_body(target, target)
    return Request("POST", f"{ENDPOINTS}/pt" if by_model_units(target) else ENDPOINTS, body)


def update_config(name: str, target: Document, want: Document) -> Request:
    """Replace served entities, traffic and capture as one."""
    body = _config_body(target, want)
    if by_model_units(target):
        return Request("PUT", f"{ENDPOINTS}/pt/{name}/config", {"config": body})
    return Request("PUT", f"{ENDPOINTS}/{name}/config", body)


def update_tags(name: str, tags: Mapping[str, str | None]) -> Request:
    """Set tags; those with the value ``None`` are deleted."""
    body: dict[str, Any] = {}
    if added := {key: value for key, value in tags.items() if value is not None}:
        body["add_tags"] = _tag_list(added)
    if deleted := sorted(key for key, value in tags.items() if value is None):
        body["delete_tags"] = deleted
    return Request("PATCH", f"{ENDPOINTS}/{name}/tags", body)


def update_gateway(name: str, gateway: Document) -> Request:
    """Replace the whole AI gateway; an empty one clears it."""
    return Request("PUT", f"{ENDPOINTS}/{name}/ai-gateway", _gateway_body(gateway))


def update_notifications(name: str, notifications: Document) -> Request:
    """Replace the e-mail addresses."""
    body = {"email_notifications": dict(notifications)}
    return Request("PATCH", f"{ENDPOINTS}/{name}/notifications", body)


def update_telemetry(name: str, telemetry: Document) -> Request:
    """Replace the telemetry configuration; an empty one removes it."""
    body = {"telemetry_config": dict(telemetry)}
    return Request("PATCH", f"{ENDPOINTS}/{name}/telemetry-config", body)


def merge_permissions(endpoint_id: str, rows: Mapping[str, str]) -> Request:
    """Set the level of some principals, leaving all others."""
    return Request("PATCH", f"{PERMISSIONS}/{endpoint_id or '{id}'}", _acl(rows))


def replace_permissions(endpoint_id: str, rows: Mapping[str, str], caller: str) -> Request:
    """Set all direct rows; the caller always keeps the right to manage."""
    kept = {**rows, caller: "CAN_MANAGE"} if caller else rows
    return Request("PUT", f"{PERMISSIONS}/{endpoint_id or '{id}'}", _acl(kept))


def delete(name: str) -> Request:
    """Delete an endpoint."""
    return Request("DELETE", f"{ENDPOINTS}/{name}")


def by_model_units(document: Document) -> bool:
    """Whether the endpoint is sized in model units, which has calls of its own."""
    entities = (document.get("config") or {}).get("served_entities") or {}
    return any("provisioned_model_units" in entity for entity in entities.values())


def is_external(document: Document) -> bool | None:
    """Whether the endpoint serves external models; ``None`` = it serves nothing yet."""
    entities = (document.get("config") or {}).get("served_entities") or {}
    return any("external_model" in entity for entity in entities.values()) if entities else None


def _config_body(target: Document, want: Document) -> dict[str, Any]:
    config, declared = target["config"], want.get("config") or {}
    body = _without(config, {"served_entities", "traffic_config", "fallback_order"})
    entities: Mapping[str, Any] = config.get("served_entities") or {}
    wanted = declared.get("served_entities") or {}
    if "served_entities" in config:
        body["served_entities"] = [
            {"name": name, **_sendable(entities[name], wanted.get(name) or {})}
            for name in _in_order(entities, config.get("fallback_order") or list(wanted))
        ]
    routes = (config.get("traffic_config") or {}).get("routes") or {}
    if routes and ("traffic_config" in declared or routes.keys() == entities.keys()):
        body["traffic_config"] = {
            "routes": [{"served_entity_name": name, **route} for name, route in routes.items()]
        }
    return body


def _in_order(entities: Mapping[str, Any], order: Sequence[str]) -> list[str]:
    known = [name for name in order if name in entities]
    return [*known, *(name for name in entities if name not in known)]


def _sendable(entity: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An entity without what the server filled in and nobody declared."""
    rows, pattern = table(), "config.served_entities[]"
    kept = {
        key: value
        for key, value in entity.items()
        if key in wanted or not rows.get(f"{pattern}.{key}").filled
    }
    if external := kept.get("external_model"):
        kept["external_model"] = _one_form_of_secrets(external)
    return kept


def _one_form_of_secrets(block: Any) -> Any:
    """Drop the reference beside a plaintext field: the service wants exactly one."""
    if not isinstance(block, Mapping):
        return block
    return {
        key: _one_form_of_secrets(value)
        for key, value in block.items()
        if f"{key}_plaintext" not in block
    }


def _gateway_body(gateway: Document) -> dict[str, Any]:
    limits = gateway.get("rate_limits")
    if limits is None:
        return dict(gateway)
    return {**gateway, "rate_limits": [_limit(name, limit) for name, limit in limits.items()]}


def _limit(name: str, limit: Mapping[str, Any]) -> dict[str, Any]:
    key, _, who = name.split("#")[0].partition(":")
    return {"key": key, **({"principal": who} if who else {}), **limit}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]


def _acl(rows: Mapping[str, str]) -> dict[str, Any]:
    entries = []
    for key in sorted(rows):
        kind, _, name = key.partition(":")
        entries.append({_PRINCIPALS[kind]: name, "permission_level": rows[key]})
    return {"access_control_list": entries}
