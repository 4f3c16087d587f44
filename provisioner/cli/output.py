"""Printing: answers on stdout, everything else on stderr.

Nothing that goes to stderr raises: what is done matters more than that somebody reads of it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import click

from provisioner.errors import Problem, ProvisionerError
from provisioner.report import problems


class AnswerNotWritten(ProvisionerError):
    """What was asked for could not be written to stdout, or to the file that was named."""

    code = "answer-not-written"


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a place that takes no more."""
_color: bool | None = None
_calls = False


def use_color(color: bool | None) -> None:  # noqa: FBT001 - three states
    """Colour always or never; ``None`` = where a terminal reads."""
    global _color
    _color = color


def use_terminal_width() -> None:
    """Fold text to the terminal that reads it; ``COLUMNS`` says another width."""
    problems.use_terminal(_terminal_columns())


def _terminal_columns() -> int | None:
    told = os.environ.get("COLUMNS", "")
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream.isatty():
                found = int(told) if told.isdecimal() else os.get_terminal_size(stream.fileno())[0]
                return found or None  # a terminal without a size
        except (OSError, ValueError):
            continue
    return None


def is_plain() -> bool:
    """Whether colour was refused."""
    return _color is False


def tell_calls(told: bool) -> None:  # noqa: FBT001 - a switch
    """Whether every call is worth a line."""
    global _calls
    _calls = told


def tells_calls() -> bool:
    """Whether every call is told."""
    return _calls


def answer(text: str) -> None:
    """Print what was asked for.

    Raises:
        BrokenPipeError: its reader has gone.
        AnswerNotWritten: it could not be written, such as to a full disk.
    """
    _printed(text, end="\n")


def piece(text: str) -> None:
    """Print a part of an answer, at once and without an end of line; raises as `answer` does."""
    _printed(text, end="")


def _printed(text: str, end: str) -> None:
    try:
        click.echo(text + end, nl=False, color=_color)
        sys.stdout.flush()
    except BrokenPipeError:
        give_up(sys.stdout)
        raise
    except OSError as failure:
        give_up(sys.stdout)
        raise not_written(failure) from failure


def not_written(failure: Exception) -> AnswerNotWritten:
    """What to raise where stdout takes nothing."""
    why = getattr(failure, "strerror", None) or "nobody takes it"
    return AnswerNotWritten(f"cannot write the answer: {why}")


def note(text: str) -> None:
    """Print something about the run."""
    with unhindered():
        click.echo(text, err=True, color=_color)


@contextmanager
def unhindered() -> Iterator[None]:
    """Go on after the block also where stderr takes nothing."""
    try:
        yield
    except OSError:
        give_up(sys.stderr)


def give_up(stream: IO[str]) -> None:
    """Let a stream that nobody reads take what is still to come, buffered parts included."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Enduring:
    """Stderr for those who write to it themselves: raises as little as `note`."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, text: str) -> int:
        """Write as far as that goes."""
        with unhindered():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as far as that goes."""
        with unhindered():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def show_problems(found: Iterable[Problem]) -> None:
    """Print problems, in the order given."""
    if text := problems.problems(found):
        note(text)


def can_ask() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
