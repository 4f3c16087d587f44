"""Printing: answers on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from provisioner.errors import Problem
from provisioner.report import terminal


def answer(text: str) -> None:
    """Print what was asked for."""
    click.echo(text)


def note(text: str) -> None:
    """Print something about the run."""
    click.echo(text, err=True)


def show_problems(problems: Iterable[Problem]) -> None:
    """Print problems, in the order given."""
    if text := terminal.problems(problems):
        note(text)


def can_ask() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()
