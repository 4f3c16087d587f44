"""What was written, with the place of every key and value.

A tree keeps its places through overlays and interpolation, so that a problem or
a planned change can be traced to the line that caused it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from provisioner.errors import Where

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and indices, from the outside in."""

Scalar: TypeAlias = "str | int | float | bool | None"

MAX_DEPTH = 64
"""Levels of nesting that a tree may have; no real document comes near."""

NOWHERE = Where("", 0, 0)
"""The place of what nobody wrote."""

_NO_KEYS: Mapping[str, Where] = MappingProxyType({})
_LONG_KEY = 14
_WORDS = re.compile("[a-z]{1,13}(?:_[a-z]{1,13})*")
_SEGMENT = re.compile(r"\[(?P<member>.*?)\](?=[.\[]|$)|(?P<key>[^.\[]+)")


class Node(NamedTuple):
    """One written value: a scalar, a mapping of nodes or a sequence of nodes."""

    value: Scalar | dict[str, Node] | tuple[Node, ...]
    where: Where
    keys: Mapping[str, Where] = _NO_KEYS
    """Places of a mapping's keys."""

    @property
    def entries(self) -> dict[str, Node]:
        """The members of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a sequence; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    def get(self, *path: str) -> Node | None:
        """The value below nested keys, or None when one of them is not written."""
        node: Node | None = self
        for key in path:
            node = node.entries.get(key) if node else None
        return node

    def text(self, *path: str) -> str | None:
        """The text below nested keys, or None when there is no text."""
        node = self.get(*path)
        return node.value if node and isinstance(node.value, str) else None

    def key_place(self, key: str) -> Where:
        """Where a key of this mapping was written."""
        return self.keys.get(key, self.where)

    def plain(self) -> Any:
        """The value alone: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def put(self, key: str, child: Node, place: Where | None = None) -> Node:
        """This mapping with one key set."""
        keys = {**self.keys, key: place or child.where}
        return Node({**self.entries, key: child}, self.where, keys)

    def without(self, *names: str) -> Node:
        """This mapping without some of its keys."""
        kept = {key: child for key, child in self.entries.items() if key not in names}
        return self._replace(value=kept)

    def moved(self, where: Where) -> Node:
        """The same value, as if all of it had been written at one place."""
        if isinstance(self.value, dict):
            children = {key: child.moved(where) for key, child in self.value.items()}
            return Node(children, where, dict.fromkeys(children, where))
        if isinstance(self.value, tuple):
            return Node(tuple(child.moved(where) for child in self.value), where)
        return Node(self.value, where)

    def walk(self) -> Iterator[Node]:
        """This node and everything below it."""
        yield self
        for child in self.value.values() if isinstance(self.value, dict) else self.items:
            yield from child.walk()

    def texts(self) -> list[tuple[str, str, Where]]:
        """Every text below, with the nearest key above it and its place, in no order.

        Keys are texts, too, but for those that are short or plain words.
        """
        found: list[tuple[str, str, Where]] = []
        waiting: list[tuple[str, Node]] = [("", self)]
        for key, node in waiting:
            value = node.value
            if type(value) is str:
                found.append((key, value, node.where))
            elif type(value) is dict:
                waiting.extend(value.items())
                for name in value:
                    if len(name) >= _LONG_KEY and not _WORDS.fullmatch(name):
                        found.append((key, name, node.key_place(name)))
            elif type(value) is tuple:
                waiting.extend([(key, child) for child in value])
        return found


def node_of(data: Any, where: Where) -> Node:
    """A tree for data that was not read from a file."""
    if isinstance(data, Mapping):
        children = {str(key): node_of(value, where) for key, value in data.items()}
        return Node(children, where, dict.fromkeys(children, where))
    if isinstance(data, (list, tuple)):
        return Node(tuple(node_of(value, where) for value in data), where)
    return Node(data, where)


# ------------------------------------------------------------ named members of lists


def _rate_limit(item: Node) -> str | None:
    key, principal = item.text("key"), item.text("principal")
    if key is None:
        return None if item.get("key") else "endpoint"
    return f"{key}:{principal}" if principal else key


def _permission(item: Node) -> str | None:
    kinds = [kind for kind in ("user", "group", "service_principal") if item.text(kind)]
    return f"{kinds[0]}:{item.text(kinds[0])}" if len(kinds) == 1 else None


_IDENTITIES: dict[str, Callable[[Node], str | None]] = {
    "served_entities": lambda item: item.text("name"),
    "checks": lambda item: item.text("name"),
    "routes": lambda item: item.text("served_entity_name"),
    "rate_limits": _rate_limit,
    "rows": _permission,
}


def identity(collection: str, item: Node) -> str | None:
    """What names an item of a list, or None when its items have no names."""
    find = _IDENTITIES.get(collection)
    return find(item) if find and isinstance(item.value, dict) else None


def merge(base: Node, over: Node, collection: str = "") -> Node:
    """Lay one tree over another.

    Mappings merge deeply. Lists of named things merge by name, in the order of
    the base. Everything else, also ``null``, replaces.
    """
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        merged = dict(base.value)
        for key, child in over.value.items():
            below = merged.get(key)
            merged[key] = merge(below, child, key) if below else child
        return Node(merged, over.where, {**base.keys, **over.keys})
    members = _by_name(collection, base.items), _by_name(collection, over.items)
    if members[0] and members[1]:
        named = dict(members[0])
        for name, item in members[1].items():
            named[name] = merge(named[name], item) if name in named else item
        return Node(tuple(named.values()), over.where)
    return over


def _by_name(collection: str, items: Sequence[Node]) -> dict[str, Node]:
    """Items by name; empty unless each has a name of its own."""
    named = {identity(collection, item): item for item in items}
    if len(named) < len(items):
        return {}
    return (
        {name: item for name, item in named.items() if name is not None}
        if None not in named
        else {}
    )


# ------------------------------------------------------------ document paths


def locate(root: Node, path: str) -> Where:
    """The place of a document path, or of the deepest part of it that was written.

    A member of a list is addressed by its name, or by its index when it has none.
    """
    node, collection = root, ""
    for segment in _SEGMENT.finditer(path):
        member = segment["member"]
        below = _member(node, collection, member) if member is not None else None
        below = below or node.entries.get(segment[segment.lastgroup or "key"])
        if below is None:
            break
        node, collection = below, segment["key"] or ""
    return node.where


class Reached(NamedTuple):
    """The end of a document path in one tree."""

    node: Node
    place: Where
    """Where its key was written, or the item that it is."""
    is_member: bool
    """Whether it is one of several named things, written as an entry or as an item."""


def reach(root: Node, path: str) -> Reached | None:
    """What was written at a document path in a canonical tree; ``None`` = nothing was."""
    node, collection = root, ""
    place, is_member = root.where, False
    for segment in _SEGMENT.finditer(path):
        member, key = segment["member"], segment["key"]
        name = key if member is None else member
        held = node if name in node.entries else node.get("api_extra")
        if held is not None and name in held.entries:
            node, place = held.entries[name], held.key_place(name)
        elif member is not None and (below := _member(node, collection, member)):
            node, place = below, below.where
        else:
            return None
        collection, is_member = key or "", member is not None
    if is_member and path.startswith("permissions["):
        level = node.get("level")
        return Reached(level, place, is_member) if level else None
    return Reached(node, place, is_member)


def _member(node: Node, collection: str, name: str) -> Node | None:
    if collection == "permissions" and (rows := node.get("rows")):
        node, collection = rows, "rows"
    names = [identity(collection, item) for item in node.items]
    for item, own in zip(node.items, names, strict=True):
        if name in (own, item.value):
            return item
    # Users and service principals are known in any case, and keyed in lower case.
    for item, own in zip(node.items, names, strict=True) if collection == "rows" else ():
        if own is not None and own.lower() == name.lower():
            return item
    index = int(name) if name.isdecimal() else len(node.items)
    return node.items[index] if index < len(node.items) else None


def document_path(root: Node, steps: Path) -> tuple[str, Node]:
    """Word a path of keys and indices as a document path; with the deepest node on it."""
    node: Node = root
    words, collection = "", ""
    for step in steps:
        if isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            words += f"[{identity(collection, node) or step}]"
            continue
        if step == "rows" and words == "permissions":
            node, collection = node.entries["rows"], "rows"
            continue
        collection = str(step)
        keyed = words.endswith(("tags", "environment_vars", "secrets"))
        words += f"[{step}]" if keyed else f".{step}" if words else str(step)
        node = node.entries.get(collection, node)
    return words, node
