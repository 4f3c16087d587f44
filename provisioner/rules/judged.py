"""What the rules see of an endpoint, and the words they share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Protocol, TypeAlias

from provisioner.errors import Problem, Where
from provisioner.spec import EndpointSpec, ServedEntity


class Judged(Protocol):
    """One endpoint under a name, with the places of what was written."""

    @property
    def name(self) -> str:
        """Its name in the workspace."""
        ...

    @property
    def spec(self) -> EndpointSpec:
        """What was declared."""
        ...

    def where(self, path: str) -> Where | None:
        """The place of a document path."""
        ...


Rule: TypeAlias = Callable[[Judged], Iterable[Problem]]
"""One offline judgement of one endpoint."""


def served(endpoint: Judged) -> Iterator[tuple[str, ServedEntity]]:
    """Every served entity with its document path."""
    for index, entity in enumerate(endpoint.spec.served_entities):
        yield f"config.served_entities[{entity.name or index}]", entity


def nearest(word: str, known: Collection[str]) -> str:
    """A hint: the name that was probably meant, or else all of them."""
    close = get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known) or 'none'}"
