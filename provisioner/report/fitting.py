"""Making a text fit into a limit: parts have shorter forms, and some can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of a text in its forms, from the shortest to the longest."""

    forms: tuple[str, ...]
    """The first is always there; an empty one means that the part may be left out."""


class DoesNotFit(Exception):
    """Not even the shortest forms fit."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed
        """Bytes."""


def size(text: str) -> int:
    """Bytes in UTF-8, which are never fewer than characters."""
    return len(text.encode())


def fit(parts: Sequence[Part], limit: int) -> list[int]:
    """Which form of each part to take, as its index, so that all are within ``limit`` bytes.

    All parts get their second form before any gets its third; earlier parts come first.

    Raises:
        DoesNotFit: the first forms are too long.
    """
    chosen = [0] * len(parts)
    used = sum(size(part.forms[0]) for part in parts)
    if used > limit:
        raise DoesNotFit(used)
    for level in range(1, max((len(part.forms) for part in parts), default=0)):
        for number, part in enumerate(parts):
            if level < len(part.forms) and chosen[number] == level - 1:
                more = size(part.forms[level]) - size(part.forms[level - 1])
                if used + more <= limit:
                    chosen[number] = level
                    used += more
    return chosen
