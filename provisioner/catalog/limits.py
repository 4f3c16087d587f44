"""Numbers of the service, and what its failures mean: the few facts that every plan needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.catalog.reading import Provenance


@dataclass(frozen=True)
class Limit:
    """A number of the service; None: no published number was found."""

    id: str
    limit: str
    provenance: Provenance
    value: float | None = None
    unit: str | None = None
    per_seconds: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """The numbers by what they are about, where there are several."""
    pattern: str | None = None
    warn_above: float | None = None
    error_above: float | None = None
    volatile: bool = False
    note: str | None = None


@dataclass(frozen=True)
class OperationsLimit:
    """How many creations and configuration updates a workspace takes in a while."""

    calls: int
    seconds: float
    provenance: Provenance


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
