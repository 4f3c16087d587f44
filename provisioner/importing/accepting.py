"""From what was changed outside to the edits that make it what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from provisioner.diff import Cause, Effect, Reason
from provisioner.errors import Where
from provisioner.fields import Document, pattern_of, table
from provisioner.plan import Change
from provisioner.redaction import in_the_open
from provisioner.spec import canonical, node_of, reach
from provisioner.wire.document import OWNER_TAG, PROTECT_TAG

_SEGMENT = re.compile(r"\[(.*?)\](?=[.\[]|$)|([^.\[]+)")
_OWN = frozenset({f"tags[{OWNER_TAG}]", f"tags[{PROTECT_TAG}]"})
_REFERENCE = re.compile(r"\{\{\s*secrets/[^/{}\s]+/[^/{}\s]+\s*\}\}")
ORDER = "config.fallback_order"
ORDER_WHY = "it is the order of the served entities, which is yours to change"
_NOWHERE = Where("", 1, 1)


class Act(str, Enum):
    """What is done to the files."""

    SET = "set"
    REMOVE = "remove"
    ADD = "add"


@dataclass(frozen=True)
class Edit:
    """One thing to write, in the words of a document path."""

    act: Act
    path: str
    """What is set or removed; for an addition the place of the new thing."""
    value: Any = None
    """What a person would write there; for a member of a list all of it."""
    covers: tuple[str, ...] = ()
    """The changes that are accepted with it."""

    @property
    def holder(self) -> str:
        """The path of what holds the place."""
        return self.path[: -len(self._last)].removesuffix(".")

    @property
    def key(self) -> str:
        """The name of the place in what holds it."""
        return self._last.removeprefix("[").removesuffix("]")

    @property
    def block(self) -> str:
        """The outermost key: what has to be right together."""
        return self.path.partition(".")[0].partition("[")[0]

    @property
    def _last(self) -> str:
        return [found.group(0) for found in _SEGMENT.finditer(self.path)][-1]


@dataclass(frozen=True)
class Left:
    """A change that a person has to decide on, and why."""

    path: str
    why: str


def edits(
    changes: Iterable[Change],
    want: Document,
    live: Document,
    written: Mapping[str, Any],
    *,
    all_of_it: bool = False,
) -> tuple[list[Edit], list[Left]]:
    """What to write so that ``want`` becomes ``live``, and what cannot be written.

    ``written`` is the endpoint as ``import`` would write it. An order of fallback is no
    field of the files, so it is neither. Changes whose declaration
    moved since the last apply are left, unless ``all_of_it``.
    """
    found: dict[tuple[Act, str], Edit] = {}
    left = []
    for change in changes:
        if change.effect is Effect.NONE or change.path == ORDER:
            continue
        if why := _why_not(change, all_of_it=all_of_it):
            left.append(Left(change.path, why))
            continue
        edit = _edit(change, want, live, written)
        if in_the_open(edit.path, edit.value):
            left.append(Left(change.path, "it seems to be a secret in the open"))
            continue
        known = found.get((edit.act, edit.path), edit)
        covers = dict.fromkeys((*known.covers, change.path))
        found[edit.act, edit.path] = Edit(edit.act, edit.path, edit.value, tuple(covers))
    return list(found.values()), left


def _why_not(change: Change, *, all_of_it: bool) -> str:
    row = table().get(pattern_of(change.path))
    if change.path in _OWN:
        return "it is the tool's own tag, which apply puts back"
    if change.reason is Reason.SECRET_CHANGED or row.write_only:
        return "the service never shows its value"
    if row.secret and change.before and not _REFERENCE.fullmatch(str(change.before)):
        return "it is a secret"
    if change.note.startswith("@"):
        return f"{change.note} decides it"
    if change.cause is Cause.SPEC and not all_of_it:
        return "it is declared otherwise since the last apply"
    return ""


def _edit(change: Change, want: Document, live: Document, written: Mapping[str, Any]) -> Edit:
    path, covers = change.path, (change.path,)
    if change.before is None:
        return Edit(Act.REMOVE, _first_missing(live, path), None, covers)
    if change.after is not None:
        return Edit(Act.SET, path, change.before, covers)
    place = _first_missing(want, path)
    value = _written(written, place, live)
    if _has(want, place):
        return Edit(Act.SET, place, value, covers)
    return Edit(Act.ADD, place, value, covers)


def _first_missing(document: Document, path: str) -> str:
    """The outermost part of a path that a document lacks, or holds as null."""
    value: Any = document
    for found in _SEGMENT.finditer(path):
        key = found.group(1) if found.group(2) is None else found.group(2)
        value = value.get(key) if isinstance(value, Mapping) else None
        if value is None:
            return path[: found.end()]
    return path


def _has(document: Document, path: str) -> bool:
    value: Any = document
    for found in _SEGMENT.finditer(path):
        key = found.group(1) if found.group(2) is None else found.group(2)
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def _written(written: Mapping[str, Any], path: str, live: Document) -> Any:
    """What a person would write at a path, with its name where it is an item of a list."""
    name = path.rpartition("[")[2].removesuffix("]")
    if path.startswith("permissions["):
        kind, _, who = name.partition(":")
        return {kind: who, "level": _value(live, path)}
    reached = reach(canonical(node_of(written, _NOWHERE), []), path)
    if reached is not None:
        return reached.node.plain()
    if path.startswith("config.traffic_config.routes["):
        return {"served_entity_name": name, **_value(live, path)}
    return _value(live, path)


def _value(document: Document, path: str) -> Any:
    value: Any = document
    for found in _SEGMENT.finditer(path):
        value = value[found.group(1) if found.group(2) is None else found.group(2)]
    return value
