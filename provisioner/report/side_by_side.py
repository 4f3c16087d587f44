"""Several environments as text: each under its heading, then one line for each and a sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from click import style

from provisioner.plan.fleet import Fleet, InEnvironment
from provisioner.report.problems import page_width, printable, problems

T = TypeVar("T")

_WORDS = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "retire": "to retire",
    "adopt": "to adopt",
    "wait": "to wait for",
    "none": "unchanged",
}


def text(found: Fleet[T], title: str, one: Callable[[T], str]) -> str:
    """The answers below each other, those that are missing with their reason, and the sum."""
    parts = []
    for environment in found.environments:
        heading = style(f"== {printable(environment.name)}", bold=True)
        if environment.result is None:
            reason = problems(environment.problems)
            parts.append(f"{heading}\n{title} is not known\n\n{reason}")
        else:
            parts.append(f"{heading}\n{one(environment.result)}")
    return "\n\n".join([*parts, "\n".join(_summary(found))])


def _summary(found: Fleet[T]) -> Iterator[str]:
    number = len(found.environments)
    yield style(f"== {number} environments", bold=True)
    width = min(max(len(environment.name) for environment in found.environments), 30)
    for environment in found.environments:
        yield _line(environment, width)
    rest = f"; {found.failed} of {number} not known" if found.failed else ""
    yield f"Together: {counted(found.summary) or 'no endpoints'}{rest}."


def _line(environment: InEnvironment[T], width: int) -> str:
    head = f"  {printable(environment.name):<{width}}  "
    if environment.result is None:
        reason = environment.problems[0].summary if environment.problems else "no answer"
        room = page_width() - len(head)
        shown = printable(reason)
        shown = shown if len(shown) <= room else f"{shown[: room - 3]}..."
        return head + style(shown, fg="red")
    counts = counted(getattr(environment.result, "summary", None) or {})
    return head + (counts or "no endpoints")


def counted(summary: Mapping[str, int]) -> str:
    """Counts in words, without those of nothing: ``1 to create, 3 unchanged``."""
    return ", ".join(
        f"{count} {_WORDS.get(name, name.replace('_', ' '))}"
        for name, count in summary.items()
        if count
    )
