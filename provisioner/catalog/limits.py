"""Numbers of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    most_seen: float | None = None
    """The most that was reported from practice, above what is documented."""
    volatile: bool = False
    note: str | None = None


@dataclass(frozen=True)
class OperationsLimit:
    """How many creations and configuration updates a workspace takes in a while."""

    calls: int
    seconds: float
    provenance: Provenance
