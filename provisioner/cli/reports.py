"""Reports for people who are not at a terminal: ``-o markdown`` and ``-o html``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import click

from provisioner.cli.options import Command
from provisioner.errors import ProjectInvalid, error
from provisioner.plan.fleet import Fleet
from provisioner.report.summary import Summary, unknown

T = TypeVar("T")

_LIMIT = f"{__name__}.limit"
_ARTIFACT = f"{__name__}.artifact"


def options(command: Command) -> Command:
    """``--limit`` and ``--artifact`` of the form Markdown; `Papers` know them."""
    command = click.option(
        "--artifact",
        metavar="WHERE",
        expose_value=False,
        callback=_keep(_ARTIFACT),
        help="Where the full report is, for what markdown leaves out.",
    )(command)
    return click.option(
        "--limit",
        type=click.IntRange(1),
        metavar="BYTES",
        expose_value=False,
        callback=_keep(_LIMIT),
        help="Longest markdown.  [default: 65000, a comment in GitHub]",
    )(command)


def _keep(key: str) -> Any:
    def keep(context: click.Context, _parameter: click.Parameter, value: T) -> T:
        context.meta[key] = value
        return value

    return keep


class Papers(Generic[T]):
    """The forms of one answer that are meant for pages: functions from the answer to text."""

    def __init__(self, title: str, summarise: Callable[[T], Summary]) -> None:
        self._title = title
        self._summarise = summarise
        self.one: dict[str, Callable[[T], str]] = {
            "markdown": lambda found: markdown([summarise(found)]),
            "html": lambda found: _html([summarise(found)]),
        }
        self.together: dict[str, Callable[[Fleet[T]], str]] = {
            "markdown": lambda found: markdown(self._summaries(found)),
            "html": lambda found: _html(self._summaries(found)),
        }

    def _summaries(self, found: Fleet[T]) -> list[Summary]:
        return [
            self._summarise(one.result)
            if one.result is not None
            else unknown(self._title, one.name, one.problems)
            for one in found.environments
        ]


def _html(summaries: Sequence[Summary]) -> str:
    from provisioner.report import html  # the template engine takes its time

    return html.page(summaries).rstrip("\n")


def markdown(summaries: Sequence[Summary]) -> str:
    """Summaries as one text within the limit.

    Raises:
        ProjectInvalid: the limit has no room for what has to be told.
    """
    from provisioner.report import markdown as form
    from provisioner.report.fitting import DoesNotFit

    meta = click.get_current_context().meta
    limit = meta[_LIMIT] or form.LONGEST
    try:
        return form.markdown(summaries, limit, meta[_ARTIFACT] or "").rstrip("\n")
    except DoesNotFit as failure:
        raise ProjectInvalid(
            error(
                "report-too-long",
                f"cannot write the report in {limit} bytes: what is destroyed takes "
                f"{failure.needed} by itself",
                "give a larger --limit, or fewer endpoints with --only",
            )
        ) from None
