"""A request as it is written in a program: Python, JSON or SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from provisioner.snippets.uses import IMAGE

_WIDTH = 88
_PICTURE = 'f"data:image/png;base64,{image}"'


def python(value: Any, indent: int = 0) -> str:
    """A Python literal whose continuation lines are indented by ``indent`` spaces.

    The picture is an f-string over the variable ``image``.
    """
    if value == IMAGE:
        return _PICTURE
    if isinstance(value, str):
        return json.dumps(value)
    if not isinstance(value, dict | list):
        return repr(value)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {python(item, indent + 4)}" for key, item in value.items()]
        return _enclosed("{", parts, "}", indent)
    return _enclosed("[", [python(item, indent + 4) for item in value], "]", indent)


def arguments(request: dict[str, Any], indent: int = 4) -> str:
    """Keyword arguments of a Python call, one a line, without the brackets."""
    pad = " " * indent
    return "\n".join(f"{pad}{key}={python(item, indent)}," for key, item in request.items())


def indented_json(value: Any) -> str:
    """JSON for a person to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def sql(value: Any) -> str:
    """A SQL string; of anything but text, its JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _enclosed(start: str, parts: Iterable[str], end: str, indent: int) -> str:
    line = f"{start}{', '.join(parts)}{end}"
    if "\n" not in line and len(line) + indent <= _WIDTH - 16:
        return line
    pad = " " * (indent + 4)
    return "\n".join((start, *(f"{pad}{part}," for part in parts), f"{' ' * indent}{end}"))
