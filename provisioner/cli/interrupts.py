"""Being asked to stop: by Ctrl-C, by whoever runs the job, or because the terminal closed.

All of them ask for the same. Once: what is in flight is finished, what was done is written
down. A second time: nobody waits for what is in flight, it is still written down. A third time
the process is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from provisioner.errors import ExitCode

asked = threading.Event()
"""Set as soon as somebody asked to stop; Python swallows what is raised in a finalizer."""
hurried = threading.Event()
"""Set when somebody asked a second time."""

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_ONE_REQUEST = 0.25
"""Seconds in which all signals are one request: `timeout` signals its child and then its group,
and a closed terminal is told by the kernel and by the shell."""


@dataclass
class _State:
    last: float = 0.0
    held: int = 0


_state = _State()


@contextmanager
def remembered() -> Iterator[None]:
    """Turn signals into `KeyboardInterrupt`, and remember them, for as long as the block lasts."""
    asked.clear()
    hurried.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Who started us under nohup wants the closed terminal not to matter.
    listening = [number for number in _SIGNALS if not _is_ignored(number)]
    handlers = {number: signal.signal(number, _remember) for number in listening}
    hook = sys.unraisablehook

    def without_interrupts(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)

    sys.unraisablehook = without_interrupts
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """Let signals only be remembered: the block looks at `asked` and `hurried` itself."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1


def _is_ignored(number: int) -> bool:
    return number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN


def _remember(_number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if asked.is_set() and now - _state.last < _ONE_REQUEST:
        return
    _state.last = now
    if hurried.is_set():
        os._exit(ExitCode.INTERRUPTED)
    if asked.is_set():
        hurried.set()
    asked.set()
    if not _state.held:
        raise KeyboardInterrupt
