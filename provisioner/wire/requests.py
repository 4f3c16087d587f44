"""From endpoint documents to API calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from provisioner.fields import Document, table
from provisioner.wire.document import PRINCIPALS, enabled, without

ENDPOINTS = "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions/serving-endpoints"
_TABLE_NAME = ("catalog_name", "schema_name", "table_name_prefix")


@dataclass(frozen=True)
class Request:
    """One API call; ``{id}`` in the path stands for an id known only after creation."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


def create(target: Document) -> Request:
    """Make an endpoint with everything that creation accepts."""
    body: dict[str, Any] = without(target, {"permissions", "config", "tags", "ai_gateway"})
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


def update_gateway(name: str, gateway: Document, live: Document) -> Iterator[Request]:
    """Replace the whole AI gateway; an empty one clears it.

    The table of an inference table that is switched on cannot be renamed (SDK
    docstring), so a renamed one is switched off first, in a call of its own.
    """
    path = f"{ENDPOINTS}/{name}/ai-gateway"
    table_before = live.get("inference_table_config") or {}
    table_after = gateway.get("inference_table_config") or {}
    renamed = any(table_before.get(key) != table_after.get(key) for key in _TABLE_NAME)
    if enabled(live, "inference_table_config") and table_after and renamed:
        switched_off = {**gateway, "inference_table_config": {**table_before, "enabled": False}}
        yield Request("PUT", path, _gateway_body(switched_off))
    yield Request("PUT", path, _gateway_body(gateway))


def update_notifications(name: str, notifications: Document) -> Request:
    """Replace the e-mail addresses."""
    body = {"email_notifications": dict(notifications)}
    return Request("PATCH", f"{ENDPOINTS}/{name}/notifications", body)


def update_telemetry(name: str, telemetry: Document, want: Document) -> Request:
    """Replace the telemetry configuration; an empty one removes it."""
    body = {"telemetry_config": _sendable(telemetry, want, "telemetry_config")}
    return Request("PATCH", f"{ENDPOINTS}/{name}/telemetry-config", body)


def merge_permissions(endpoint_id: str, rows: Mapping[str, str]) -> Request:
    """Set the level of some principals, leaving all others."""
    return Request("PATCH", f"{PERMISSIONS}/{endpoint_id or '{id}'}", _acl(rows))


def replace_permissions(endpoint_id: str, rows: Mapping[str, str], caller: str = "") -> Request:
    """Set all direct rows; the caller, if given, always keeps the right to manage."""
    kept = {**rows, caller: "CAN_MANAGE"} if caller else rows
    return Request("PUT", f"{PERMISSIONS}/{endpoint_id or '{id}'}", _acl(kept))


def delete(name: str) -> Request:
    """Delete an endpoint."""
    return Request("DELETE", f"{ENDPOINTS}/{name}")


def is_operation(method: str, path: str) -> bool:
    """Whether a call counts against the workspace's limit of creations and updates."""
    created = method == "POST" and path in {ENDPOINTS, f"{ENDPOINTS}/pt"}
    return created or (method == "PUT" and path.endswith("/config"))


def invocation_url(host: str, name: str) -> str:
    """Where an endpoint is called."""
    return f"{host}/serving-endpoints/{name}/invocations"


def by_model_units(document: Document) -> bool:
    """Whether the endpoint is sized in model units, which has calls of its own."""
    entities = (document.get("config") or {}).get("served_entities") or {}
    return any("provisioned_model_units" in entity for entity in entities.values())


def is_external(document: Document) -> bool | None:
    """Whether the endpoint serves external models; ``None`` = it serves nothing yet."""
    entities = (document.get("config") or {}).get("served_entities") or {}
    return any("external_model" in entity for entity in entities.values()) if entities else None


Place: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from a body down to a value in it."""


def plaintexts(body: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """The fields of a body that hold a secret in plaintext, also ones newer than this tool.

    Keys of environment variables are names that somebody chose, and no fields.
    """
    if isinstance(body, Mapping):
        for key, value in body.items():
            if key.endswith("_plaintext") and isinstance(value, str):
                yield (*place, key), value
            elif key != "environment_vars":
                yield from plaintexts(value, (*place, key))
    elif isinstance(body, (list, tuple)):
        for index, value in enumerate(body):
            yield from plaintexts(value, (*place, index))


def variables_sent(body: Any) -> Iterator[tuple[Place, tuple[str, str], str]]:
    """Environment variables of models in a body: where, served entity and name, value."""
    block: Mapping[str, Any] = body or {}
    place: Place = ()
    if isinstance(block.get("config"), Mapping):
        block, place = block["config"], ("config",)
    for index, entity in enumerate(block.get("served_entities") or ()):
        for name, value in (entity.get("environment_vars") or {}).items():
            at = (*place, "served_entities", index, "environment_vars", name)
            yield at, (entity["name"], name), value


def _config_body(target: Document, want: Document) -> dict[str, Any]:
    config, declared = target["config"], want.get("config") or {}
    body = without(config, {"served_entities", "traffic_config", "fallback_order"})
    entities: Mapping[str, Any] = config.get("served_entities") or {}
    wanted = declared.get("served_entities") or {}
    if "served_entities" in config:
        body["served_entities"] = [
            {"name": name, **_entity_body(entities[name], wanted.get(name) or {})}
            for name in _in_order(entities, config.get("fallback_order") or ())
        ]
    routes = (config.get("traffic_config") or {}).get("routes") or {}
    if routes and ("traffic_config" in declared or routes.keys() == entities.keys()):
        body["traffic_config"] = {
            "routes": [{"served_entity_name": name, **routes[name]} for name in sorted(routes)]
        }
    return body


def _in_order(entities: Mapping[str, Any], order: Sequence[str]) -> list[str]:
    """Fallback order where there is one; else by name, so that one meaning has one body."""
    known = [name for name in order if name in entities]
    return [*known, *sorted(entities.keys() - set(known))]


def _sendable(block: Mapping[str, Any], wanted: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """A block without what the server filled in and nobody declared."""
    rows = table()
    return {
        key: value
        for key, value in block.items()
        if key in wanted or not rows.get(f"{pattern}.{key}").filled
    }


def _entity_body(entity: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    kept = _sendable(entity, wanted, "config.served_entities[]")
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
    return {**gateway, "rate_limits": [_limit(name, limits[name]) for name in sorted(limits)]}


def _limit(name: str, limit: Mapping[str, Any]) -> dict[str, Any]:
    key, _, who = name.split("#")[0].partition(":")
    return {"key": key, **({"principal": who} if who else {}), **limit}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]


def _acl(rows: Mapping[str, str]) -> dict[str, Any]:
    entries = []
    for key in sorted(rows):
        kind, _, name = key.partition(":")
        entries.append({PRINCIPALS[kind]: name, "permission_level": rows[key]})
    return {"access_control_list": entries}
