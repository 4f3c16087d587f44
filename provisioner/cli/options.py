"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.errors import ProvisionerError

if TYPE_CHECKING:
    from provisioner.plan.preflight import Preflight

Command = TypeVar("Command", bound=Callable[..., Any])

_PATIENCE = 60
_A_DAY = 86_400

ALL = "all"
"""Asks for every environment that is not only a base."""


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
    shard: Container[str] | None = None
    """The names of one shard; ``None`` = there are no shards."""
    changed: Container[str] | None = None
    """The names of what changed; ``None`` = that was not asked."""

    def __contains__(self, name: object) -> bool:
        wanted = not self.only or any(fnmatchcase(str(name), glob) for glob in self.only)
        left_out = any(fnmatchcase(str(name), glob) for glob in self.exclude)
        parts = (part for part in (self.shard, self.changed) if part is not None)
        return wanted and not left_out and all(str(name) in part for part in parts)


def today() -> date:
    """The day to judge dates by."""
    return datetime.now(tz=timezone.utc).date()


def as_of(command: Command) -> Command:
    """``--as-of``, handed on as ``day``: the day to judge dates by, today if none is given."""
    return click.option(
        "--as-of",
        "day",
        type=click.DateTime(["%Y-%m-%d"]),
        callback=_day,
        metavar="DATE",
        help="Day to judge facts by, as 2027-01-31.  [default: today]",
    )(command)


def _day(_context: click.Context, _option: click.Parameter, moment: datetime | None) -> date:
    return moment.date() if moment else today()


def patience() -> int:
    """Seconds for which calls are repeated when a service is busy or out of reach."""
    value = os.environ.get("PROVISIONER_PATIENCE_SECONDS", "")
    if value and not (value.isascii() and value.isdecimal() and 0 < int(value) < _A_DAY):
        raise click.UsageError(f"PROVISIONER_PATIENCE_SECONDS is a number of seconds, not {value}")
    return int(value) if value else _PATIENCE


def environment(command: Command) -> Command:
    """``-e``, required, exactly one; also from the environment variable PROVISIONER_ENVIRONMENT."""
    help_text = "Environment, a file in environments/.  [env: PROVISIONER_ENVIRONMENT]"
    return _environments(required=True, callback=_only_one, help_text=help_text)(command)


def environments(command: Command) -> Command:
    """``-e``, required: names, with commas or repeated, or ``all``; see :func:`named`."""
    help_text = (
        "Environments, files in environments/: names with commas, or all.  "
        "[env: PROVISIONER_ENVIRONMENT]"
    )
    return _environments(required=True, callback=_several, help_text=help_text)(command)


def environments_or_all(command: Command) -> Command:
    """``-e`` like :func:`environments`, all of them when it is not given."""
    help_text = (
        "Environments, with commas; all of them when it is not given.  "
        "[env: PROVISIONER_ENVIRONMENT]"
    )
    return _environments(required=False, callback=_several, help_text=help_text)(command)


def named(words: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The environments that were asked for, each once; ``all`` are those that are ``known``."""
    asked = list(words)
    return tuple(dict.fromkeys(known if ALL in asked else asked))


def are_several(words: Sequence[str]) -> bool:
    """Whether more than one environment was asked for; ``all`` may turn out to be one."""
    return ALL in words or len(set(words)) > 1


class _Environment(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has none
    name = "environment"

    def get_missing_message(
        self,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        ctx: click.Context | None = None,
    ) -> str | None:
        """Which environments there are, for who named none."""
        context = ctx or click.get_current_context(silent=True)
        names = _environments_here(context.obj if context else None)
        return f"Environments here: {', '.join(names)}." if names else None


def _environments_here(settings: Settings | None) -> list[str]:
    """Names of the files in environments/, unread; none where there is no project."""
    from provisioner.project import find_root  # only mistakes need it here

    try:
        root = (settings.project if settings else None) or find_root(Path.cwd())
        found = {path.stem for path in (root / "environments").glob("*.y*ml")}
    except (ProvisionerError, OSError):
        return []
    return sorted(name for name in found if not name.startswith("_"))


def _environments(*, required: bool, callback: Any, help_text: str) -> Callable[[Command], Command]:
    return click.option(
        "-e",
        "--environment",
        "environments" if callback is _several else "environment",
        envvar="PROVISIONER_ENVIRONMENT",
        required=required,
        multiple=True,
        callback=callback,
        type=_Environment(),
        metavar="ENV",
        help=help_text,
    )


def _several(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    words = tuple(word.strip() for value in values for word in value.split(","))
    if not all(words):
        raise click.BadParameter("an environment's name is missing", ctx, parameter)
    return words


def _only_one(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str:
    words = dict.fromkeys(_several(ctx, parameter, values))
    if len(words) != 1 or ALL in words:
        command = ctx.command_path.partition(" ")[2]
        asked = ", ".join(words)
        raise click.UsageError(f"{command} takes exactly one environment, not {asked}", ctx)
    return next(iter(words))


def selection(things: str = "endpoints") -> Callable[[Command], Command]:
    """``--only`` and ``--exclude``, both repeatable globs, handed on as ``selection``."""

    def with_options(command: Command) -> Command:
        @click.option(
            "--only", multiple=True, metavar="GLOB", help=f"Only these {things}; repeatable."
        )
        @click.option(
            "--exclude", multiple=True, metavar="GLOB", help="Leave these out; repeatable."
        )
        @wraps(command)
        def with_selection(*arguments: Any, only: Any, exclude: Any, **named: Any) -> Any:
            return command(*arguments, selection=Selection(only, exclude), **named)

        return with_selection  # type: ignore[return-value]

    return with_options


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


def no_rollout(command: Command) -> Command:
    """``--no-rollout``, where a plan is made."""
    return click.option(
        "--no-rollout", is_flag=True, help="Move all traffic at once, whatever `rollout` says."
    )(command)


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


def preflight(command: Command) -> Command:
    """``--no-preflight``; gives how much to ask."""
    return click.option(
        "--no-preflight",
        "preflight",
        is_flag=True,
        callback=_preflight,
        help="Do not ask for rights, secrets, schemas and accounts beforehand.",
    )(command)


def _preflight(_context: click.Context, _option: click.Parameter, off: bool) -> Preflight:  # noqa: FBT001
    from provisioner.plan.preflight import Preflight  # commands without a plan do not load it

    return Preflight.OFF if off else Preflight.FULL
