"""A project on disk: find it, read it once, and load one environment of it."""

from __future__ import annotations

from provisioner.project.assembly import Declared
from provisioner.project.environments import Overlay
from provisioner.project.facts import facts_of
from provisioner.project.files import find_root
from provisioner.project.load import Loaded, Project, open_project

__all__ = ["Declared", "Loaded", "Overlay", "Project", "facts_of", "find_root", "open_project"]
