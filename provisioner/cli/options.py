"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Settings:
    """What was said before the command's name."""

    project: Path | None
    verbosity: int

    @property
    def verbose(self) -> bool:
        """Whether unchanged things are worth a line."""
        return self.verbosity > 0


@dataclass(frozen=True)
class Selection:
    """Which endpoints a run is about."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __contains__(self, name: object) -> bool:
        wanted = not self.only or any(fnmatchcase(str(name), glob) for glob in self.only)
        return wanted and not any(fnmatchcase(str(name), glob) for glob in self.exclude)


def today() -> date:
    """The day to judge dates by."""
    return datetime.now(tz=timezone.utc).date()


def environment(command: Command) -> Command:
    """``-e``, required; also from the environment variable PROVISIONER_ENVIRONMENT."""
    return click.option(
        "-e",
        "--environment",
        envvar="PROVISIONER_ENVIRONMENT",
        required=True,
        metavar="ENV",
        help="Environment, a file in environments/.  [env: PROVISIONER_ENVIRONMENT]",
    )(command)


def selection(command: Command) -> Command:
    """``--only`` and ``--exclude``, both repeatable globs of endpoint names."""
    command = click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Leave these endpoints out; repeatable."
    )(command)
    return click.option(
        "--only", multiple=True, metavar="GLOB", help="Only these endpoints; repeatable."
    )(command)


def output_format(*formats: str) -> Callable[[Command], Command]:
    """``-o`` with the formats that a command knows; the first is the default."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of the answer.",
    )


def parallelism(command: Command) -> Command:
    """``--parallelism``, how many calls at once."""
    return click.option(
        "--parallelism",
        type=click.IntRange(1, 64),
        default=10,
        show_default=True,
        metavar="N",
        help="How many calls to make at once.",
    )(command)
