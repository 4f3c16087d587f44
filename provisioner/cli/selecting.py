"""Parts of a fleet: ``--shard`` by a stable hash, ``--changed-since`` by what git knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.cli import options, output
from provisioner.cli.options import Selection

if TYPE_CHECKING:
    from provisioner.cli.environment.session import Session

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_SHARDS = 256
"""As many jobs as one matrix may have on GitHub (its documentation of `jobs.<id>.strategy`)."""


@dataclass(frozen=True)
class Shard:
    """One of ``count`` parts of a fleet; every name is in exactly one of them."""

    number: int
    """From 1 to ``count``."""
    count: int

    def __contains__(self, name: object) -> bool:
        digest = hashlib.sha256(str(name).encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


class _ShardType(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has none
    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", str(value))
        number, count = (int(part) for part in found.groups()) if found else (0, 0)
        if not 1 <= number <= count <= MAX_SHARDS:
            self.fail(f"{value!r} is not I/N with 1 <= I <= N <= {MAX_SHARDS}", param, ctx)
        return Shard(number, count)


def shard(command: Command) -> Command:
    """``--shard``, one part of a large fleet."""
    return click.option(
        "--shard",
        type=_ShardType(),
        metavar="I/N",
        help="Only part I of N; every endpoint is in exactly one.",
    )(command)


def changed_since(command: Command) -> Command:
    """``--changed-since``, what was declared otherwise at a commit."""
    return click.option(
        "--changed-since",
        metavar="REF",
        help="Only what was declared otherwise at this commit of git.",
    )(command)


@dataclass(frozen=True)
class Choice:
    """What the options say; which endpoints that is depends on the environment."""

    named: Selection
    shard: Shard | None
    changed_since: str | None

    @property
    def is_narrow(self) -> bool:
        """Whether anything but a shard was asked for."""
        return bool(self.named.only or self.named.exclude or self.changed_since)

    def of(self, session: Session) -> Selection:
        """The endpoints of an environment that all of the options leave.

        Raises:
            ProjectInvalid: git cannot tell what changed.
        """
        from provisioner.cli.environment.meant import meant

        named = replace(meant(self.named, session), shard=self.shard)
        if self.changed_since is None:
            return named
        from provisioner.cli.environment import changes  # git is asked only here

        found = changes.endpoints(session.loaded, self.changed_since)
        output.note(f"{session.loaded.environment}: {found.says()}")
        return replace(named, changed=found.names)


def choice(command: Command) -> Command:
    """``--only``, ``--exclude``, ``--shard`` and ``--changed-since``, handed on as ``choice``."""

    @options.selection()
    @shard
    @changed_since
    @wraps(command)
    def with_choice(
        *arguments: Any, selection: Selection, shard: Any, changed_since: Any, **named: Any
    ) -> Any:
        return command(*arguments, choice=Choice(selection, shard, changed_since), **named)

    return with_choice  # type: ignore[return-value]
