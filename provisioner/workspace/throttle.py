"""How many calls are made at once: fewer as soon as the workspace asks for patience."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from provisioner.errors import Unavailable


class Throttle:
    """Lets through at most ``most`` calls at once; halved on every complaint, regained slowly."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._active = 0
        self._free = threading.Condition()
        self.stopped = False
        """Whether no further call may begin."""

    @property
    def allowed(self) -> int:
        """How many calls may be under way right now."""
        return max(1, int(self._allowed))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a place, and hold it for the length of the block.

        Raises:
            Unavailable: nobody waits for an answer any more.
        """
        with self._free:
            self._free.wait_for(lambda: self.stopped or self._active < self.allowed)
            if self.stopped:
                raise Unavailable("cannot go on: the run was interrupted")
            self._active += 1
        try:
            yield
        finally:
            with self._free:
                self._active = max(0, self._active - 1)
                # One more place after as many calls as there are places now.
                self._allowed = min(self.most, self._allowed + 1 / self._allowed)
                self._free.notify_all()

    def slow_down(self) -> None:
        """The workspace complained of too many calls."""
        with self._free:
            self._allowed = max(1.0, self._allowed / 2)

    def forget(self) -> None:
        """Nobody waits for the calls under way any more; let others begin in their places."""
        with self._free:
            self._active = 0
            self._free.notify_all()

    def stop(self) -> None:
        """Let no further call begin; those under way end by themselves."""
        with self._free:
            self.stopped = True
            self._free.notify_all()
