"""Little projects from texts: what examples and cases of rules have in common."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from pathlib import Path

from provisioner.cli.environment.judging import judge
from provisioner.errors import Problem, ProjectInvalid
from provisioner.project import open_project

DAY = date(2026, 9, 20)
_HEADER = re.compile(r"^# ((?:endpoints|environments)/[\w-]+\.yaml|catalog\.override\.yaml)$", re.M)


def project_of(root: Path, text: str) -> Path:
    """A project of the files that a text names, of one endpoint, or of served entities.

    Environments belong to the project `shop`; without one there is `dev`.
    """
    parts = _HEADER.split(text)
    files = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not files:
        if text.startswith("- "):
            entities = "".join(f"    {line}\n" for line in text.splitlines())
            text = f"name: example\nconfig:\n  served_entities:\n{entities}"
        files["endpoints/example.yaml"] = text
    if not any(name.startswith("environments/") for name in files):
        files["environments/dev.yaml"] = ""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"project: shop\n{content}" if name.startswith("env") else content)
    for folder in ("endpoints", "environments"):
        (root / folder).mkdir(exist_ok=True)
    return root


def found_in(root: Path, day: date = DAY) -> list[Problem]:
    """The problems of all environments, each once, as `validate` shows them."""
    project = open_project(root)
    found: set[Problem] = set()
    for name in project.environments:
        try:
            found |= set(project.load(name, partial(judge, today=day, root=root)).problems)
        except ProjectInvalid as invalid:
            found |= set(invalid.problems())
    return sorted(found, key=Problem.sort_key)
