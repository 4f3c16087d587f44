"""What must change: a three-way comparison of endpoint documents.

``base`` is what was applied last, ``want`` what is declared, ``live`` what the
workspace holds. The comparison first merges the three into ``target``, the
document that the workspace should hold afterwards, and then lists the leaves in
which ``live`` and ``target`` differ. All knowledge of particular fields is in
the field table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from provisioner.fields import (
    Call,
    Document,
    Field,
    FieldTable,
    Immutable,
    Members,
    pattern_of,
    table,
)


class Cause(str, Enum):
    """Which side moved since the last apply."""

    SPEC = "spec"
    DRIFT = "drift"
    UNKNOWN = "unknown"
    """There is no memory of the last apply."""


class Effect(str, Enum):
    """What a plan does about a difference."""

    SET = "set"
    REMOVE = "remove"
    REPLACE = "replace"
    """The value is fixed at creation; only a new endpoint can have it."""
    NONE = "none"


class Reason(str, Enum):
    """Why a difference has its effect; the whole list."""

    DECLARED = "declared"
    CLEARED = "cleared"
    REMOVED_FROM_SPEC = "removed_from_spec"
    NOT_DECLARED = "not_declared"
    """A member of a list that is declared as a whole."""
    NO_LONGER_MANAGED = "no_longer_managed"
    IGNORED = "ignored"
    SERVER_DECIDES = "server_decides"
    FIXED_AT_CREATION = "fixed_at_creation"
    FOLLOWS_ENTITIES = "follows_entities"
    """Traffic that nobody declares goes where the served entities are."""
    SECRET_CHANGED = "secret_changed"  # noqa: S105 - a reason, not a secret
    """The reference stays, the value behind it is newer than the configuration."""


@dataclass(frozen=True)
class Difference:
    """One leaf in which the workspace differs from what is declared."""

    path: str
    keys: tuple[str, ...]
    """The path, key by key; empty for what is left alone."""
    field: Field
    before: Any
    """Live value; ``None`` = missing."""
    after: Any
    """Value after apply; ``None`` = missing."""
    effect: Effect
    cause: Cause
    reason: Reason


@dataclass(frozen=True)
class Comparison:
    """The outcome of :func:`compare`."""

    target: Document
    """What the workspace should hold; unmanaged live values included."""
    differences: tuple[Difference, ...]
    known: Document = field(default_factory=dict)
    """What the workspace holds, with the values that it never shows as they were last sent."""


@dataclass(frozen=True)
class Scope:
    """How far the declaration of one endpoint reaches."""

    exact_permissions: bool = False
    """Undeclared permission rows are removed."""
    replace_inert: bool = False
    """A cosmetic field that is fixed at creation is worth a new endpoint."""
    ignore: Mapping[str, Reason] = field(default_factory=dict)
    """Document paths or patterns to leave alone, and why; covers what is below them."""

    def ignored(self, path: str) -> Reason | None:
        """Why a path is left alone; ``None`` = it is not."""
        pattern = pattern_of(path)
        for entry, reason in self.ignore.items():
            if _covers(entry, path) or _covers(entry, pattern):
                return reason
        return None


@dataclass(frozen=True)
class Leaf:
    """One value of a document that is compared as a whole."""

    path: str
    keys: tuple[str, ...]
    field: Field
    value: Any


def compare(
    want: Document, live: Document, base: Document | None, scope: Scope | None = None
) -> Comparison:
    """Merge the three documents and list what differs; equal documents cost one comparison."""
    scope = scope or Scope()
    known = _with_write_only(want, live, base)
    merger = _Merger(scope)
    target: Document = merger.block("", "", want, known, base or {})
    found = merger.left_alone
    divided = len(_routes(known)) > 1 or _get(base or {}, _TRAFFIC)[1]
    if divided and (followed := _with_traffic_to_all(target)) is not target:
        target, found = followed, [one for one in found if one.path != ".".join(_TRAFFIC)]
    if target != known:
        found = [*found, *_differences(known, target, _Judge(want, base, scope))]
    return Comparison(target, tuple(sorted(found, key=lambda found: found.path)), known)


def leaves(document: Document, keys: tuple[str, ...] = ()) -> dict[str, Leaf]:
    """The leaves of a document by path: all, or those at and below ``keys``."""
    rows = table()
    pattern, path, value = "", "", document
    for index, key in enumerate(keys):
        if not isinstance(value, dict) or rows.is_leaf(pattern):
            return {path: Leaf(path, keys[:index], rows.get(pattern), value)}
        if key not in value:
            return {}
        path, pattern = rows.child_path(pattern, path, key), rows.child(pattern, key)
        value = value[key]
    return {leaf.path: leaf for leaf in _below(rows, pattern, path, keys, value)}


def without_unseen(document: Document) -> Document:
    """A document without the values that the service never shows."""
    rows = table()

    def seen(pattern: str, block: Document) -> Document:
        return {
            key: seen(rows.child(pattern, key), value) if isinstance(value, dict) else value
            for key, value in block.items()
            if not rows.get(rows.child(pattern, key)).write_only
        }

    return seen("", document)


def in_force(document: Document, wanted: Mapping[str, Any]) -> bool:
    """Whether a live document holds values, by path; what is never read back counts as held."""
    found = leaves(document)
    for path, value in wanted.items():
        row = table().get(pattern_of(path))
        leaf = found.get(path)
        if not row.write_only and not row.same(leaf and leaf.value, value):
            return False
    return True


def _below(
    rows: FieldTable, pattern: str, path: str, keys: tuple[str, ...], value: Any
) -> Iterator[Leaf]:
    if isinstance(value, dict) and not rows.is_leaf(pattern):
        for key, nested in value.items():
            child, child_path = rows.child(pattern, key), rows.child_path(pattern, path, key)
            yield from _below(rows, child, child_path, (*keys, key), nested)
    else:
        yield Leaf(path, keys, rows.get(pattern), value)


def _with_write_only(want: Document, live: Document, base: Document | None) -> Document:
    """``live`` with the values that it never shows, as they were last sent.

    Without a memory the declared value is taken to be in force: there is no way
    to see otherwise, and sending it again would redeploy the endpoint.
    """
    rows = table()

    def fill(pattern: str, live: Document, sent: Document) -> Document:
        result = dict(live)
        if sent == live:
            return result
        for key, value in sent.items():
            child = rows.child(pattern, key)
            if rows.get(child).write_only and not (isinstance(value, dict) and key in live):
                result[key] = value
            elif key not in live and not isinstance(value, dict) and not rows.is_leaf(child):
                result[key] = value  # a field newer than the table, which may never be echoed
            elif not isinstance(value, dict) or rows.is_leaf(child):
                continue
            elif key in live or pattern not in rows.collections:
                below = fill(child, live.get(key) or {}, value)
                if below or key in live:
                    result[key] = below
        return result

    return fill("", live, want if base is None else base)


_TRAFFIC = ("config", "traffic_config")


def _routes(document: Document) -> dict[str, Any]:
    return ((document.get("config") or {}).get("traffic_config") or {}).get("routes") or {}


def _with_traffic_to_all(target: Document) -> Document:
    """Without routes that lead to nothing, which no call can name; one served entity gets all."""
    config, routes = target.get("config") or {}, _routes(target)
    entities = config.get("served_entities") or {}
    if not entities or routes.keys() <= entities.keys():
        return target
    kept = {name: route for name, route in routes.items() if name in entities}
    if len(entities) == 1:
        kept = {name: {**routes.get(name, {}), "traffic_percentage": 100} for name in entities}
    traffic = {**config["traffic_config"], "routes": kept}
    return {**target, "config": {**config, "traffic_config": traffic}}


class _Merger:
    """Builds the target document; collects what is deliberately left alone."""

    def __init__(self, scope: Scope) -> None:
        self._rows = table()
        self._scope = scope
        self.left_alone: list[Difference] = []

    def block(
        self, pattern: str, path: str, want: Document, live: Document, base: Document
    ) -> dict[str, Any]:
        """The target of one nested block."""
        result = dict(live)
        if want == live and (not base or base == want):
            return result  # most blocks of most endpoints
        for key in live.keys() - want.keys():
            if self._is_exact(pattern, key):
                self._drop(result, pattern, path, key)
        for key in base.keys() - want.keys():
            self._forget(result, pattern, path, key, base[key])
        for key, value in want.items():
            child, child_path = self._below(pattern, path, key)
            if value is None:
                self._drop(result, pattern, path, key)
            elif isinstance(value, dict) and not self._rows.is_leaf(child):
                result[key] = self.block(
                    child, child_path, value, live.get(key) or {}, base.get(key) or {}
                )
            elif key not in result or not self._rows.get(child).same(result[key], value):
                self._set(result, pattern, path, key, value)
        return result

    def _forget(self, result: dict[str, Any], pattern: str, path: str, key: str, base: Any) -> None:
        """Handle a key that was managed and is no longer declared."""
        child, child_path = self._below(pattern, path, key)
        row = self._rows.get(child)
        if key not in result or row.keep:
            return
        fixed = row.call is Call.CREATE and self._rows.is_leaf(child)
        if fixed or child in self._rows.released_blocks:
            self._leave(child_path, row, result[key], Reason.NO_LONGER_MANAGED)
        elif isinstance(base, dict) and not self._rows.is_leaf(child):
            rest = self.block(child, child_path, {}, result[key] or {}, base)
            result[key] = rest
            # What the service filled in around our values goes with them.
            if all(self._rows.get(self._rows.child(child, name)).filled for name in rest):
                del result[key]
        else:
            self._drop(result, pattern, path, key)

    def _set(self, result: dict[str, Any], pattern: str, path: str, key: str, value: Any) -> None:
        child, child_path = self._below(pattern, path, key)
        if reason := self._scope.ignored(child_path):
            self._leave(child_path, self._rows.get(child), result.get(key), reason)
        else:
            result[key] = value

    def _drop(self, result: dict[str, Any], pattern: str, path: str, key: str) -> None:
        child, child_path = self._below(pattern, path, key)
        row = self._rows.get(child)
        if key not in result or row.same(result[key], None):
            return
        if reason := self._scope.ignored(child_path):
            self._leave(child_path, row, result[key], reason)
        else:
            del result[key]

    def _below(self, pattern: str, path: str, key: str) -> tuple[str, str]:
        return self._rows.child(pattern, key), self._rows.child_path(pattern, path, key)

    def _is_exact(self, pattern: str, key: str) -> bool:
        """Whether an undeclared member of a block does not stay."""
        if pattern == "permissions":
            return self._scope.exact_permissions
        if ending := self._rows.exclusive.get(pattern):
            return key.endswith(ending)
        return self._rows.collections.get(pattern) is Members.EXACT

    def _leave(self, path: str, row: Field, value: Any, reason: Reason) -> None:
        self.left_alone.append(
            Difference(path, (), row, value, value, Effect.NONE, Cause.UNKNOWN, reason)
        )


def _covers(entry: str, path: str) -> bool:
    return path == entry or path.startswith((f"{entry}.", f"{entry}["))


def _differences(before: Document, after: Document, judge: _Judge) -> Iterator[Difference]:
    from deepdiff import DeepDiff  # a quarter of a second to import, so only on a difference

    delta = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    places = {tuple(at.path(output_format="list")) for group in delta.values() for at in group}
    seen: set[str] = set()
    for keys in sorted(places, key=repr):
        old, new = leaves(before, keys), leaves(after, keys)
        for path in sorted(old.keys() | new.keys() - seen):
            was, now = old.get(path), new.get(path)
            leaf = now or was
            if leaf and not leaf.field.same(was and was.value, now and now.value):
                yield judge.difference(leaf, was and was.value, now and now.value)
        seen |= old.keys() | new.keys()


@dataclass(frozen=True)
class _Judge:
    """Gives a changed leaf its effect, cause and reason."""

    want: Document
    base: Document | None
    scope: Scope

    def difference(self, leaf: Leaf, was: Any, now: Any) -> Difference:
        effect, reason = self._effect(leaf.field, was, now), self._reason(leaf.keys)
        if leaf.field.call is Call.CREATE or effect is Effect.REPLACE:
            reason = Reason.FIXED_AT_CREATION
        cause = self._cause(leaf)
        if leaf.keys[:2] == _TRAFFIC and not _get(self.want, _TRAFFIC)[1]:
            reason, cause = Reason.FOLLOWS_ENTITIES, Cause.SPEC
        return Difference(leaf.path, leaf.keys, leaf.field, was, now, effect, cause, reason)

    def _effect(self, row: Field, was: Any, now: Any) -> Effect:
        if row.immutable is Immutable.INERT:
            return Effect.REPLACE if self.scope.replace_inert else Effect.NONE
        if row.immutable and (row.call is Call.CREATE or None not in (was, now)):
            return Effect.REPLACE
        return Effect.REMOVE if now is None else Effect.SET

    def _reason(self, keys: tuple[str, ...]) -> Reason:
        value, declared = _get(self.want, keys)
        if declared:
            return Reason.CLEARED if value is None else Reason.DECLARED
        return Reason.REMOVED_FROM_SPEC if self._left_the_spec(keys) else Reason.NOT_DECLARED

    def _left_the_spec(self, keys: tuple[str, ...]) -> bool:
        """Whether the outermost undeclared part of a place was declared at the last apply."""
        parts = (keys[:end] for end in range(1, len(keys) + 1))
        gone = next(part for part in parts if not _get(self.want, part)[1])
        return self.base is not None and _get(self.base, gone)[1]

    def _cause(self, leaf: Leaf) -> Cause:
        if self.base is None:
            return Cause.UNKNOWN
        wanted, declared = _get(self.want, leaf.keys)
        if not declared:
            return Cause.SPEC if self._left_the_spec(leaf.keys) else Cause.DRIFT
        last, remembered = _get(self.base, leaf.keys)
        return Cause.DRIFT if remembered and leaf.field.same(last, wanted) else Cause.SPEC


def _get(document: Document, keys: tuple[str, ...]) -> tuple[Any, bool]:
    """The value at ``keys``, and whether it is there; below an explicit null it is."""
    value: Any = document
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return None, value is None
        value = value[key]
    return value, True
