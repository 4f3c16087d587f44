"""What applying needs of its surroundings, and how it tells of itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from provisioner.plan.verification import Verdict
from provisioner.wire.answers import Live


@dataclass(frozen=True)
class Progress:
    """Something happened to an endpoint."""

    name: str
    text: str


class Service(Protocol):
    """What applying needs of a workspace."""

    host: str

    def read(self, name: str, rows: Collection[str] | None = None) -> Live | None:
        """One endpoint, with its permissions where ``rows`` is given."""

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, doing: str
    ) -> dict[str, Any]:
        """Make one API call."""

    def settle(
        self, name: str, version: int, timeout: float, sleep: Callable[[float], None]
    ) -> Live:
        """Wait until configuration ``version`` serves."""

    def metrics(self, name: str) -> str:
        """An endpoint's metrics as Prometheus text."""


Probe: TypeAlias = Callable[[str, Sequence[str]], Sequence[Verdict]]
"""Puts its checks to some served entities of an endpoint, past the traffic split."""


@dataclass(frozen=True)
class Options:
    """How to apply."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    """Values of the environment variables that calls need, by name."""
    parallelism: int = 10
    wait: bool = True
    """Wait until endpoints serve their new configuration."""
    report: Callable[[Progress], None] = lambda _progress: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set from outside to start no other call."""
    hurry: threading.Event = field(default_factory=threading.Event)
    """Set from outside to wait no longer for the calls in flight."""
    bug: Callable[[Exception], None] = lambda _failure: None
    """Takes what one endpoint or secret met that nobody thought of; the others go on."""
    probe: Probe = lambda _endpoint, _entities: ()
    """Asks served entities on their way into the traffic."""
