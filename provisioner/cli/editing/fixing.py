"""``validate --fix``: certain edits, shown as a diff before they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from provisioner.cli import output
from provisioner.cli.editing import rewriting
from provisioner.errors import Fixable, Problem
from provisioner.project import Project, open_project
from provisioner.project.edits import edited

_ROUNDS = 5
"""What is wrong may only show once something else is right."""


def fix(root: Path, judge: Callable[[Project], Iterable[Problem]], *, yes: bool) -> None:
    """Edit the files of a project where the fix is certain, if somebody agrees.

    Raises:
        Refused: there is something to write, and nobody to ask.
    """
    texts: dict[str, bytes] = {}
    for _ in range(_ROUNDS):
        changed = _round(root, judge(open_project(root, texts)), texts)
        if not changed:
            break
        texts |= changed
    if not texts:
        output.note("nothing to fix")
        return
    rewriting.propose(root, texts, "fix", yes=yes)


def _round(root: Path, problems: Iterable[Problem], texts: dict[str, bytes]) -> dict[str, bytes]:
    """What files hold after one more round of edits; those that stay are left out."""
    found = list(problems)
    by_file: dict[str, list[Fixable]] = {}
    # What one environment can do without, another may not.
    disputed = {problem.where for problem in found if not isinstance(problem, Fixable)}
    for problem in found:
        if not isinstance(problem, Fixable) or problem.where is None:
            continue
        if problem.new or problem.where not in disputed:
            by_file.setdefault(problem.where.file, []).append(problem)
    changed = {}
    for name, fixes in by_file.items():
        before = texts[name] if name in texts else (root / name).read_bytes()
        after = edited(before, fixes, name)
        if after != before:
            changed[name] = after
    return changed
