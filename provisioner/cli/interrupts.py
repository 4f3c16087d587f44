"""Ctrl-C, remembered: Python swallows it when it arrives inside of a finalizer."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

asked = threading.Event()
"""Set as soon as somebody asked to stop."""


@contextmanager
def remembered() -> Iterator[None]:
    """Remember Ctrl-C, besides raising it, for as long as the block lasts."""
    asked.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler, hook = signal.signal(signal.SIGINT, _remember), sys.unraisablehook

    def without_interrupts(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)

    sys.unraisablehook = without_interrupts
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, handler)


def _remember(_number: int, _frame: FrameType | None) -> None:
    asked.set()
    raise KeyboardInterrupt
