"""What came of a question to an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisioner import __version__
from provisioner.plan.model import FORMAT_VERSION


@dataclass(frozen=True)
class Called:
    """A function that the model wants to be called."""

    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True)
class Embedded:
    """One embedding, in short; the numbers are in the body."""

    dimension: int
    norm: float


@dataclass(frozen=True)
class Asked:
    """One answer to one question, or why there is none."""

    endpoint: str
    entity: str
    """The served entity that answered; empty where the service does not say."""
    client: str
    """What the question was sent with: rest or openai."""
    status: int
    """HTTP status; 0 = no answer came."""
    seconds: float
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Called, ...] = ()
    embeddings: tuple[Embedded, ...] = ()
    finish: str = ""
    """Why the answer ended: stop, length, tool_calls."""
    other_texts: tuple[str, ...] = ()
    """Of further choices, where several were asked for."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cause: str = "ok"
    """Why there is no answer, as a verification says it."""
    error: str = ""
    """The same in words."""
    hint: str = ""
    body: Any = None
    """The answer as it came."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__


@dataclass(frozen=True)
class Compared:
    """The same question to two."""

    answers: tuple[Asked, ...]
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__
