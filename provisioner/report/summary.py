"""What a report says: everything is decided here, forms like Markdown and HTML only write it.

A summary is plain data with the words in it. The texts in it are as they came, so each form
has to make them inert in its own way; only values are made printable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.errors import Problem
from provisioner.plan.standing import Share
from provisioner.report.words import Mark

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Line:
    """One difference of one endpoint."""

    mark: Mark
    block: str
    """What the value is in, such as ``ai_gateway.rate_limits[user]``; empty = the endpoint."""
    name: str
    before: str | None
    """The value on the left side of the summary; ``None`` = there is none, or it is not told."""
    after: str | None
    notes: tuple[str, ...] = ()
    """Why it differs, and where it was written."""

    @property
    def kept(self) -> bool:
        """Whether the value stays as it is."""
        return self.mark.symbol == "="


@dataclass(frozen=True)
class Fact:
    """One thing that an endpoint has, or that happened to it."""

    name: str
    text: str
    mark: Mark | None = None
    """``None`` = that of the endpoint."""


@dataclass(frozen=True)
class Item:
    """One endpoint."""

    name: str
    mark: Mark
    about: tuple[str, ...] = ()
    """What it is, and what is done to it, in a few words each."""
    grave: str = ""
    """What is lost for good, or went wrong; empty = nothing is."""
    notes: tuple[str, ...] = ()
    """Sentences: what has to be there first, what it needs, what the service said."""
    lines: tuple[Line, ...] = ()
    facts: tuple[Fact, ...] = ()
    """In place of lines."""
    log: tuple[str, ...] = ()
    quiet: bool = False
    """Nothing is to be said of it; it is only counted."""

    @property
    def has_details(self) -> bool:
        """Whether there is more to show than one line."""
        return bool(self.lines or self.facts or self.log)


@dataclass(frozen=True)
class Count:
    """How many endpoints something is true of."""

    number: int
    words: str
    """Such as ``to update``."""
    mark: Mark


@dataclass(frozen=True)
class Deadline:
    """A day on which a model that is in use is gone."""

    endpoint: str
    model: str
    day: str
    """ISO date."""
    left: int
    """Days until then; negative = it is over."""
    replacement: str = ""
    """Empty = none is announced."""

    @property
    def when(self) -> str:
        """What happens, the day, and how far it is."""
        if self.left < 0:
            return f"retired {self.day}"
        far = f"in {counted(self.left, 'day')}" if self.left else "today"
        return f"retires {self.day}, {far}"


@dataclass(frozen=True)
class Glance:
    """One endpoint in one cell of the page on a fleet."""

    row: str
    """Its name without what its environment puts before names."""
    marks: tuple[Mark, ...]
    facts: tuple[str, ...] = ()
    traffic: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Summary:
    """One report on one environment."""

    kind: str
    """``plan``, ``drift``, ``outcome``, ``status``, ``verify``; ``unknown`` = no answer."""
    title: str
    """Such as ``Plan for``, before the environment's name."""
    environment: str
    project: str
    host: str
    workspace_id: str
    counts: tuple[Count, ...]
    verdict: str
    """The last line of the text form: the exact counts."""
    items: tuple[Item, ...] = ()
    """The gravest first."""
    alarm: str = ""
    """What the grave items are together; empty = there are none."""
    sides: tuple[str, str] = ("before", "after")
    """What the two values of a line are."""
    remarks: tuple[str, ...] = ()
    """Sentences about all of it."""
    glances: tuple[Glance, ...] = ()
    """Every endpoint that there is, by name; empty = this report is not about how they are."""
    deadlines: tuple[Deadline, ...] = ()
    """The next one first."""
    problems: tuple[Problem, ...] = ()
    reference: str = ""
    """What identifies what is reported, such as a plan's fingerprint."""

    @property
    def grave(self) -> tuple[Item, ...]:
        """The items that nobody may overlook."""
        return tuple(item for item in self.items if item.grave)

    @property
    def explained(self) -> tuple[Item, ...]:
        """The items with more to say than fits into a glance."""
        return tuple(
            item
            for item in self.told
            if not self.glances or item.grave or item.notes or item.has_details
        )

    @property
    def told(self) -> tuple[Item, ...]:
        """The items with something to say."""
        return tuple(item for item in self.items if not item.quiet)


def unknown(title: str, environment: str, problems: Iterable[Problem]) -> Summary:
    """In place of the summary of an environment that gave no answer."""
    return Summary(
        kind="unknown",
        title=title,
        environment=environment,
        project="",
        host="",
        workspace_id="",
        counts=(),
        verdict=NOT_KNOWN,
        alarm=NOT_KNOWN,
        problems=tuple(problems),
    )


def gravest_first(items: Iterable[Item], order: Iterable[str]) -> tuple[Item, ...]:
    """Items by the words of their marks in an order, those with something grave first in each."""
    rank = {word: number for number, word in enumerate(order)}
    return tuple(
        sorted(
            items,
            key=lambda item: (item.quiet, rank[item.mark.word], not item.grave, item.name),
        )
    )


def counted(number: int, word: str, several: str = "") -> str:
    """A number with its noun."""
    return f"{number} {word if number == 1 else several or f'{word}s'}"


def enumerated(parts: Iterable[str]) -> str:
    """Parts with commas, and an ``and`` before the last."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
