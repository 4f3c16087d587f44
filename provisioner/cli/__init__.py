"""The command line: the only room that prints, reads the environment and exits."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType


def run() -> None:
    """Entry point of the ``provisioner`` command."""
    # A command makes many small values and is gone before any of them turns into garbage.
    gc.set_threshold(100_000, 50, 50)
    _without_plugins()

    from provisioner.cli import interrupts
    from provisioner.cli.bugs import report_all_bugs
    from provisioner.cli.main import main

    report_all_bugs()
    code = main(sys.argv[1:])
    if interrupts.hurried.is_set():
        # Threads that nobody waits for would keep the process.
        os._exit(code)
    # The system takes the memory back; looking through it for garbage first would take longer.
    gc.freeze()
    sys.exit(code)


def _without_plugins() -> None:
    """Stand in for pydantic's search for plugins.

    There are none for us, and only to look it loads `importlib.metadata` with all that hangs on
    it (pydantic 2.14: even when PYDANTIC_DISABLE_PLUGINS is set).
    """
    search = ModuleType("pydantic.plugin._loader")
    search.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(search.__name__, search)
