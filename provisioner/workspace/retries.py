"""Knowing whether the SDK repeated a call.

The SDK repeats every call, creations included, when the connection breaks or the
service asks for it. The answer to a repeated call may be about our own first try:
"already exists" then means that the first try worked.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from requests import RequestException

from provisioner.workspace.sdk import Clock, errors
from provisioner.workspace.throttle import Throttle

_UNREACHED = 10.0
"""Seconds to try to reach a workspace that never answered: a wrong host should not take a
minute."""
_SILENT = 4.0
"""Seconds that may pass without a word."""


class OutOfPatience(TimeoutError):
    """A call is tried no longer; the cause is its last failure."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class RetryClock(Clock):
    """The clock that the SDK sleeps on between two tries; it remembers that it slept."""

    def __init__(
        self,
        throttle: Throttle,
        patience: float = _UNREACHED,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._thread = threading.local()
        self._throttle = throttle
        self._reached = False
        self._began = time.monotonic()
        self.patience = patience
        """Seconds for which one call is tried."""
        self._tell = tell
        self._told_until = 0.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep, as the SDK does before each repetition; or end the call with its error.

        The SDK sleeps while it handles the error for which it repeats.
        """
        failure = sys.exc_info()[1]
        if isinstance(failure, RequestException):
            unreached = not self._reached and time.monotonic() + seconds > self._began + _UNREACHED
            if unreached or getattr(self._thread, "writes", False):
                raise failure
        if self._throttle.stopped and failure is not None:
            raise failure
        if isinstance(failure, errors.TooManyRequests):
            self._throttle.slow_down()
        self._keep_patience(failure, seconds)
        self._thread.slept = True
        time.sleep(max(0.0, seconds))

    def _keep_patience(self, failure: BaseException | None, seconds: float) -> None:
        """Say of a wait that it is one; end the call where it would be too long.

        What the service asks for is taken as it is by the SDK (0.156), negative or a week.
        """
        now = time.monotonic()
        tried = now - getattr(self._thread, "began", self._began)
        asked = getattr(failure, "retry_after_secs", None) or 0
        if tried + seconds > self.patience:
            if asked > _SILENT:
                raise OutOfPatience(
                    f"it asks to wait {asked} s, and calls are tried for {self.patience:g} s",
                    "run it again after that, or raise PROVISIONER_PATIENCE_SECONDS",
                ) from failure
            raise OutOfPatience(f"tried for {tried:.0f} s") from failure
        if seconds > _SILENT and now >= self._told_until:
            self._told_until = now + seconds
            why = "it asks for that" if asked else "it does not answer"
            self._tell(f"waiting {seconds:.0f} s for the workspace: {why}")

    def reached(self) -> None:
        """The workspace has answered: from now on a broken connection is waited for."""
        self._reached = True

    def started(self, *, writes: bool) -> None:
        """A new call begins in this thread.

        A call that ``writes`` is not repeated after a broken connection: whether it
        took effect has to be looked up first.
        """
        self._thread.slept = False
        self._thread.began = time.monotonic()
        self._thread.writes = writes

    @property
    def repeated(self) -> bool:
        """Whether the call of this thread was made more than once."""
        return bool(getattr(self._thread, "slept", False))
