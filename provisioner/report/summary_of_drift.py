"""A comparison with the workspace as a summary: declared on the left, live on the right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.plan import Action
from provisioner.plan.drift import WELL, Drift, EndpointDrift, Health, Sync
from provisioner.report import words
from provisioner.report.summary import Count, Glance, Item, Line, Summary, counted, gravest_first
from provisioner.report.summary_of_plan import lines
from provisioner.report.summary_of_status import deadlines, glance
from provisioner.report.words import Mark, Tone

_ORDER = (
    Sync.MISSING,
    Sync.REPLACED_OUTSIDE,
    Sync.UNREADABLE,
    Sync.DRIFTED,
    Sync.PENDING,
    Sync.UNMANAGED,
    Sync.IN_SYNC,
)
"""The gravest first."""
_GRAVE = {
    Sync.MISSING: "it was applied, and is gone",
    Sync.REPLACED_OUTSIDE: "another endpoint has its name now",
}


def summary(drift: Drift, today: str = "") -> Summary:
    """Everything to tell of a comparison; ``today``, an ISO date, lets it tell ages."""
    items = [_item(found) for found in drift.endpoints]
    return Summary(
        kind="drift",
        title="Drift in",
        environment=drift.environment,
        project=drift.project,
        host=drift.workspace.host,
        workspace_id=drift.workspace.workspace_id,
        counts=tuple(_counts(drift)),
        verdict=words.drift_verdict(drift.summary),
        items=gravest_first(items, [words.SYNCS[sync].word for sync in _ORDER]),
        alarm=", ".join(_alarm(drift)),
        sides=("declared", "live"),
        glances=tuple(_glance(found, drift.name_prefix, today) for found in drift.endpoints),
        deadlines=deadlines(drift.retirements),
        problems=drift.problems,
    )


def _counts(drift: Drift) -> Iterator[Count]:
    for sync in _ORDER:
        yield Count(drift.summary[sync.value], words.SYNCS[sync].word, words.SYNCS[sync])
    if ill := sum(map(_is_unwell, drift.endpoints)):
        yield Count(ill, "not serving", words.HEALTHS[Health.NOT_READY])


def _alarm(drift: Drift) -> Iterator[str]:
    for sync in _GRAVE:
        if number := drift.summary[sync.value]:
            yield f"{number} {words.SYNCS[sync].word}"
    if number := sum(map(_is_unwell, drift.endpoints)):
        yield counted(number, "endpoint does not serve", "endpoints do not serve")


def _is_unwell(found: EndpointDrift) -> bool:
    return _has_health(found) and found.health not in WELL


def _has_health(found: EndpointDrift) -> bool:
    ours = found.config not in {Sync.UNMANAGED, Sync.UNREADABLE}
    return ours and found.health is not Health.ABSENT


def _item(found: EndpointDrift) -> Item:
    grave = list(filter(None, [_GRAVE.get(found.config)]))
    health = words.HEALTHS[found.health].word
    if _is_unwell(found):
        grave.append(health)
    unread = (f"not compared: {found.unread}",) if found.unread else ()
    in_order = found.config is Sync.IN_SYNC and found.health is Health.READY
    return Item(
        name=found.name,
        mark=words.SYNCS[found.config],
        about=(health,) if _has_health(found) else (),
        grave=", ".join(grave),
        notes=(*unread, *found.messages),
        lines=tuple(map(_turned, lines(found.changes, causes=True))),
        quiet=in_order and not found.changes and not found.unread,
    )


def _glance(found: EndpointDrift, prefix: str, today: str) -> Glance:
    marks = [words.SYNCS[found.config]]
    if _has_health(found):
        marks.append(words.HEALTHS[found.health])
    facts = []
    if found.action is not Action.NONE:
        facts.append(f"a plan would {words.ACTIONS[found.action].word} it")
    differs = found.config in {Sync.DRIFTED, Sync.REPLACED_OUTSIDE}
    return glance(found.name, prefix, marks, facts, found.standing, today if differs else "")


def _turned(line: Line) -> Line:
    """A difference told from the declaration, not from what a plan would do about it."""
    if line.kept:
        return line
    mark = line.mark
    if line.before is None:
        mark = Mark("-", "missing", Tone.CHANGE)
    elif line.after is None:
        mark = Mark("+", "added", Tone.CHANGE)
    return replace(line, mark=mark, before=line.after, after=line.before)
