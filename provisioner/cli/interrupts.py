"""Ctrl-C, remembered: Python swallows it when it arrives inside of a finalizer."""

from __future__ import annotations

import signal
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
    before = signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _remember(_number: int, _frame: FrameType | None) -> None:
    asked.set()
    raise KeyboardInterrupt
