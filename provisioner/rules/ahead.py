"""Which models in use have a day on which they end, however far that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from provisioner.catalog import Catalog
from provisioner.plan.drift import Retirement
from provisioner.rules.capacity import architecture_of
from provisioner.rules.judged import Judged, hosted, served


def retirements(endpoints: Iterable[Judged], today: date, facts: Catalog) -> Iterator[Retirement]:
    """One for each use of a model that ends on a day that is known, in no order."""
    gone = facts.retired
    by_endpoint = {model.endpoint: model for model in gone}
    by_entity = {model.entity: model for model in gone if model.throughput_retired_on}
    for endpoint in endpoints:
        for path, name in hosted(endpoint):
            found = by_endpoint.get(name)
            if found and (on := found.retired_on or found.retired_by):
                successor = found.replacement_endpoint or found.replacement or ""
                yield _one(endpoint, name, on, today, successor, path)
        for path, entity in served(endpoint):
            if architecture_of(entity, facts) is None:
                continue
            found = by_entity.get(entity.entity_name)
            if found and (on := found.throughput_retired_on):
                place = f"{path}.entity_name"
                yield _one(endpoint, found.model, on, today, found.replacement or "", place)


def _one(
    endpoint: Judged, model: str, on: str, today: date, successor: str, path: str
) -> Retirement:
    days = (date.fromisoformat(on) - today).days
    return Retirement(endpoint.name, model, on, days, successor, endpoint.where(path))
