"""Files that commands write: as a whole or not at all, and looked at before anything is asked."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import click

from provisioner.cli.output import AnswerNotWritten

PLACE = "{env}"
"""Stands for the environment in the name of a file."""


class OutFile(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has none
    """Name of a file to be written; where it cannot be, that is said before a command begins."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it was given."""
        text = str(value)
        if not text.strip():
            self.fail("the name of the file is empty", param, ctx)
        if Path(text).is_dir():
            self.fail(f"{text} is a folder", param, ctx)
        _try(text)
        return text


def _try(text: str) -> None:
    """Look whether a file can come into a folder, without leaving anything there."""
    path = Path(text)
    if _is_special(path):
        return
    folder = path.resolve().parent
    while PLACE in str(folder) or not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as failure:
        raise _not_written(path, failure, "nothing was asked of the workspace") from failure


def save(path: Path, content: bytes) -> None:
    """Write a file that was asked for, with the folders above it.

    Raises:
        AnswerNotWritten: it cannot be written; what was there before still is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as failure:
        raise _not_written(path, failure, "nothing was saved") from failure


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content at once: half a file is never there.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    if _is_special(path):
        path.write_bytes(content)
        return
    target = path.resolve()
    draft = target.with_name(f".new-{token_hex(8)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(content)
        if target.exists():
            draft.chmod(target.stat().st_mode)
        draft.replace(target)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def _is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, which are written to and not replaced."""
    return path.exists() and not path.is_file()


def _not_written(path: Path, failure: OSError, hint: str) -> AnswerNotWritten:
    why = failure.strerror or os.strerror(failure.errno or 0)
    return AnswerNotWritten(f"cannot write {path}: {why}", hint)
