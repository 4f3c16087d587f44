"""What is said of a bug: where it is, without its values, which might hold a secret."""

from __future__ import annotations

import os
from pathlib import Path

from provisioner import __version__
from provisioner.cli import output


def report_bug(failure: Exception) -> None:
    """Say where a bug is without its values, which might hold a secret."""
    import traceback  # only bugs need it

    frame = traceback.extract_tb(failure.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
    output.note(f"bug: {type(failure).__name__} at {place} (provisioner {__version__})")
    if os.environ.get("PROVISIONER_TRACEBACK"):
        for line in traceback.format_tb(failure.__traceback__):
            output.note(line.rstrip())
    else:
        output.note("please report it; PROVISIONER_TRACEBACK=1 shows the calls that led there")
