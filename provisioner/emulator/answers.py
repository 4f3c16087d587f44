"""What goes back over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.emulator.errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """Server-sent events, each sent on its own."""

    events: tuple[str, ...]
    cut: bool = False
    """Whether the connection breaks after them."""


@dataclass(frozen=True)
class Answer:
    """An answer; ``body`` is text, bytes or a stream as it is, None for nothing, else JSON."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = None
    delay_seconds: float = 0
    """How long it is held back; what it says has happened already."""


def error_answer(error: ApiError) -> Answer:
    """The wire form of an error."""
    return Answer(error.body(), error.status, error.headers)
