"""Facts that were not checked for long, said where a finding rests on one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.errors import Problem, Where, notice
from provisioner.rules.judged import Resting, Setting

_HINT = (
    "a newer version may know better; `provisioner catalog` names the sources,"
    " and `checked` in catalog.override.yaml says that somebody looked"
)


def stale_facts(rested: Sequence[Resting], setting: Setting) -> Problem | None:
    """One notice for all findings of an environment that rest on facts of long ago."""
    if setting.today is None:
        return None
    view = setting.facts.as_of(setting.today.isoformat())
    stale = [(one.problem.where, one.fact.checked) for one in rested if view.is_stale(one.fact)]
    if not stale:
        return None
    days = sorted({checked for _, checked in stale})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    rest = "a finding rests" if len(stale) == 1 else f"{len(stale)} findings rest"
    limit = setting.facts.stale_after_days
    summary = f"{rest} on facts last checked {when}, more than {limit} days before {view.date}"
    return notice("stale-facts", summary, _HINT, _first(where for where, _ in stale))


def _first(places: Iterable[Where | None]) -> Where | None:
    return min((where for where in places if where), default=None)
