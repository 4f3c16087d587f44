"""``validate --fix``: certain edits, shown as a diff before they are written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from difflib import unified_diff
from pathlib import Path

import click

from provisioner.cli import output
from provisioner.errors import Fixable, Problem, Refused
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
    for name, text in sorted(texts.items()):
        output.note(_diff(name, (root / name).read_bytes(), text))
    files = f"{len(texts)} file{'s' * (len(texts) != 1)}"
    if not yes and not output.can_ask():
        raise Refused("cannot fix: nobody is there to agree", "look at the diff and give --yes")
    if yes or click.confirm(f"Write {files}?", err=True):
        for name, text in texts.items():
            _write(root / name, text)
        output.note(f"wrote {files}")
    else:
        output.note("nothing was written")


def _round(root: Path, problems: Iterable[Problem], texts: dict[str, bytes]) -> dict[str, bytes]:
    """What files hold after one more round of edits; those that stay are left out."""
    by_file: dict[str, list[Fixable]] = {}
    for problem in problems:
        if isinstance(problem, Fixable) and problem.where:
            by_file.setdefault(problem.where.file, []).append(problem)
    changed = {}
    for name, fixes in by_file.items():
        before = texts[name] if name in texts else (root / name).read_bytes()
        after = edited(before, fixes, name)
        if after != before:
            changed[name] = after
    return changed


def _diff(name: str, before: bytes, after: bytes) -> str:
    lines = unified_diff(
        before.decode().splitlines(),
        after.decode().splitlines(),
        name,
        f"{name} (fixed)",
        n=1,
        lineterm="",
    )
    return "\n".join(lines)


def _write(path: Path, text: bytes) -> None:
    """Replace a file's content at once: half a file is never there."""
    target = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".fix-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        Path(temporary).chmod(target.stat().st_mode)
        Path(temporary).replace(target)
    except OSError as failure:
        Path(temporary).unlink(missing_ok=True)
        raise Refused(f"cannot write {path}: {failure.strerror}") from failure
