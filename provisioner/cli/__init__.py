"""The command line: the only room that prints, reads the environment and exits."""

from __future__ import annotations

import sys


def run() -> None:
    """Entry point of the ``provisioner`` command."""
    from provisioner.cli.main import main

    sys.exit(main(sys.argv[1:]))
