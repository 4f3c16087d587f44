"""Asking an endpoint: where a question goes, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ENTITY_HEADER = "served-model-name"
"""Names the served entity that answered (databricks-sdk 0.156, service/serving.py)."""


def invocations(endpoint: str, entity: str = "") -> str:
    """Path of an endpoint's questions; with ``entity`` past the traffic split, to that one."""
    chosen = f"/served-models/{entity}" if entity else ""
    return f"/serving-endpoints/{endpoint}{chosen}/invocations"


@dataclass(frozen=True)
class Place:
    """Where a question is sent."""

    path: str
    """Path on the workspace's host, or the whole URL of a route-optimized endpoint."""
    authorization: str = ""
    """What the token for that URL is asked for with; empty = the caller's own is taken."""


@dataclass(frozen=True)
class Answer:
    """What came back for one question; also a refusal, and also nothing."""

    status: int
    """HTTP status; 0 = no answer came."""
    body: Any = None
    """The JSON of the answer, or its text where it is none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    seconds: float = 0.0
    """From sending the question to the end of the answer."""
    lost: str = ""
    """Why no answer came: ``timeout`` or ``connection``; what was sent may have had effect."""
    tries: int = 1
    """How often the question was sent; more than once only after it was turned away unread."""

    @property
    def entity(self) -> str:
        """The served entity that answered; empty where the service does not say."""
        return self.headers.get(ENTITY_HEADER, "")

    @property
    def ok(self) -> bool:
        """Whether this is an answer and no refusal."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the service wants to be asked again, where it says so."""
        text = self.headers.get("retry-after", "")
        if not text and isinstance(self.body, Mapping):
            text = str(self.body.get("retry_after", ""))
        try:
            return max(float(text), 0.0)
        except ValueError:
            return None
