"""Printing: answers on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from provisioner.errors import Problem
from provisioner.report import problems

_color: bool | None = None
_calls = False


def use_color(color: bool | None) -> None:  # noqa: FBT001 - three states
    """Colour always or never; ``None`` = where a terminal reads."""
    global _color
    _color = color


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
    """Print what was asked for."""
    click.echo(text, color=_color)


def piece(text: str) -> None:
    """Print a part of an answer, at once and without an end of line."""
    click.echo(text, nl=False, color=_color)
    sys.stdout.flush()


def note(text: str) -> None:
    """Print something about the run."""
    click.echo(text, err=True, color=_color)


def show_problems(found: Iterable[Problem]) -> None:
    """Print problems, in the order given."""
    if text := problems.problems(found):
        note(text)


def can_ask() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
