"""How endpoints are, as a summary; and what is told of them at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone

from provisioner.catalog.dated import days_between
from provisioner.plan.drift import WELL, Health, Retirement
from provisioner.plan.standing import Standing
from provisioner.plan.status import EndpointStatus, Status
from provisioner.report import rollout, words
from provisioner.report.summary import (
    Count,
    Deadline,
    Glance,
    Item,
    Summary,
    counted,
    gravest_first,
)
from provisioner.report.words import Mark

_ORDER = (
    Health.UPDATE_FAILED,
    Health.NOT_READY,
    Health.STOPPED,
    Health.UNKNOWN,
    Health.ABSENT,
    Health.UPDATING,
    Health.READY,
)
"""The gravest first."""
NOT_THERE = frozenset({Health.ABSENT, Health.UNKNOWN})
"""The states in which there is no version to tell of."""
_GRAVE = dict.fromkeys(WELL, "") | {
    Health.ABSENT: "not there any more",
    Health.UNKNOWN: "could not be read",
}
"""What is wrong with an endpoint, where its state is not the word for it."""


def summary(status: Status, today: str = "") -> Summary:
    """Everything to tell of an environment's endpoints; ``today`` is an ISO date."""
    unread = sum(bool(found.unread) for found in status.endpoints)
    ill = sum(found.health not in WELL for found in status.endpoints) - unread
    alarms = (
        counted(ill, "endpoint does not serve", "endpoints do not serve") if ill else "",
        f"{counted(unread, 'endpoint')} could not be read" if unread else "",
    )
    return Summary(
        kind="status",
        title="Status of",
        environment=status.environment,
        project=status.project,
        host=status.workspace.host,
        workspace_id=status.workspace.workspace_id,
        counts=tuple(
            Count(number, words.HEALTHS[health].word, words.HEALTHS[health])
            for health in _ORDER
            if (number := status.summary.get(health.value, 0)) or health is Health.READY
        ),
        verdict=words.status_verdict(status.summary),
        items=gravest_first(
            map(_item, status.endpoints), [words.HEALTHS[health].word for health in _ORDER]
        ),
        alarm=", ".join(filter(None, alarms)),
        glances=tuple(
            glance(
                found.name,
                status.name_prefix,
                [words.HEALTHS[found.health]],
                [rollout.progress(found.rollout)] if found.rollout else [],
                found.standing,
                today,
            )
            for found in status.endpoints
        ),
        deadlines=deadlines(status.retirements),
    )


def _item(found: EndpointStatus) -> Item:
    return Item(
        name=found.name,
        mark=words.HEALTHS[found.health],
        about=() if found.health in NOT_THERE else tuple(_about(found.standing)),
        grave=_GRAVE.get(found.health, words.HEALTHS[found.health].word),
        notes=tuple(notes(found)),
    )


def notes(found: EndpointStatus) -> Iterator[str]:
    """Sentences about an endpoint: what is under way, what is wrong, what is not known."""
    if found.rollout:
        yield rollout.progress(found.rollout)
    if found.unread:
        yield found.unread
    yield from found.messages


def _about(standing: Standing) -> Iterator[str]:
    yield f"version {standing.version}" if standing.version else "nothing serves yet"
    for share in standing.traffic:
        yield f"{share.percent} % {share.entity}"


def glance(
    name: str,
    prefix: str,
    marks: Sequence[Mark],
    facts: Iterable[str],
    standing: Standing,
    today: str,
) -> Glance:
    """One endpoint at a glance; without ``today`` its last change is not told."""
    version = [f"version {standing.version}"] if standing.version else []
    changed = [_changed(standing.changed_at, today)] if standing.changed_at and today else []
    row = name.removeprefix(prefix) or name
    return Glance(row, tuple(marks), (*version, *facts, *changed), standing.traffic)


def _changed(moment: int, today: str) -> str:
    day = datetime.fromtimestamp(moment / 1000, tz=timezone.utc).date().isoformat()
    age = days_between(day, today)
    return f"last changed {counted(age, 'day')} ago" if age > 0 else "last changed today"


def deadlines(retirements: Iterable[Retirement]) -> tuple[Deadline, ...]:
    """Days on which models in use are gone, in the order given."""
    return tuple(
        Deadline(gone.endpoint, gone.model, gone.on, gone.days, gone.replacement)
        for gone in retirements
    )
