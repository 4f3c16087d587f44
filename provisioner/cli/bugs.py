"""What is said of a bug: where it is, without its values, which might hold a secret."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from provisioner import __version__
from provisioner.cli import output


def report_bug(failure: BaseException) -> None:
    """Say where a bug is without its values, which might hold a secret."""
    import traceback  # only bugs need it

    *_, frame = traceback.extract_tb(failure.__traceback__) or [None]
    place = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" if frame else "its start"
    output.note(f"bug: {type(failure).__name__} at {place} (provisioner {__version__})")
    if os.environ.get("PROVISIONER_TRACEBACK"):
        for line in traceback.format_tb(failure.__traceback__):
            output.note(line.rstrip())
    else:
        output.note("please report it; PROVISIONER_TRACEBACK=1 shows the calls that led there")


def report_all_bugs() -> None:
    """Have Python say no more than that of bugs that nobody catches, as those in threads."""

    def uncaught(failure: BaseException | None) -> None:
        # Neither Ctrl-C nor a reader of a pipe who has gone is a bug.
        if isinstance(failure, Exception) and not isinstance(failure, BrokenPipeError):
            report_bug(failure)

    sys.excepthook = lambda _kind, failure, _trace: uncaught(failure)
    threading.excepthook = lambda told: uncaught(told.exc_value)
    sys.unraisablehook = lambda told: uncaught(told.exc_value)
