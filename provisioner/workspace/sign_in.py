"""Signing in once for many calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Headers = dict[str, str]

_KEPT = 300.0
"""Seconds for which headers are used again; tokens live for an hour."""


def kept_for_a_while(
    authenticate: Callable[[], Headers], clock: Callable[[], float] = time.monotonic
) -> Callable[[], Headers]:
    """A function that signs requests like ``authenticate``, which it asks only now and then."""
    lock = threading.Lock()
    kept: Headers = {}
    until = 0.0

    def headers() -> Headers:
        nonlocal kept, until
        with lock:
            if clock() >= until:
                kept, until = authenticate(), clock() + _KEPT
            return dict(kept)

    return headers
