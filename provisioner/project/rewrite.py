"""Changing values, entries and items of a YAML file where they stand; the rest stays as it is.

No library writes the file again: what changes is cut out of the text and put into it
by the places that the parser gives, so comments, order, quotes, blanks and line ends
around it are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from provisioner.errors import Where
from provisioner.spec.text import flow_of, lines_of

Cut: TypeAlias = "tuple[int, int, str]"
"""From, to, and what to put there instead."""


class CannotRewrite(Exception):
    """Why a place is not changed."""


@dataclass(frozen=True)
class _Spot:
    """A node, and what holds it."""

    node: yaml.Node
    holder: yaml.Node | None
    index: int


def with_value(raw: bytes, where: Where, value: Any) -> bytes:
    """The file with another value at a place; a list keeps the items that stay."""
    text = _Text(raw)
    return text.cut(text.value(where, value))


def without(raw: bytes, where: Where, *, member: bool) -> bytes:
    """The file without the entry or item at a place; ``member`` = it may be an item of a list.

    An empty list or map stays where the last of several named things went, and nothing
    where a block lost its last key.
    """
    text = _Text(raw)
    return text.cut(text.removal(where, member=member, keep_holder=member))


def with_entry(raw: bytes, where: Where, key: str, value: Any) -> bytes:
    """The file with a further entry in the map at a place, or an item in the list there.

    ``key`` names an entry; in a list it is not used.
    """
    text = _Text(raw)
    return text.cut(text.addition(where, key, value))


def kind_at(raw: bytes, where: Where) -> str:
    """What stands at a place: ``map``, ``list`` or ``scalar``."""
    node = _Text(raw).spot(where).node
    if isinstance(node, yaml.MappingNode):
        return "map"
    return "list" if isinstance(node, yaml.SequenceNode) else "scalar"


class _Text:
    """One file, parsed with the place of everything."""

    def __init__(self, raw: bytes) -> None:
        self._text = raw.decode("utf-8")
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        self._spots: dict[tuple[int, int], list[_Spot]] = {}
        self._keys: dict[tuple[int, int], _Spot] = {}
        try:
            documents = list(yaml.compose_all(self._text, Loader=yaml.SafeLoader))
        except yaml.YAMLError as broken:
            raise CannotRewrite("the file cannot be read") from broken
        seen: set[int] = set()
        for document in documents:
            if document is not None:
                self._note(_Spot(document, None, 0), seen)

    def _note(self, spot: _Spot, seen: set[int]) -> None:
        node = spot.node
        self._spots.setdefault(_at(node), []).append(spot)
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for index, (key, value) in enumerate(node.value):
                self._keys[_at(key)] = _Spot(key, node, index)
                self._note(_Spot(value, node, index), seen)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._note(_Spot(item, node, index), seen)

    def cut(self, cuts: Sequence[Cut]) -> bytes:
        """The text with all cuts made."""
        result = self._text
        for start, end, new in sorted(cuts, reverse=True):
            result = result[:start] + new + result[end:]
        return result.encode()

    def spot(self, where: Where) -> _Spot:
        """The outermost value at a place."""
        found = self._spots.get((where.line - 1, where.column - 1))
        if not found:
            raise CannotRewrite("nothing that could be changed stands there")
        return found[0]

    # ------------------------------------------------------------ values

    def value(self, where: Where, value: Any) -> list[Cut]:
        spots = self._spots.get((where.line - 1, where.column - 1), [])
        wanted = yaml.SequenceNode if isinstance(value, list) else yaml.Node
        spot = next((one for one in spots if isinstance(one.node, wanted)), None)
        node = spot.node if spot else self.spot(where).node
        if isinstance(node, yaml.SequenceNode) and isinstance(value, list):
            return self._items(node, value)
        start, end = node.start_mark.index, self._end(node)
        old = self._text[start:end]
        if "${" in old:
            raise CannotRewrite(f"`{old.strip()}` stands there")
        if old[:1] in {"&", "!"} or _is_block(node):
            raise CannotRewrite("an anchor or a block stands there, not a single value")
        new = flow_of(value)
        if isinstance(value, str) and old[:1] in {'"', "'"} and new in {value, f'"{value}"'}:
            new = f"{old[0]}{value}{old[0]}" if old[0] not in value else new
        return [(start, end, new if end > start else f" {new}")]

    def _items(self, node: yaml.SequenceNode, value: list[Any]) -> list[Cut]:
        """Cuts that take out what is not wanted any more, and put in what is new."""
        if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            raise CannotRewrite("the items of the list are no single values")
        wanted = [str(item) for item in value]
        have = [item.value for item in node.value]
        gone = [index for index, text in enumerate(have) if text not in wanted]
        fresh = [item for item in value if str(item) not in have]
        if any("${" in have[index] for index in gone):
            raise CannotRewrite("an item comes from a variable")
        if not wanted or node.flow_style or len(gone) == len(have):
            return [*self._emptied(node, flow_of(value))]
        cuts = [cut for index in gone for cut in self._item_removal(node, index)]
        return cuts + [cut for item in fresh for cut in self._appended(node, "", item)]

    # ------------------------------------------------------------ taking out

    def removal(self, where: Where, *, member: bool, keep_holder: bool) -> list[Cut]:
        place = (where.line - 1, where.column - 1)
        if member:
            for spot in self._spots.get(place, []):
                if isinstance(spot.holder, yaml.SequenceNode):
                    if len(spot.holder.value) == 1:
                        return list(self._emptied(spot.holder, "[]"))
                    return self._item_removal(spot.holder, spot.index)
        key = self._keys.get(place)
        if key is None or not isinstance(key.holder, yaml.MappingNode):
            raise CannotRewrite("nothing that could be removed stands there")
        if len(key.holder.value) > 1:
            return self._entry_removal(key.holder, key.index)
        if keep_holder:
            return list(self._emptied(key.holder, "{}"))
        return self._holder_removal(key.holder)

    def _holder_removal(self, node: yaml.MappingNode) -> list[Cut]:
        """Without the map that would be empty."""
        for place, spot in self._keys.items():
            holder = spot.holder
            if isinstance(holder, yaml.MappingNode) and holder.value[spot.index][1] is node:
                return self.removal(
                    Where("", *(n + 1 for n in place)), member=False, keep_holder=False
                )
        raise CannotRewrite("nothing would be left there")

    def _entry_removal(self, node: yaml.MappingNode, index: int) -> list[Cut]:
        spans = [(key.start_mark.index, self._end(value)) for key, value in node.value]
        if node.flow_style:
            return [_from_flow(spans, index)]
        start, end = spans[index]
        if end < start:
            raise CannotRewrite("an alias stands there")
        if self._text[self._line_start(start) : start].strip():
            return [self._first_of_item(spans, index)]
        return [(self._line_start(start), self._line_end(end), "")]

    def _first_of_item(self, spans: Sequence[tuple[int, int]], index: int) -> Cut:
        """The first key stands on the line of the dash: the next one moves up."""
        start, end = spans[index]
        following = spans[index + 1][0] if index + 1 < len(spans) else None
        if following is None or "#" in self._text[end:following]:
            raise CannotRewrite("a comment stands between this key and the next")
        return (start, following, "")

    def _item_removal(self, node: yaml.SequenceNode, index: int) -> list[Cut]:
        spans = [(item.start_mark.index, self._end(item)) for item in node.value]
        if node.flow_style:
            return [_from_flow(spans, index)]
        start, end = spans[index]
        if end < start:
            raise CannotRewrite("an alias stands there")
        dash = self._text.rfind("-", 0, start)
        line = self._line_start(dash)
        if self._text[line:dash].strip() or self._text[dash + 1 : start].strip():
            raise CannotRewrite("the item does not stand on lines of its own")
        return [(line, self._line_end(end), "")]

    def _emptied(self, node: yaml.Node, new: str) -> Iterator[Cut]:
        """Another text in the place of a whole list or map."""
        start, end = node.start_mark.index, self._end(node)
        if "${" in self._text[start:end]:
            raise CannotRewrite("variables stand there")
        if not _is_block(node):
            if "#" in self._text[start:end]:
                raise CannotRewrite("a comment may stand there")
            yield (start, end, new)
            return
        holder = self._key_of(node)
        if holder is None or self._text[self._line_start(start) : start].strip():
            raise CannotRewrite("a whole block stands there")
        colon = self._text.index(":", holder.end_mark.index) + 1
        yield (self._line_start(start), self._line_end(end), "")
        yield (colon, colon, f" {new}")

    def _key_of(self, node: yaml.Node) -> yaml.Node | None:
        """The key whose value a node is."""
        for spot in self._spots[_at(node)]:
            if spot.node is node and isinstance(spot.holder, yaml.MappingNode):
                key: yaml.Node = spot.holder.value[spot.index][0]
                return key
        return None

    # ------------------------------------------------------------ putting in

    def addition(self, where: Where, key: str, value: Any) -> list[Cut]:
        spots = self._spots.get((where.line - 1, where.column - 1), [])
        for spot in spots:
            if isinstance(spot.node, yaml.MappingNode | yaml.SequenceNode):
                return self._appended(spot.node, key, value)
        return self.value(where, {key: value} if key else [value])

    def _appended(self, node: yaml.CollectionNode, key: str, value: Any) -> list[Cut]:
        is_map = isinstance(node, yaml.MappingNode)
        last = (node.value[-1][1] if is_map else node.value[-1]) if node.value else None
        if node.flow_style or last is None:
            text = flow_of({key: value})[1:-1] if is_map else flow_of(value)
            at = node.start_mark.index + 1 if last is None else self._end(last)
            return [(at, at, text if last is None else f", {text}")]
        indent = " " * node.start_mark.column
        lines = lines_of({key: value} if is_map else [value], (), {})
        at = self._line_end(self._end(last))
        text = "".join(f"{indent}{line}{self._newline}" for line in lines)
        if at and self._text[at - 1] not in "\r\n":
            text = self._newline + text.removesuffix(self._newline)
        return [(at, at, text)]

    # ------------------------------------------------------------ places

    def _end(self, node: yaml.Node) -> int:
        """Where the last word of a node ends; the parser's marks lie behind comments."""
        start, end = int(node.start_mark.index), int(node.end_mark.index)
        if _is_block(node) and node.value:
            last = node.value[-1]
            end = self._end(last[1] if isinstance(node, yaml.MappingNode) else last)
            if end < start:
                raise CannotRewrite("an alias stands there")
        if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
            return start + len(self._text[start:end].rstrip())
        return end

    def _line_start(self, index: int) -> int:
        return max(self._text.rfind("\n", 0, index), self._text.rfind("\r", 0, index)) + 1

    def _line_end(self, index: int) -> int:
        """The start of the next line."""
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found + 1


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line, node.start_mark.column


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _from_flow(spans: Sequence[tuple[int, int]], index: int) -> Cut:
    """One of several parts out of a flow, with the comma that goes with it."""
    start, end = spans[index]
    if index + 1 < len(spans):
        return (start, spans[index + 1][0], "")
    return (spans[index - 1][1], end, "")
