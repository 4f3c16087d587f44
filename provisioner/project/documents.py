"""YAML with places: one file's bytes become trees, or problems.

Scalars follow the core schema of YAML 1.2 for what can be read back unchanged:
``no``, ``0o17``, ``007``, ``12:30:45``, ``1_000`` and dates are text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from provisioner.errors import Problem, Where, error
from provisioner.spec import MAX_DEPTH, Node

MAX_NODES = 50_000
"""Values that one file may have once its aliases are followed."""

_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)")
_CORE = "tag:yaml.org,2002:"


def read_documents(raw: bytes, file: str) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """Every document of a file that is not empty, and what is wrong with the file.

    A file that is not YAML has no documents and one problem, at the place where
    reading stopped.
    """
    reader = _Reader(file)
    try:
        raw.decode("utf-8")
        reader.read(raw)
    except UnicodeDecodeError as broken:
        where = _place(raw, broken.start, file)
        summary = f"is not UTF-8: byte {broken.start} cannot be read"
        return (), (error("not-utf8", summary, "save the file as UTF-8", where),)
    except _Unreadable as stop:
        return (), (*reader.problems, stop.problem)
    except YAMLError as broken:
        return (), (*reader.problems, _syntax(broken, raw, file))
    return tuple(reader.documents), tuple(reader.problems)


class _Unreadable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.summary)
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A mapping or a sequence whose end was not seen yet."""

    where: Where
    anchor: str | None
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Where] = field(default_factory=dict)
    key: Any = None
    key_place: Where | None = None
    """Set while a key waits for its value."""
    inherited: list[Node] = field(default_factory=list)
    """Values of merge keys."""
    size: int = 1
    depth: int = 1

    @property
    def wants_key(self) -> bool:
        return self.is_mapping and self.key_place is None


class _Reader:
    def __init__(self, file: str) -> None:
        self.documents: list[Node] = []
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._ended: set[str] = set()
        """Anchors of earlier documents of the file."""
        self._has_aliases = False

    def read(self, raw: bytes) -> None:
        handlers = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._start,
            SequenceStartEvent: self._start,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }
        next_event: Callable[[], Any] = CParser(raw).get_event
        while event := next_event():
            kind = type(event)
            if kind is MappingEndEvent or kind is SequenceEndEvent:
                self._end()
            elif handle := handlers.get(kind):
                mark = event.start_mark
                handle(event, Where(self._file, mark.line + 1, mark.column + 1))

    def _document(self, _event: Any, _where: Where) -> None:
        self._ended |= self._anchors.keys()
        self._anchors.clear()

    def _scalar(self, event: Any, where: Where) -> None:
        text, is_plain = event.value, event.implicit[0]
        if event.tag is not None:
            self._check_tag(event.tag, "str", where)
            is_plain = False
        opened = self._open[-1] if self._open else None
        if opened and opened.is_mapping and opened.key_place is None:
            is_merge = is_plain and text == "<<"
            self._key(opened, _MERGE if is_merge else _resolve(text) if is_plain else text, where)
        else:
            node = Node(_resolve(text) if is_plain else text, where)
            self._add(node, event.anchor, size=1, depth=0)

    def _start(self, event: Any, where: Where) -> None:
        is_mapping = type(event) is MappingStartEvent
        self._check_tag(event.tag, "map" if is_mapping else "seq", where)
        if self._open and self._open[-1].wants_key:
            raise _Unreadable(error("bad-key", "a key must be text", where=where))
        if len(self._open) >= MAX_DEPTH:
            raise _Unreadable(_too_deep(where))
        self._open.append(_Open(where, event.anchor, is_mapping))

    def _end(self) -> None:
        closed = self._open.pop()
        node = _mapping(closed) if closed.is_mapping else Node(tuple(closed.items), closed.where)
        self._add(node, closed.anchor, closed.size, closed.depth)

    def _alias(self, event: Any, where: Where) -> None:
        if event.anchor not in self._anchors:
            summary = f"there is no complete anchor `&{event.anchor}` above"
            ended = "an anchor ends with its document: write it again after the `---`"
            hint = ended if event.anchor in self._ended else ""
            raise _Unreadable(error("unknown-anchor", summary, hint, where))
        self._has_aliases = True
        node, size, depth = self._anchors[event.anchor]
        if len(self._open) + depth > MAX_DEPTH:
            raise _Unreadable(_too_deep(where))
        if self._open[-1].wants_key:
            self._key(self._open[-1], node.value, where)
        else:
            self._add(node, None, size, depth)

    def _key(self, opened: _Open, key: Any, where: Where) -> None:
        opened.key, opened.key_place = key, where
        if not isinstance(key, str):
            hint = "put the key in quotes"
            self.problems.append(error("bad-key", "a key must be text", hint, where))

    def _add(self, node: Node, anchor: str | None, size: int, depth: int) -> None:
        """Hand a finished value to what is open, or take it as a document."""
        if anchor:
            self._anchors[anchor] = (node, size, depth)
        if not self._open:
            if node.value is not None:
                self.documents.append(node)
            return
        opened = self._open[-1]
        opened.size += size
        if depth >= opened.depth:
            opened.depth = depth + 1
        if opened.size > MAX_NODES:
            what = "aliases make this" if self._has_aliases else "this is"
            summary = f"{what} larger than {MAX_NODES} values"
            raise _Unreadable(error("too-large", summary, where=opened.where))
        if opened.key_place:
            self._entry(opened, opened.key_place, node)
        else:
            opened.items.append(node)

    def _entry(self, opened: _Open, place: Where, node: Node) -> None:
        key, opened.key_place = opened.key, None
        if not isinstance(key, str):
            return
        if key is _MERGE:
            opened.inherited += self._merge_sources(node, place)
        elif key in opened.entries:
            hint = f"the first is at line {opened.keys[key].line}"
            self.problems.append(error("duplicate-key", f"`{key}` is written twice", hint, place))
        else:
            opened.entries[key] = node
            opened.keys[key] = place

    def _merge_sources(self, node: Node, where: Where) -> tuple[Node, ...]:
        sources = node.items or (node,)
        if all(isinstance(source.value, dict) for source in sources):
            return sources
        self.problems.append(
            error("bad-merge-key", "`<<` needs a map or a list of maps", where=where)
        )
        return ()

    def _check_tag(self, tag: str | None, allowed: str, where: Where) -> None:
        if tag not in (None, "!", _CORE + allowed):
            summary = f"the tag `{tag}` has no meaning here"
            self.problems.append(error("custom-tag", summary, "remove it", where))


def _mapping(closed: _Open) -> Node:
    """A finished mapping; what it says itself comes before what it inherits."""
    entries, keys = closed.entries, closed.keys
    for source in closed.inherited:
        for name, child in source.entries.items():
            if name not in entries:
                entries[name] = child
                keys[name] = source.key_place(name)
    return Node(entries, closed.where, keys)


class _MergeKey(str):
    __slots__ = ()


_MERGE = _MergeKey("<<")


def _resolve(text: str) -> Any:
    """The value of a plain scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "-+.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and text.lstrip("-+0123456789"):
            return float(text)
    return text


def _too_deep(where: Where) -> Problem:
    summary = f"more than {MAX_DEPTH} levels are nested here"
    hint = "no field is as deep as that: look for a bracket that is not closed"
    return error("too-deep", summary, hint, where)


def _place(raw: bytes, offset: int, file: str) -> Where:
    start = raw.rfind(b"\n", 0, offset) + 1
    column = len(raw[start:offset].decode("utf-8", "replace")) + 1
    return Where(file, raw.count(b"\n", 0, offset) + 1, column)


def _syntax(broken: YAMLError, raw: bytes, file: str) -> Problem:
    if isinstance(broken, ReaderError):
        where = _place(raw, broken.position, file)
        return error("invalid-yaml", f"cannot read the file: {broken.reason}", where=where)
    if not isinstance(broken, MarkedYAMLError) or broken.problem_mark is None:
        return error("invalid-yaml", "cannot read the file", where=Where(file, 1, 1))
    mark = broken.problem_mark
    where = Where(file, mark.line + 1, mark.column + 1)
    lines = raw.decode("utf-8-sig").split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return error("tab-indentation", "a tab cannot indent YAML", "use spaces", where)
    doing = f" {broken.context}" if broken.context else ""
    return error("invalid-yaml", f"cannot read the file{doing}: {broken.problem}", where=where)
