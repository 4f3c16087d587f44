"""The options that permit what is not done on a mere yes, handed on as one value."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click

from provisioner.policy import Permits

_PERMITS = {
    "allow_retire": "Permit to delete these.",
    "allow_replace": "Permit to make these anew.",
    "adopt": "Permit to take these over.",
    "allow_no_rollout": "Permit --no-rollout for these in a protected environment.",
}


def permits(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--allow-retire`` and the like, as the argument ``permits`` of the command."""

    def with_permits(*arguments: Any, **values: Any) -> Any:
        given = Permits(*(values.pop(name) for name in _PERMITS))
        return command(*arguments, permits=given, **values)

    handed_on: Callable[..., Any] = update_wrapper(with_permits, command)
    for name, words in reversed(_PERMITS.items()):
        option = f"--{name.replace('_', '-')}"
        handed_on = click.option(option, name, multiple=True, metavar="GLOB", help=words)(handed_on)
    return handed_on
