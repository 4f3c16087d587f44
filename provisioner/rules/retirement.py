"""Models that are gone or have a date for it, judged by a day that is given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from provisioner.errors import Problem, error, fixable, warning
from provisioner.rules.capacity import architecture_of
from provisioner.rules.judged import Finding, Judged, Resting, Setting, hosted, served

if TYPE_CHECKING:
    from provisioner.catalog import Catalog, RetiredModel

_DAYS_OF_NOTICE = 90
"""From so many days before a model's end on, there is a warning."""


def hosted_models(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A pay-per-token endpoint that is used is not retired, and will not be soon."""
    if setting.today is None:
        return
    for path, name in hosted(endpoint):
        gone = setting.facts.retirement_of(name)
        if gone is None:
            continue
        problem = _problem(gone, name, path, endpoint, setting.today)
        successor = gone.replacement_endpoint
        if problem:
            problem = fixable(problem, name, successor) if successor else problem
            yield Resting(problem, gone.provenance)


def provisioned_models(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A model that is provisioned is not retired for that, as far as the catalog knows."""
    if setting.today is None:
        return
    for path, entity in served(endpoint):
        if architecture_of(entity, setting.facts) is None:
            continue
        for gone in setting.facts.retired:
            ends = gone.throughput_retired_on
            if ends is None or gone.entity != entity.entity_name:
                continue
            if found := _dated(f"provisioned throughput of {gone.model}", ends, setting.today):
                make = error if found[0] == "retired-model" else warning
                successor = _entity_of(gone.replacement_endpoint, setting.facts)
                where = endpoint.where(f"{path}.entity_name")
                yield Resting(make(*found, _hint(gone, successor), where), gone.provenance)


def _problem(
    gone: RetiredModel, name: str, path: str, endpoint: Judged, today: date
) -> Problem | None:
    where, hint = endpoint.where(path), _hint(gone, gone.replacement_endpoint)
    ends = gone.retired_on or gone.retired_by
    if ends is None:
        summary = f"{name} is said to be retired, the date is not known"
        return warning("retiring-model", summary, hint, where)
    found = _dated(name, ends, today)
    if found is None:
        return None
    code, summary = found
    if gone.retired_on is None:
        summary = f"{name} was gone by {ends}"
    redirected = gone.redirected_until
    if code == "retired-model" and redirected and today < date.fromisoformat(redirected):
        summary += f"; until {redirected} its replacement answers"
        return warning("retiring-model", summary, hint, where)
    return (error if code == "retired-model" else warning)(code, summary, hint, where)


def _dated(name: str, ends: str, today: date) -> tuple[str, str] | None:
    """Code and words for something that ends on an ISO date; None while that is far."""
    last = date.fromisoformat(ends)
    if last <= today:
        return "retired-model", f"{name} was retired on {ends}"
    days = (last - today).days
    if last - today > timedelta(days=_DAYS_OF_NOTICE):
        return None
    return "retiring-model", f"{name} will be retired on {ends}, in {days} day{'s' * (days != 1)}"


def _hint(gone: RetiredModel, successor: str | None) -> str:
    """``successor`` is the replacement as it can be written in this place, if it can."""
    if gone.replacement:
        return f"use {successor or gone.replacement}"
    if others := gone.replacement_in_practice:
        return f"no replacement is announced; others use {successor or others}"
    return "no replacement is announced: choose another model"


def _entity_of(hosted_endpoint: str | None, facts: Catalog) -> str | None:
    """The same model in Unity Catalog, where known."""
    named = (model.entity for model in facts.pay_per_token if model.endpoint == hosted_endpoint)
    return next(named, None)
