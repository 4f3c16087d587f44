"""Keeping to the number of calls that a workspace takes in a while."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Pace:
    """At most ``calls`` in any ``seconds``; safe to use from several threads."""

    def __init__(
        self,
        calls: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = calls
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._made: deque[float] = deque()
        self._lock = threading.Lock()

    def wait_for_turn(self) -> None:
        """Return when one more call may be made, and count it."""
        while True:
            with self._lock:
                now = self._clock()
                while self._made and self._made[0] <= now - self._seconds:
                    self._made.popleft()
                if len(self._made) < self._calls:
                    self._made.append(now)
                    return
                pause = self._made[0] + self._seconds - now
            self._sleep(pause)
