"""From the workspace's answers to endpoint documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.fields import Document
from provisioner.wire.document import (
    BLOCKS,
    OWNER_TAG,
    PLAIN,
    PRINCIPALS,
    PROTECT_TAG,
    config_document,
    enabled,
    gateway_document,
    principal,
    without,
)


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
    failures: tuple[tuple[str, str], ...] = ()
    """Served entities whose deployment failed, each with what the service says about it."""
    implicit_rows: Mapping[str, str] = field(default_factory=dict)
    """Undeclared rights that the service gave the creator and the caller."""
    configured_at: int = 0
    """Epoch milliseconds at which the serving configuration was accepted; 0 = not known."""
    updated_at: int = 0
    """Epoch milliseconds of the last change of the endpoint; 0 = not known."""
    creator: str = ""
    stopped: bool = False

    @property
    def updating(self) -> bool:
        """Whether an update is in flight."""
        return self.update == "IN_PROGRESS"

    def fingerprint(self) -> str:
        """Digest of meaning: changes when id or document do, not with time or state."""
        return digest({"id": self.id, "document": self.document})


FAILED = frozenset({"UPDATE_FAILED", "UPDATE_CANCELED"})
"""States of an update that came to nothing; the earlier configuration serves."""
ABSENT = "absent"
"""Fingerprint of an endpoint that does not exist."""


def digest(value: Any) -> str:
    """A short stable digest of plain data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def live_endpoint(
    answer: Mapping[str, Any],
    permissions: Mapping[str, Any] | None = None,
    caller: str = "",
    declared: Collection[str] = (),
) -> Live:
    """Read a GET answer, and the answer of its permissions where those are managed.

    The service gives the creator and the caller rows of their own; these count only
    when they are among the ``declared`` principals. ``caller`` is a principal too.
    """
    state = answer.get("state") or {}
    tags = {item["key"]: item.get("value") or "" for item in answer.get("tags") or []}
    document, implicit_rows = _live_document(answer, tags), {}
    if permissions is not None:
        creator = str(answer.get("creator") or "").lower()
        implicit = {caller, f"user:{creator}", f"service_principal:{creator}"} - set(declared)
        rows = _direct_rows(permissions)
        implicit_rows = {who: level for who, level in rows.items() if who in implicit}
        document["permissions"] = without(rows, implicit)
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
        failures=_failures(pending or config),
        creator=str(answer.get("creator") or ""),
        implicit_rows=implicit_rows,
        configured_at=_configured_at(config),
        updated_at=int(answer.get("last_updated_timestamp") or 0),
        stopped=(state.get("suspend") or "NOT_SUSPENDED") != "NOT_SUSPENDED",
    )


def is_hosted(answer: Mapping[str, Any]) -> bool:
    """Whether Databricks provides the endpoint: told by its entity, not by its name."""
    entities = (answer.get("config") or {}).get("served_entities") or [{}]
    agent_brick = bool(answer.get("tile_endpoint_metadata"))
    return "foundation_model" in entities[0] or agent_brick


def _live_document(answer: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        key: _shown(answer[key]) for key in (*PLAIN, *BLOCKS) if answer.get(key) is not None
    }
    document["tags"] = dict(tags)
    if gateway := document.get("ai_gateway"):
        document["ai_gateway"] = gateway_document(gateway)
    # While an update runs, what was accepted last is in pending_config only.
    updating = (answer.get("state") or {}).get("config_update") == "IN_PROGRESS"
    config = (updating and answer.get("pending_config")) or answer.get("config")
    if config:
        in_order = enabled(document.get("ai_gateway"), "fallback_config")
        document["config"] = config_document(_shown(config), in_order=in_order)
    return document


def _shown(value: Any) -> Any:
    """A value without secrets in plaintext: none should be shown, and none is to be kept.

    So what stands in such a field of a document was declared, never found.
    """
    if isinstance(value, dict):
        return {
            key: item if key == "environment_vars" else _shown(item)
            for key, item in value.items()
            if not key.endswith("_plaintext")
        }
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _direct_rows(permissions: Mapping[str, Any]) -> dict[str, str]:
    rows = {}
    for row in permissions.get("access_control_list") or []:
        kind = next((kind for kind, key in PRINCIPALS.items() if row.get(key)), None)
        levels = [
            item["permission_level"]
            for item in row.get("all_permissions") or []
            if not item.get("inherited")
        ]
        if kind and levels and (kind, row[PRINCIPALS[kind]]) != ("group", "admins"):
            rows[principal(kind, row[PRINCIPALS[kind]])] = levels[0]
    return rows


def _configured_at(config: Mapping[str, Any]) -> int:
    # Each roll-out gives its served entities a time of creation.
    times = (entity.get("creation_timestamp") for entity in config.get("served_entities") or [])
    return max((int(moment) for moment in times if moment), default=0)


def _failures(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = []
    for entity in config.get("served_entities") or []:
        state = entity.get("state") or {}
        message = state.get("deployment_state_message")
        if state.get("deployment") in {"DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"}:
            found.append((str(entity.get("name")), str(message or state["deployment"])))
    return tuple(found)
