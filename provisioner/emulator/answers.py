"""What goes back over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.emulator.errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer; ``body`` is text or bytes as they are, None for nothing, else JSON."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = None


def error_answer(error: ApiError) -> Answer:
    """The wire form of an error."""
    return Answer({"error_code": error.error_code, "message": error.message}, error.status)
