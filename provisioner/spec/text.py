"""YAML with comments: written so that every loader reads the same values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from textwrap import wrap
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = "tuple[str | int, ...]"

_WIDTH = 88


class Placeholder(str):
    """A reference to an environment variable; any other ``${`` is escaped."""

    __slots__ = ()


# Everything else is quoted: our own loader and those of YAML 1.1 then read the same text.
_PLAIN = re.compile(r"[A-Za-z_/](?:[\w./@$%+=~-]|:(?=[A-Za-z/])| (?=[A-Za-z]))*", re.ASCII)
_WORDS = frozenset("true false null yes no on off y n".split())  # noqa: SIM905


def lines_of(value: Any, path: Path, comments: Mapping[Path, str]) -> list[str]:
    """The lines of a map or a list that is not empty; a comment stands above its path."""
    lines: list[str] = []
    is_map = isinstance(value, Mapping)
    for key, item in value.items() if is_map else enumerate(value):
        here = (*path, key)
        lines += comment(comments.get(here, ""))
        head = f"{_quoted(str(key))}:" if is_map else "-"
        if not isinstance(item, Mapping | list) or not item:
            lines.append(f"{head} {_scalar(item)}")
            continue
        below = lines_of(item, here, comments)
        if is_map:
            lines += [head, *(f"  {line}" for line in below)]
        else:
            lines += [f"- {below[0]}", *(f"  {line}" for line in below[1:])]
    return lines


def flow_of(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(k))}: {flow_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow_of, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping | list):
        return "{}" if isinstance(value, Mapping) else "[]"
    if not isinstance(value, str):
        return repr(value)
    # Two dollars keep what looks like a variable as it is.
    return _quoted(str(value) if isinstance(value, Placeholder) else value.replace("${", "$${"))


def _quoted(text: str) -> str:
    """A text in quotes, unless nobody could take it for anything else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = yaml.dump(str(text), default_style='"', allow_unicode=True, width=math.inf)
    return str(quoted).rstrip("\n")


def comment(text: str) -> list[str]:
    """A text as the lines of a comment."""
    return [f"# {line}" for line in wrap(one_line(text), _WIDTH, break_on_hyphens=False)]


def one_line(text: str) -> str:
    """A text without line breaks and whatever else cannot be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
