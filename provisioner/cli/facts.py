"""The facts that are in force where a command runs."""

from __future__ import annotations

from pathlib import Path

from provisioner.catalog import OVERRIDE_FILE, Catalog, catalog
from provisioner.cli.options import Settings
from provisioner.errors import ProjectInvalid


def facts_in_force(settings: Settings) -> Catalog:
    """The shipped facts with those of the project over them; outside of one only the shipped.

    Raises:
        ProjectInvalid: the project's own facts cannot be used.
    """
    here = settings.project or Path.cwd()
    if not any((folder / OVERRIDE_FILE).is_file() for folder in (here, *here.parents)):
        return catalog()
    from provisioner.project import facts_of, find_root  # only where there may be a file to read

    try:
        root = settings.project or find_root(here)
    except ProjectInvalid:
        return catalog()
    facts, problems = facts_of(root)
    if problems:
        raise ProjectInvalid(*problems)
    return facts
