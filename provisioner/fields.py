"""How each field of an endpoint behaves: the typed reader of ``fields.yaml``.

A *pattern* is a document path with the member of every keyed collection left
out: ``config.served_entities[gpt-4o].workload_size`` has the pattern
``config.served_entities[].workload_size``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

Document = Mapping[str, Any]
"""An endpoint as nested plain data in the REST API's words; its keyed lists are maps."""

_MEMBER = re.compile(r"\[[^\]]*\]")


class Call(str, Enum):
    """The call that changes a field of an endpoint that exists."""

    CREATE = "create"
    """No call changes it: it is read once, when the endpoint is made."""
    TAGS = "tags"
    AI_GATEWAY = "ai_gateway"
    CONFIG = "config"
    NOTIFICATIONS = "notifications"
    TELEMETRY = "telemetry"
    PERMISSIONS = "permissions"


class Immutable(str, Enum):
    """What a change of a fixed field means."""

    REPLACE = "replace"
    """The endpoint has to be made anew."""
    INERT = "inert"
    """Cosmetic: left alone unless the endpoint asks for replacement."""


class Compare(str, Enum):
    """How two values of a field are compared."""

    EXACT = "exact"
    CASEFOLD = "casefold"
    SET = "set"


class Members(str, Enum):
    """Whether undeclared members of a keyed collection stay."""

    EXACT = "exact"
    ADDITIVE = "additive"


@dataclass(frozen=True)
class Field:
    """The behaviour of one leaf; see the head of ``fields.yaml`` for the words."""

    path: str
    call: Call
    immutable: Immutable | None = None
    write_only: bool = False
    filled: bool = False
    default: Any = None
    """What a missing value means to the server; ``None`` = nothing in particular."""
    compare: Compare = Compare.EXACT
    keep: bool = False
    secret: bool = False
    source: str = ""
    why: str = ""

    def same(self, left: Any, right: Any) -> bool:
        """Whether two values mean the same to the server; ``None`` = missing."""
        return bool(self._meaning(left) == self._meaning(right))

    def _meaning(self, value: Any) -> Any:
        # The service treats null, missing, [] and {} alike (protobuf behind JSON).
        if value is None or value in ([], {}):
            value = self.default
        if self.secret and isinstance(value, str):
            return value.replace(" ", "")  # references are echoed with the blanks they came with
        if self.compare is Compare.CASEFOLD and isinstance(value, str):
            return value.casefold()
        if self.compare is Compare.SET and isinstance(value, list):
            return sorted(set(map(str, value))) or None
        # JSON keeps true and 1 apart; Python's == does not.
        return (isinstance(value, bool), value)


@dataclass(frozen=True)
class FieldTable:
    """All rows, looked up by pattern."""

    fields: dict[str, Field]
    collections: dict[str, Members]
    output_only: dict[str, frozenset[str]]
    released_blocks: frozenset[str]
    exclusive: dict[str, str]
    """Blocks to the ending of the keys of which only declared ones stay."""

    def child(self, pattern: str, key: str) -> str:
        """The pattern of ``key`` below ``pattern``; the document itself is ``""``."""
        if pattern in self.collections:
            return f"{pattern}[]"
        return f"{pattern}.{key}" if pattern else key

    def child_path(self, pattern: str, path: str, key: str) -> str:
        """The document path of ``key`` below ``path``, whose pattern is ``pattern``."""
        if pattern in self.collections:
            return f"{path}[{key}]"
        return f"{path}.{key}" if path else key

    def get(self, pattern: str) -> Field:
        """The row of ``pattern``.

        A field newer than the table is changed by its block's call; outside of any
        block it is taken to be read at creation only, and not to be read back.
        """
        return self.fields.get(pattern) or _newer_field(pattern)

    def is_leaf(self, pattern: str) -> bool:
        """Whether the value at ``pattern`` is compared as one."""
        return pattern in self.fields


def pattern_of(path: str) -> str:
    """The pattern of a document path."""
    return _MEMBER.sub("[]", path)


@lru_cache(maxsize=4096)
def _newer_field(pattern: str) -> Field:
    if call := _BLOCKS.get(pattern.split(".", 1)[0]):
        return Field(pattern, call)
    return Field(pattern, Call.CREATE, immutable=Immutable.INERT, write_only=True)


_BLOCKS = {
    "config": Call.CONFIG,
    "ai_gateway": Call.AI_GATEWAY,
    "telemetry_config": Call.TELEMETRY,
    "email_notifications": Call.NOTIFICATIONS,
    "tags": Call.TAGS,
    "permissions": Call.PERMISSIONS,
}


@lru_cache(maxsize=1)
def table() -> FieldTable:
    """The table that ships with the tool."""
    text = resources.files("provisioner").joinpath("fields.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, ours or libyaml's
    fields = {row["path"]: _field(row) for row in data["fields"]}
    if len(fields) != len(data["fields"]):
        raise ValueError("fields.yaml holds a path twice")
    return FieldTable(
        fields=fields,
        collections={row["path"]: Members(row["members"]) for row in data["collections"]},
        output_only={part: frozenset(names) for part, names in data["output_only"].items()},
        released_blocks=frozenset(data["released_blocks"]),
        exclusive=data["exclusive"],
    )


def _field(row: dict[str, Any]) -> Field:
    return Field(
        **{
            **row,
            "call": Call(row["call"]),
            "immutable": Immutable(row["immutable"]) if "immutable" in row else None,
            "compare": Compare(row.get("compare", "exact")),
        }
    )
