"""Files that the tool proposes to change: a diff, a question, and each file replaced at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

import click

from provisioner.cli import output
from provisioner.cli.editing.shown import lines_of
from provisioner.cli.saving import write_whole
from provisioner.errors import Refused


def propose(root: Path, texts: Mapping[str, bytes], doing: str, *, yes: bool) -> bool:
    """Show what files would hold, by their names, and write it if somebody agrees.

    Raises:
        Refused: there is nobody to ask.
    """
    for name, text in sorted(texts.items()):
        output.note(_diff(name, (root / name).read_bytes(), text))
    files = f"{len(texts)} file{'s' * (len(texts) != 1)}"
    if not yes and not output.can_ask():
        raise Refused(
            f"cannot {doing}: nobody is there to agree", "look at the diff and give --yes"
        )
    if not yes and not click.confirm(f"Write {files}?", err=True):
        output.note("nothing was written")
        return False
    for name, text in texts.items():
        _write(root / name, text)
    output.note(f"wrote {files}")
    return True


def _diff(name: str, before: bytes, after: bytes) -> str:
    lines = unified_diff(
        lines_of(before),
        lines_of(after),
        name,
        f"{name} (as proposed)",
        n=1,
        lineterm="",
    )
    return "\n".join(lines)


def _write(path: Path, text: bytes) -> None:
    """Replace a file's content at once: half a file is never there."""
    try:
        write_whole(path, text)
    except OSError as failure:
        raise Refused(f"cannot write {path}: {failure.strerror}") from failure
