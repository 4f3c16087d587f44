"""From plain data to frozen values, led by the annotations of their classes.

What does not fit is collected, each with the path of its key, so that a team's own file gets
all its mistakes told at once. The shipped files are read the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from pkgutil import get_data
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

Confidence = Literal["high", "medium", "low"]
Task = Literal["chat", "completions", "embeddings"]
"""What a model does, as the catalog spells it."""
Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and indices, from the outside in."""

T = TypeVar("T")

_DATES = {
    "as_of",
    "checked",
    "redirected_until",
    "regions_as_of",
    "replaces_since",
    "retired_by",
    "retired_on",
    "throughput_retired_on",
}
_PATTERNS = {"later", "pattern"}
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class Provenance:
    """Where a fact comes from and how far to trust it."""

    source: tuple[str, ...]
    """Titles of the documents or threads the fact was read in."""
    checked: str
    """ISO date of the last check."""
    confidence: Confidence


@dataclass(frozen=True)
class Wrong:
    """One thing in a file of facts that does not fit."""

    path: Path
    text: str

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{''.join(steps).lstrip('.')}: {self.text}"


class FactsInvalid(ValueError):
    """A file of facts cannot be used; carries all that is wrong with it."""

    def __init__(self, file: str, wrong: tuple[Wrong, ...]) -> None:
        super().__init__("; ".join(f"{file}: {one}" for one in wrong))
        self.file = file
        self.wrong = wrong


@cache
def shipped(file_name: str) -> Any:
    """The plain data of a file that ships beside this one."""
    import yaml  # kept out of the import of this package: most commands need no facts

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = get_data(__package__, file_name) or b""
    return yaml.load(raw, Loader=loader)  # noqa: S506 - a safe loader, the C one if built


@dataclass
class Builder:
    """Makes values of dataclasses; what was wrong on the way is in ``wrong``."""

    wrong: list[Wrong] = field(default_factory=list)
    patterns: bool = False
    """Whether regular expressions are tried; those that ship are, by a test."""

    def build(self, kind: type[T], data: Any, path: Path) -> T | None:
        """A value of ``kind``, or None when something is wrong with ``data``."""
        if not isinstance(data, Mapping):
            self._refuse(path, "must be a map")
            return None
        before = len(self.wrong)
        annotated: Any = kind
        expected = _fields(annotated)
        own = {name for name in expected if name != "provenance"}
        known = own | ({"source", "checked", "confidence"} if "provenance" in expected else set())
        for key in data:
            if key not in known:
                self._refuse((*path, key), "is not a known key")
        given: dict[str, Any] = {}
        for name, (hint, one) in expected.items():
            if name == "provenance":
                parts = {key: data[key] for key in _fields(Provenance) if key in data}
                given[name] = self.build(Provenance, parts, path)
            elif name in data:
                given[name] = self._value(hint, data[name], (*path, name))
            elif one.default is MISSING and one.default_factory is MISSING:
                self._refuse((*path, name), "is missing")
        return kind(**given) if len(self.wrong) == before else None

    def _value(self, hint: Any, value: Any, path: Path) -> Any:
        origin, inner = get_origin(hint), get_args(hint)
        if hint is Any:
            return frozen(value)
        if origin in (Union, UnionType):
            if value is None and NoneType in inner:
                return None
            kinds = [one for one in inner if one is not NoneType]
            return self._one_of(kinds, value, path)
        if origin is Literal:
            words = ", ".join(map(str, inner))
            return value if value in inner else self._refuse(path, f"must be one of {words}")
        if origin is tuple:
            if not isinstance(value, list | tuple):
                return self._refuse(path, "must be a list")
            items = enumerate(value)
            return tuple(self._value(inner[0], item, (*path, at)) for at, item in items)
        if origin is not None:
            return self._map(inner, value, path)
        if is_dataclass(hint) and isinstance(hint, type):
            return self.build(hint, value, path)
        return self._scalar(hint, value, path)

    def _map(self, hints: tuple[Any, ...], value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._refuse(path, "must be a map")
        words = get_args(hints[0]) if get_origin(hints[0]) is Literal else tuple(value)
        for key in value:
            if key not in words:
                self._refuse((*path, key), f"must be one of {', '.join(words)}")
        made = {key: self._value(hints[1], item, (*path, key)) for key, item in value.items()}
        return MappingProxyType(made)

    def _one_of(self, kinds: list[Any], value: Any, path: Path) -> Any:
        for kind in kinds:
            attempt = Builder(patterns=self.patterns)
            made = attempt._value(kind, value, path)
            if not attempt.wrong:
                return made
        return self._value(kinds[0], value, path)

    def _scalar(self, hint: Any, value: Any, path: Path) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number if hint is float else type(value) is hint
        if not fits:
            names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
            return self._refuse(path, f"must be {names[hint]}")
        if path[-1] in _DATES and not _DATE.fullmatch(value):
            return self._refuse(path, "must be a date, as 2026-11-22")
        if self.patterns and _PATTERNS.intersection(path):
            try:
                re.compile(value)
            except re.error as broken:
                return self._refuse(path, f"is no regular expression: {broken}")
        return value

    def _refuse(self, path: Path, text: str) -> None:
        self.wrong.append(Wrong(path, text))


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, Field[Any]]]:
    hints = get_type_hints(kind)
    return {one.name: (hints[one.name], one) for one in fields(kind)}


def frozen(value: Any) -> Any:
    """Plain data that nobody can change by accident."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def plain(value: Any) -> Any:
    """A fact as dicts, lists and scalars; what is not stated is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        made = {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        return {key: item for key, item in made.items() if item not in (None, [], {})}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def merged(below: Any, above: Any) -> Any:
    """``above`` over ``below``: maps key by key, everything else as a whole."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {**below, **{key: merged(below.get(key), item) for key, item in above.items()}}
    return above
