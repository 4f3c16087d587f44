"""What happens while a command runs, one line of JSON for each event."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from provisioner import __version__
from provisioner.errors import Problem
from provisioner.plan.model import FORMAT_VERSION, Action
from provisioner.plan.outcome import Result


class Kind(str, Enum):
    """What an event is about."""

    STARTED = "started"
    """The first one."""
    PLANNED = "planned"
    """What is going to be applied, before anybody is asked."""
    PROGRESS = "progress"
    """An endpoint is at another point of its way."""
    ENDPOINT = "endpoint"
    """How an endpoint ended; one for each that something was to be done with."""
    VERIFIED = "verified"
    """What the checks of an endpoint said."""
    ENDED = "ended"
    """The last one, however the command ended."""


@dataclass(frozen=True)
class Event:
    """One event; fields that do not belong to its kind are left out."""

    event: Kind
    number: int
    """Counts from 1."""
    at: str
    """RFC 3339, UTC."""
    environment: str
    endpoint: str | None = None
    text: str | None = None
    """For people; other versions may say it in other words."""
    action: Action | None = None
    result: Result | None = None
    error_code: str | None = None
    fingerprint: str | None = None
    """Of the plan."""
    summary: dict[str, int] | None = None
    """How many endpoints a plan has of each action, or ended in which way."""
    problems: tuple[Problem, ...] | None = None
    """Why the command ended as it did."""
    exit_code: int | None = None
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__
