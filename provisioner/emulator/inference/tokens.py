"""Counting and making of text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

CHARACTERS = 4
"""Of a token: the usual rule of thumb, exact here."""

FILLER = "Nothing here was thought up by a model; the words only stand where its answer would be. "


def count(text: str) -> int:
    """Tokens of a text, 0 for an empty one."""
    return -(-len(text) // CHARACTERS)


def cut(text: str, tokens: int) -> str:
    """The beginning of a text that has at most so many tokens."""
    return text[: tokens * CHARACTERS]


def pieces(text: str, size: int = 4) -> list[str]:
    """A text in parts of some tokens, as a stream sends it."""
    step = size * CHARACTERS
    return [text[at : at + step] for at in range(0, len(text), step)]


def digest(*values: Any) -> str:
    """64 hex digits that are the same for the same data."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
