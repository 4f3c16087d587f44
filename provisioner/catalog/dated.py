"""The facts as they are on a day: what is retired, what soon will be, what was not checked lately.

Days are counted here, without a clock: the day is always the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from provisioner.catalog.models import PayPerTokenModel
    from provisioner.catalog.reading import Provenance
    from provisioner.catalog.retirement import RetiredModel

SOON_DAYS = 90
"""The shorter of the usual notices before a retirement is 30 days, the longer 90."""


class Status(str, Enum):
    """How a model stands on a day."""

    ACTIVE = "active"
    RETIRING = "retiring"
    """It has a date, which comes soon."""
    RETIRED = "retired"
    UNCERTAIN = "uncertain"
    """It was found gone later; the date itself is not known."""


class Facts(Protocol):
    """What a view needs of the catalog."""

    @property
    def pay_per_token(self) -> tuple[PayPerTokenModel, ...]:
        """Pay-per-token models."""
        ...

    @property
    def retired(self) -> tuple[RetiredModel, ...]:
        """Retirements."""
        ...

    @property
    def stale_after_days(self) -> int:
        """The age at which an entry should be checked again."""
        ...

    def retirement_of(self, endpoint: str) -> RetiredModel | None:
        """The retirement of a pay-per-token endpoint."""
        ...


@dataclass(frozen=True)
class View:
    """The facts on one day."""

    facts: Facts
    date: str
    """ISO date."""
    soon_days: int = SOON_DAYS

    def status(self, endpoint: str) -> Status:
        """How a pay-per-token endpoint stands; one without a retirement is active."""
        gone = self.facts.retirement_of(endpoint)
        return self.status_of(gone) if gone else Status.ACTIVE

    def status_of(self, gone: RetiredModel) -> Status:
        """How a model with a retirement stands."""
        if gone.retired_on is None:
            known = gone.retired_by is None or gone.retired_by <= self.date
            return Status.RETIRED if known else Status.UNCERTAIN
        left = days_between(self.date, gone.retired_on)
        if left <= 0:
            return Status.RETIRED
        return Status.RETIRING if left <= self.soon_days else Status.ACTIVE

    def throughput_status(self, entity: str) -> Status:
        """How a Unity Catalog model stands in provisioned throughput."""
        for gone in self.facts.retired:
            if gone.entity == entity and gone.throughput_retired_on:
                left = days_between(self.date, gone.throughput_retired_on)
                soon = Status.RETIRING if left <= self.soon_days else Status.ACTIVE
                return Status.RETIRED if left <= 0 else soon
        return Status.ACTIVE

    def models(self, *wanted: Status) -> tuple[PayPerTokenModel, ...]:
        """The pay-per-token models that stand like that."""
        return tuple(m for m in self.facts.pay_per_token if self.status(m.endpoint) in wanted)

    def retirements(self, *wanted: Status) -> tuple[RetiredModel, ...]:
        """The retirements that stand like that."""
        return tuple(gone for gone in self.facts.retired if self.status_of(gone) in wanted)

    def age(self, provenance: Provenance) -> int:
        """Days since the last check; negative before it."""
        return days_between(provenance.checked, self.date)

    def is_stale(self, provenance: Provenance) -> bool:
        """Whether the last check is too long ago to rely on."""
        return self.age(provenance) > self.facts.stale_after_days


def days_between(first: str, second: str) -> int:
    """Days from one ISO date to another."""
    return _day(second) - _day(first)


def _day(date: str) -> int:
    """The number of a day, in the calendar that runs on in both directions."""
    year, month, day = map(int, date.split("-"))
    year -= month <= 2  # years that end with February: the leap day is the last
    era_day = year * 365 + year // 4 - year // 100 + year // 400
    return era_day + (153 * ((month + 9) % 12) + 2) // 5 + day - 1
