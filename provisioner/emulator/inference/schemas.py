"""JSON schemas of tools and structured outputs: what is refused, and a value that fits."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference.parameters import is_number, is_texts, rule
from provisioner.emulator.inference.refusals import bad_request

_DEPTH = 24
"""Where a recursive schema is given up on."""


def check_schema(schema: Any, refused: str, keys: str) -> None:
    """Hold a schema against two request rules: refused keywords, and the number of keys."""
    if not isinstance(schema, dict):
        raise bad_request("Invalid JSON schema - it must be an object")
    for part in _parts(schema):
        _check_shape(part)
    used = {keyword for part in _parts(schema) for keyword in part}
    for keyword in rule(refused).values:
        if keyword in used:
            raise bad_request(f'Invalid JSON schema - the "{keyword}" keyword is not supported')
    most = rule(keys).max or 0
    named = sum(len(part.get("properties", {})) for part in _parts(schema))
    if named > most:
        raise bad_request(f"Invalid JSON schema - it has {named} keys, at most {most:.0f} may be")


def _check_shape(part: Json) -> None:
    for keyword, value in part.items():
        if keyword in _SHAPES and not _SHAPES[keyword](value):
            raise bad_request(f'Invalid JSON schema - "{keyword}" has a wrong value')


def _are_schemas(values: Any) -> bool:
    return bool(values) and all(isinstance(value, dict | bool) for value in values)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and (not value or _are_schemas(value.values()))


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and _are_schemas(value)


def _is_size(value: Any) -> bool:
    return is_number(value, int) and value >= 0


def _is_bound(value: Any) -> bool:
    return is_number(value, float)


def _is_type(value: Any) -> bool:
    kinds = value if isinstance(value, list) else [value]
    return bool(kinds) and all(isinstance(kind, str) and kind in _TYPES for kind in kinds)


_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": lambda value: isinstance(value, list) and bool(value),
    "required": is_texts,
    "$ref": lambda value: isinstance(value, str),
    "format": lambda value: isinstance(value, str),
    "items": lambda value: isinstance(value, dict | bool),
    "additionalProperties": lambda value: isinstance(value, dict | bool),
    "multipleOf": lambda value: _is_bound(value) and value > 0,
    **dict.fromkeys(("properties", "$defs", "definitions"), _is_map),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), _is_list),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _is_size),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_bound),
}
"""Keyword to what its value must be."""


def _parts(schema: Any) -> Iterator[Json]:
    """A schema and all those inside it; names of properties are no keywords."""
    if isinstance(schema, list):
        for item in schema:
            yield from _parts(item)
    if not isinstance(schema, dict):
        return
    yield schema
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions", "patternProperties"):
            yield from _parts(list(value.values()) if isinstance(value, dict) else [])
        elif key not in ("enum", "const", "default", "examples"):
            yield from _parts(value)


def example(schema: Json, seed: str) -> Any:
    """A value that is valid under the schema and the same for the same seed."""
    return _Maker(schema, random.Random(seed)).value(schema, 0)  # noqa: S311 - repeatable


class _Maker:
    def __init__(self, root: Json, dice: random.Random) -> None:
        self._root, self._dice = root, dice

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > _DEPTH:
            return {} if depth > _DEPTH else "emulated"
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        for choice in ("anyOf", "oneOf"):
            if schema.get(choice):
                return self.value(self._least(schema, choice, depth), depth + 1)
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        return getattr(self, f"_{kind}", self._null)(schema, depth)

    def _least(self, schema: Json, choice: str, depth: int) -> Json:
        """The first way; near the end of a recursion the last, which mostly ends it."""
        at = -1 if depth > _DEPTH // 2 else 0
        rest = {key: value for key, value in schema.items() if key != choice}
        return rest | schema[choice][at]  # type: ignore[no-any-return]

    def _resolved(self, schema: Json) -> Json:
        for _ in range(_DEPTH):
            if "$ref" not in schema:
                break
            target: Any = self._root
            for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                target = target.get(step, {}) if step and isinstance(target, dict) else target
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **rest}
        parts = schema.get("allOf", ())
        schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            schema = _joined(schema, self._resolved(part))
        return schema

    def _object(self, schema: Json, depth: int) -> Json:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        # Optional properties are left out where a schema might not end.
        names = [n for n in properties if n in required or depth <= _DEPTH // 2]
        made = {name: self.value(properties[name], depth + 1) for name in names}
        missing = [name for name in required if name not in made]
        return made | {name: self._more(schema, depth) for name in missing}

    def _more(self, schema: Json, depth: int) -> Any:
        return self.value(schema.get("additionalProperties", {}), depth + 1)

    def _array(self, schema: Json, depth: int) -> list[Any]:
        size = max(int(schema.get("minItems", 0)), 1 if depth <= _DEPTH // 2 else 0)
        size = min(size, int(schema.get("maxItems", size)))
        items = [self.value(schema.get("items", {}), depth + 1) for _ in range(size)]
        if schema.get("uniqueItems"):
            unique: list[Any] = []
            for _ in range(100):
                unique += [item for item in items if item not in unique]
                if len(unique) >= size:
                    break
                items = [self.value(schema.get("items", {}), depth + 1)]
            return unique[:size]
        return items

    def _string(self, schema: Json, _depth: int) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = f"emulated {self._dice.randrange(1000)}"
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        text = text.ljust(least, "x")
        return text if most is None else text[: int(most)]

    def _integer(self, schema: Json, _depth: int) -> int:
        low, high = _bounds(schema, 1)
        step = int(schema.get("multipleOf", 1))
        first = -(-int(low // 1 + (low % 1 > 0)) // step) * step
        room = max(0, int(high - first) // step)
        return first + step * self._dice.randint(0, min(room, 100))

    def _number(self, schema: Json, _depth: int) -> float:
        if "multipleOf" in schema or schema.get("type") == "integer":
            return self._integer(schema, 0)
        low, high = _bounds(schema, 0.001)
        return low + (min(high, low + 100) - low) * self._dice.randint(0, 8) / 8

    def _boolean(self, _schema: Json, _depth: int) -> bool:
        return self._dice.random() < 0.5

    def _null(self, _schema: Json, _depth: int) -> None:
        return None


_FORMATS = {
    "date": "2025-06-15",
    "date-time": "2025-06-15T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "emulated@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _joined(schema: Json, part: Json) -> Json:
    joined = {**part, **schema}
    joined["properties"] = {**part.get("properties", {}), **schema.get("properties", {})}
    joined["required"] = [*schema.get("required", []), *part.get("required", [])]
    return {key: value for key, value in joined.items() if value or key not in _ADDED}


_ADDED = ("properties", "required")


def _bounds(schema: Json, step: float) -> tuple[float, float]:
    """Lowest and highest number, both allowed."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None:
        low = above + step if low is None else max(low, above + step)
    if below is not None:
        high = below - step if high is None else min(high, below - step)
    if low is None:
        low = 0 if high is None or high >= 0 else high
    return low, max(low, low + 100 if high is None else high)
