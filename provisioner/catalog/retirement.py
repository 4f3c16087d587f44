"""Models that are gone, or have a date for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.catalog.reading import Provenance, Task


@dataclass(frozen=True)
class RetiredModel:
    """A pay-per-token model that is gone, or has a date for it."""

    endpoint: str
    model: str
    task: Task
    provenance: Provenance
    retired_on: str | None = None
    """ISO date, None where only ``retired_by`` is known."""
    retired_by: str | None = None
    """Latest possible date, from somebody who found it gone."""
    throughput_retired_on: str | None = None
    """The date for provisioned throughput, where it has one of its own."""
    replacement: str | None = None
    """What the announcement names."""
    replacement_in_practice: str | None = None
    """What others moved to, where no announcement was found."""
    replacement_endpoint: str | None = None
    """Endpoint of either replacement: what an automatic fix may write."""
    redirected_until: str | None = None
    """Requests went to the replacement until then."""
    entity: str | None = None
    """The same model in Unity Catalog, where known."""
    observed_error: str | None = None
    """What a request got after the date."""
    note: str | None = None

    @property
    def dates(self) -> Mapping[str, str | None]:
        """Mode to its date; a mode that is not retired is not there."""
        found: dict[str, str | None] = {"pay_per_token": self.retired_on or self.retired_by}
        if self.throughput_retired_on:
            found["provisioned_throughput"] = self.throughput_retired_on
        return found
