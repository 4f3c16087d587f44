"""The command line: the only room that prints, reads the environment and exits."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    """Entry point of the ``provisioner`` command."""
    # A command makes many small values and is gone before any of them turns into garbage.
    gc.set_threshold(100_000, 50, 50)
    # Pydantic looks through all installed packages for plugins; there are none for us.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from provisioner.cli.main import main

    sys.exit(main(sys.argv[1:]))
