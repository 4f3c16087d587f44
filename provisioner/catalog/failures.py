"""What failures of the service mean: of deployments, and of answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioner.catalog.reading import Provenance


@dataclass(frozen=True)
class FailureCause:
    """What a message of a failed deployment means."""

    pattern: str
    """Regular expression, matched anywhere and without case."""
    cause: str
    fix: str
    provenance: Provenance


@dataclass(frozen=True)
class AnswerCause:
    """What a refused or failed request to an endpoint means; all that is given must hold."""

    id: str
    cause: Literal[
        "caller_lacks_right",
        "provider_rejected_key",
        "rate_limited",
        "cold_start",
        "provider_down",
        "model_failed",
        "not_ready",
        "request_refused",
        "missing",
        "slow",
    ]
    speaker: Literal["service", "provider"]
    """Whose words these are: the provider's are handed on by the service."""
    means: str
    fix: str
    provenance: Provenance
    statuses: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    """Values of ``error_code``."""
    pattern: str | None = None
    """Regular expression, matched anywhere in the speaker's words and without case."""
