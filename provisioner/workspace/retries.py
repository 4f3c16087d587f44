"""Knowing whether the SDK repeated a call.

The SDK repeats every call, creations included, when the connection breaks or the
service asks for it. The answer to a repeated call may be about our own first try:
"already exists" then means that the first try worked.
"""

from __future__ import annotations

import threading
import time

from provisioner.workspace.sdk import Clock


class RetryClock(Clock):
    """The clock that the SDK sleeps on between two tries; it remembers that it slept."""

    def __init__(self) -> None:
        self._thread = threading.local()

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep, as the SDK does before each repetition."""
        self._thread.slept = True
        time.sleep(seconds)

    def started(self) -> None:
        """A new call begins in this thread."""
        self._thread.slept = False

    @property
    def repeated(self) -> bool:
        """Whether the call of this thread was made more than once."""
        return bool(getattr(self._thread, "slept", False))
