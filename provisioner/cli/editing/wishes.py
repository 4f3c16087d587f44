"""What ``drift --accept`` and its options say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wish:
    """What is to be accepted."""

    endpoints: tuple[str, ...]
    """Globs of names."""
    paths: tuple[str, ...] = ()
    """Globs of document paths; none = everything."""
    yes: bool = False
    """Nobody has to be asked."""

    def covers(self, path: str) -> bool:
        """Whether a change is meant."""
        # A bracket is part of a path here, and no set of characters.
        globs = (glob.replace("[", "[[]") for glob in self.paths)
        return not self.paths or any(fnmatchcase(path, glob) for glob in globs)


def option(command: Command) -> Command:
    """``--accept``, ``--path`` and ``--yes``, handed on as ``wish``."""

    @click.option(
        "--accept", multiple=True, metavar="GLOB", help="Write what is live into the files."
    )
    @click.option("--path", multiple=True, metavar="GLOB", help="With --accept: only these fields.")
    @click.option("--yes", is_flag=True, help="With --accept: do not ask.")
    @wraps(command)
    def with_wish(*arguments: Any, accept: Any, path: Any, yes: bool, **named: Any) -> Any:
        if (path or yes) and not accept:
            raise click.UsageError(f"{'--path' if path else '--yes'} needs --accept")
        wish = Wish(accept, path, yes) if accept else None
        return command(*arguments, wish=wish, **named)

    return with_wish  # type: ignore[return-value]
