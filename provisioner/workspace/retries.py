"""Knowing whether the SDK repeated a call.

The SDK repeats every call, creations included, when the connection breaks or the
service asks for it. The answer to a repeated call may be about our own first try:
"already exists" then means that the first try worked.
"""

from __future__ import annotations

import sys
import threading
import time

from requests import RequestException

from provisioner.workspace.sdk import Clock, errors
from provisioner.workspace.throttle import Throttle

_UNREACHED = 10.0
"""Seconds to try to reach a workspace that never answered: a wrong host should not take a
minute."""


class RetryClock(Clock):
    """The clock that the SDK sleeps on between two tries; it remembers that it slept."""

    def __init__(self, throttle: Throttle, patience: float = _UNREACHED) -> None:
        self._thread = threading.local()
        self._throttle = throttle
        self._reached = False
        self._give_up = time.monotonic() + patience

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep, as the SDK does before each repetition; or end the call with its error.

        The SDK sleeps while it handles the error for which it repeats.
        """
        failure = sys.exc_info()[1]
        if isinstance(failure, RequestException):
            unreached = not self._reached and time.monotonic() + seconds > self._give_up
            if unreached or getattr(self._thread, "writes", False):
                raise failure
        if self._throttle.stopped and failure is not None:
            raise failure
        if isinstance(failure, errors.TooManyRequests):
            self._throttle.slow_down()
        self._thread.slept = True
        time.sleep(seconds)

    def reached(self) -> None:
        """The workspace has answered: from now on a broken connection is waited for."""
        self._reached = True

    def started(self, *, writes: bool) -> None:
        """A new call begins in this thread.

        A call that ``writes`` is not repeated after a broken connection: whether it
        took effect has to be looked up first.
        """
        self._thread.slept = False
        self._thread.writes = writes

    @property
    def repeated(self) -> bool:
        """Whether the call of this thread was made more than once."""
        return bool(getattr(self._thread, "slept", False))
