"""Models that are gone or have a date for it, judged by a day that is given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from provisioner.errors import Problem, error, fixable, warning
from provisioner.rules.capacity import architecture_of, facts
from provisioner.rules.judged import OWN_PREFIX, Judged, Setting, hosted, served
from provisioner.rules.limits import DAYS_BEFORE_RETIREMENT

if TYPE_CHECKING:
    from provisioner.catalog import RetiredModel


def hosted_models(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """A pay-per-token endpoint that is used is not retired, and will not be soon."""
    if setting.today is None:
        return
    for path, name in hosted(endpoint):
        gone = next((model for model in facts().retired if model.endpoint == name), None)
        if gone is None:
            continue
        problem = _problem(gone, name, path, endpoint, setting.today)
        successor = _successor(gone)
        if problem and successor:
            yield fixable(problem, name, successor)
        elif problem:
            yield problem


def provisioned_models(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """The architecture of a provisioned model is still offered, as far as the catalog knows."""
    if setting.today is None:
        return
    for path, entity in served(endpoint):
        architecture = architecture_of(entity)
        # The catalog may or may not know dates of architectures.
        if architecture and (ends := getattr(architecture, "retired_on", None)):
            problem = _dated(architecture.name, str(ends), setting.today)
            if problem:
                code, summary = problem
                make = error if code == "retired-model" else warning
                hint = _hint(getattr(architecture, "replacement", None))
                yield make(code, summary, hint, endpoint.where(path))


def _problem(
    gone: RetiredModel, name: str, path: str, endpoint: Judged, today: date
) -> Problem | None:
    where, hint = endpoint.where(path), _hint(_successor(gone) or gone.replacement)
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
    return (error if code == "retired-model" else warning)(code, summary, hint, where)


def _dated(name: str, ends: str, today: date) -> tuple[str, str] | None:
    """Code and words for something that ends on an ISO date; None while that is far."""
    last = date.fromisoformat(ends)
    if last <= today:
        return "retired-model", f"{name} was retired on {ends}"
    days = (last - today).days
    if last - today > timedelta(days=DAYS_BEFORE_RETIREMENT):
        return None
    return "retiring-model", f"{name} will be retired on {ends}, in {days} day{'s' * (days != 1)}"


def _hint(replacement: str | None) -> str:
    if replacement:
        return f"use {replacement}"
    return "no replacement is announced: choose another model"


def _successor(gone: RetiredModel) -> str:
    """The endpoint that takes over, when the catalog has it; empty when it does not."""
    if (gone.replacement or "").startswith(OWN_PREFIX):
        return gone.replacement or ""
    ended = {model.endpoint for model in facts().retired}
    same = (m.endpoint for m in facts().pay_per_token if m.model == gone.replacement)
    return next((name for name in same if name not in ended), "")
