"""Guesses at what was meant, so that the rest of a tree with mistakes can be judged.

Nobody knows what a wrong value should have been. So a tree is mended in several ways,
called worlds, and only what is found in each of them is surely wrong as well. What is
put in has no place, so that what is said about it can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from provisioner.errors import Problem, Where
from provisioner.spec.check import Fault, Rejected, check
from provisioner.spec.guesses import guesses, is_container, kind_at
from provisioner.spec.tree import NOWHERE, Node, Path, node_of

Model = TypeVar("Model", bound=BaseModel)

MOST_WORLDS = 12
"""Ways of mending that are tried, however many there are."""

_GUESSES, _ROUNDS = 2, 8
"""Rounds in which values are put in; in later ones they are taken out, with ever more around."""
_GONE = Node("", NOWHERE)
"""Stands for what is taken out once no index is needed any more."""
_ENTITIES = ("config", "served_entities")
_ROUTES = ("config", "traffic_config", "routes")


@dataclass(frozen=True)
class Mended(Generic[Model]):
    """What became of a tree in one world."""

    model: Model | None
    """None when it could not be mended."""
    tree: Node
    problems: tuple[Problem, ...]
    """What is wrong with the tree as it was written, and with what was left of it."""
    worlds: int
    """How many worlds there are; 1 = nothing had to be guessed."""


def mended(
    model: type[Model],
    tree: Node,
    world: int = 0,
    finished: Callable[[Node], Node] = lambda node: node,
    unusable: Collection[Where] = (),
) -> Mended[Model]:
    """Hold a tree against its model, and mend it until it fits.

    Args:
        model: what the tree should be.
        tree: what was written.
        world: number of the guess, from 0.
        finished: what is done to a tree before it is looked at.
        unusable: places of texts that stand for an unknown value.
    """
    problems: list[Problem] = []
    taken: set[Path] = set()
    worlds = 1
    faults = [Fault(path, "wrong") for path in _unknown(tree, unusable)]
    for attempt in range(_ROUNDS):
        whole = finished(tree)
        found = check(model, whole)
        if isinstance(found, Rejected):
            problems += (
                problem
                for problem, fault in zip(found.problems, found.faults, strict=True)
                if problem.where != NOWHERE and fault.path not in taken
            )
            faults += found.faults
        elif not faults:
            return Mended(found, whole, tuple(problems), worlds)
        mend = _Mend(model, tree, world, attempt)
        tree, worlds = mend.all(faults), max(worlds, mend.worlds)
        taken |= mend.taken
        faults = []
    return Mended(None, tree, tuple(problems), worlds)


class _Mend:
    """One round of mending."""

    def __init__(self, model: type[BaseModel], tree: Node, world: int, attempt: int) -> None:
        self.worlds = 1
        self.taken: set[Path] = set()
        """Paths of what was taken out, and is not missing therefore."""
        self._model = model
        self._tree = tree
        self._world = world
        self._attempt = attempt
        self._names = _unmatched(tree)

    def all(self, faults: Iterable[Fault]) -> Node:
        """The tree without these faults, as this world has it."""
        steps = {"unknown": self._move, "missing": self._add, "wrong": self._replace}
        for kind, step in steps.items():
            for fault in faults:
                if fault.kind == kind:
                    step(fault)
        return _swept(self._tree)

    def _move(self, fault: Fault) -> None:
        """Give a value the key that it may have been meant for, or take it out."""
        key = str(fault.path[-1])
        holder = _reached(self._tree, fault.path[:-1])
        value = holder.get(key)
        self._tree = _changed(self._tree, fault.path[:-1], lambda node: node.without(key))
        home = self._chosen(fault.homes or ((),))
        if home and value:
            self._tree = _placed(self._tree, home, value)

    def _add(self, fault: Fault) -> None:
        key = str(fault.path[-1])
        value = node_of(self._chosen(self._guesses(fault.path)), NOWHERE)
        self._tree = _changed(
            self._tree,
            fault.path[:-1],
            lambda node: node if node.get(key) else node.put(key, value),
        )

    def _replace(self, fault: Fault) -> None:
        """Put another value in; a map or a list that is wrong as a whole is taken out."""
        more = max(0, self._attempt - _GUESSES)
        path = fault.path[: max(0, len(fault.path) - more)]
        kind, node = kind_at(self._model, path), _reached(self._tree, path)
        is_held = isinstance(node.value, (dict, tuple))
        if self._attempt >= _GUESSES or (is_held and is_container(kind)):
            value: Any = _GONE
        else:
            ways = self._guesses(path, None if is_held else node.value)
            # A list may do without one of its items.
            in_list = path and isinstance(path[-1], int) and not is_container(kind)
            value = self._chosen((*ways, _GONE) if in_list else ways)
        if value is _GONE:
            self.taken.add(path)
        other = value if value is _GONE else node_of(value, NOWHERE)
        self._tree = _changed(self._tree, path, lambda _: other)

    def _guesses(self, path: Path, written: Any = None) -> tuple[Any, ...]:
        return guesses(kind_at(self._model, path), written, self._names)

    def _chosen(self, ways: tuple[Any, ...]) -> Any:
        self.worlds = max(self.worlds, min(len(ways), MOST_WORLDS))
        return ways[self._world % len(ways)]


def _unmatched(tree: Node) -> tuple[str, ...]:
    """Names of served entities without a route, and of routes without a served entity."""
    entities, routes = tree.get(*_ENTITIES), tree.get(*_ROUTES)
    served = {item.text("name") for item in entities.items} if entities else set()
    routed = {item.text("served_entity_name") for item in routes.items} if routes else set()
    return tuple(sorted(name for name in served ^ routed if name))


def _unknown(node: Node, places: Collection[Where], path: Path = ()) -> Iterator[Path]:
    """The paths of texts at some places that still hold a variable."""
    if not places:
        return
    if isinstance(node.value, str) and node.where in places and "${" in node.value:
        yield path
    below: tuple[tuple[str | int, Node], ...] = (*node.entries.items(), *enumerate(node.items))
    for step, child in below:
        yield from _unknown(child, places, (*path, step))


def _below(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        return node.items[step] if step < len(node.items) else None
    return node.entries.get(step)


def _reached(node: Node, path: Path) -> Node:
    """What is at a path, or the deepest written part of it."""
    for step in path:
        below = _below(node, step)
        if below is None:
            break
        node = below
    return node


def _changed(node: Node, path: Path, change: Callable[[Node], Node]) -> Node:
    """The tree with what is at a path changed, or the deepest written part of it."""
    below = _below(node, path[0]) if path else None
    if below is None:
        return change(node)
    return _with(node, path[0], _changed(below, path[1:], change))


def _with(node: Node, step: str | int, child: Node) -> Node:
    if isinstance(step, int):
        return node._replace(value=(*node.items[:step], child, *node.items[step + 1 :]))
    return node._replace(value={**node.entries, step: child})


def _placed(node: Node, home: Path, value: Node) -> Node:
    """The tree with a value at a path of keys and indices; keys lead into every item of lists."""
    step, below = home[0], home[1:]
    if isinstance(node.value, tuple) and isinstance(step, str):
        return node._replace(value=tuple(_placed(item, home, value) for item in node.items))
    held = _below(node, step)
    if below:
        value = _placed(held or Node({}, NOWHERE), below, value)
    elif held is not None:
        return node
    if held is not None:
        return _with(node, step, value)
    return node.put(str(step), value) if isinstance(node.value, dict) else node


def _swept(node: Node) -> Node:
    if isinstance(node.value, dict):
        kept = {key: _swept(one) for key, one in node.value.items() if one is not _GONE}
        return node._replace(value=kept)
    return (
        node._replace(value=tuple(_swept(one) for one in node.items if one is not _GONE))
        if isinstance(node.value, tuple)
        else node
    )
