"""A few lines that say what an endpoint is: served entities with their share, gateway, rights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.wire.document import OWNER_TAG, PROTECT_TAG


def sketch(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a name and what it is, in the order in which a person asks."""
    return [
        *_entities(document.get("config") or {}),
        *_one("gateway", _gateway(document.get("ai_gateway") or {})),
        *_one("permissions", (f"{who} {what}" for who, what in _rows(document))),
        *_one("notifies", _addresses(document.get("email_notifications") or {})),
        *_one("tags", _tags(document.get("tags") or {})),
        *_one("flags", _flags(document)),
    ]


def _one(name: str, parts: Iterator[str]) -> list[tuple[str, str]]:
    text = ", ".join(parts)
    return [(name, text)] if text else []


def _entities(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    routes = (config.get("traffic_config") or {}).get("routes") or {}
    entities: Mapping[str, Any] = config.get("served_entities") or {}
    for name in config.get("fallback_order") or entities:
        share = (routes.get(name) or {}).get("traffic_percentage")
        traffic = f", {share} % of traffic" if share is not None else ""
        yield name, f"{_model(entities[name])}{traffic}"


def _model(entity: Mapping[str, Any]) -> str:
    if external := entity.get("external_model"):
        return f"{external.get('provider')} {external.get('name')} ({external.get('task')})"
    version = entity.get("entity_version")
    name = f"{entity.get('entity_name')}{f' version {version}' if version else ''}"
    return f"{name}{_size(entity)}"


def _size(entity: Mapping[str, Any]) -> str:
    if (units := entity.get("provisioned_model_units")) is not None:
        return f", {units} model units"
    if (most := entity.get("max_provisioned_throughput")) is not None:
        return f", {entity.get('min_provisioned_throughput', 0)} to {most} tokens/s"
    if size := entity.get("workload_size"):
        return f", {size} {entity.get('workload_type', '')}".rstrip()
    if (most := entity.get("max_provisioned_concurrency")) is not None:
        return f", concurrency {entity.get('min_provisioned_concurrency', 0)} to {most}"
    return ""


def _gateway(gateway: Mapping[str, Any]) -> Iterator[str]:
    if gateway.get("guardrails"):
        yield "guardrails"
    for name, limit in (gateway.get("rate_limits") or {}).items():
        counts = [f"{limit[unit]} {unit}" for unit in ("calls", "tokens") if unit in limit]
        counts = [f"{count} (disabled)" if count.startswith("0 ") else count for count in counts]
        yield f"{' and '.join(counts)} a {limit.get('renewal_period', 'minute')} per {name}"
    for key, words in (
        ("usage_tracking_config", "usage tracking"),
        ("inference_table_config", "inference table"),
        ("fallback_config", "fallback"),
    ):
        if (gateway.get(key) or {}).get("enabled"):
            yield words


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from (document.get("permissions") or {}).items()


def _addresses(notifications: Mapping[str, Any]) -> Iterator[str]:
    everybody = [address for addresses in notifications.values() for address in addresses or ()]
    yield from dict.fromkeys(everybody)


def _tags(tags: Mapping[str, Any]) -> Iterator[str]:
    for key, value in tags.items():
        if key not in {OWNER_TAG, PROTECT_TAG}:
            yield f"{key}={value}" if value else key


def _flags(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("route_optimized"):
        yield "route optimized"
    if PROTECT_TAG in (document.get("tags") or {}):
        yield "protected"
