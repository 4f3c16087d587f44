"""From the documents of the endpoint files to the endpoints of one environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from provisioner.errors import Problem, Where, about, did_you_mean, error, warning
from provisioner.project.environments import Overlay
from provisioner.spec import (
    NOWHERE,
    EndpointSpec,
    Node,
    canonical,
    locate,
    mended,
    merge,
    with_entity_names,
)

_WILDCARD = frozenset("*?[")


@dataclass(frozen=True)
class Declared:
    """One endpoint of one environment."""

    name: str
    """Its name in the workspace, with the environment's prefix."""
    spec: EndpointSpec
    tree: Node = field(repr=False, compare=False)
    """What was written, after overlay and interpolation."""

    def where(self, path: str) -> Where:
        """Where a document path, or the deepest written part of it, was written.

        A value that an override or a default brings is placed there, a variable
        at its use.
        """
        return locate(self.tree, path)

    def texts(self) -> Sequence[tuple[str, str, Where]]:
        """Every text that was written, with its key and its place."""
        return self.tree.texts()


class Assembly:
    """Collects the endpoints of one environment, and everything that is wrong with them.

    Where something is wrong, ``world`` is the number of the guess at what was meant.
    """

    def __init__(self, over: Overlay, world: int = 0) -> None:
        self.declared: list[Declared] = []
        """Also endpoints with errors, mended: rules may still judge the rest."""
        self.problems: list[Problem] = []
        self.unjudged: set[Where] = {NOWHERE, *over.variables.unusable}
        """Places at which further problems would only be echoes of one that is known."""
        self.worlds = over.worlds
        """How many guesses there are; what is not found with each of them is not sure."""
        self._over = over
        self._world = world
        self._names: dict[str, Where] = {}

    def add_all(self, documents: Iterable[Node], *, are_all: bool = True) -> None:
        """Add every endpoint that is declared; call it once.

        ``are_all`` is False where files could not be read, so that names may be missing.
        """
        for document in documents:
            are_all &= self._add(document)
        for name, where in self._over.override_places.items():
            if name not in self._names and are_all:
                hint = did_you_mean(name, self._names, "names are written without the prefix")
                summary = f"there is no endpoint `{name}` to override"
                self.problems.append(error("unknown-endpoint", summary, hint, where))
        self.problems += self._selecting_nothing()

    def _selecting_nothing(self) -> Iterator[Problem]:
        """What `include` and `exclude` name and nobody declares: it may be a slip.

        A slip in `include` would retire what it meant.
        """
        spec = self._over.spec
        for key, globs in (("include", spec.include or ()), ("exclude", spec.exclude)):
            for number, glob in enumerate(globs):
                if any(fnmatchcase(name, glob) for name in self._names):
                    continue
                where = self._over.where(f"{key}[{number}]")
                make = error if key == "include" and _WILDCARD.isdisjoint(glob) else warning
                hint = did_you_mean(glob, self._names, "names are written without the prefix")
                summary = f"`{glob}` in `{key}` is no endpoint's name"
                yield make("unknown-endpoint", summary, hint, where)

    def _add(self, document: Node) -> bool:
        """Add one endpoint; whether its name is known."""
        variables = self._over.variables
        wrong: list[Problem] = []
        layer = canonical(variables.fill(document), wrong, self._world)
        if any(problem.is_error for problem in wrong):
            self.worlds = max(self.worlds, 2)
        self.problems += [*wrong, *variables.problems]
        self.unjudged |= variables.unusable
        variables.problems.clear()
        name, place = layer.text("name"), layer.get("name")
        if name is None or place is None or place.where in self.unjudged:
            self._check(self._overlaid("", layer))
            return False
        if name in self._names:
            summary = f"the endpoint `{name}` is declared twice"
            hint = f"the first is at {self._names[name]}"
            self.problems.append(error("duplicate-endpoint", summary, hint, place.where))
            return True
        self._names[name] = place.where
        if _is_included(name, self._over):
            self._check(self._overlaid(name, layer))
        return True

    def _overlaid(self, name: str, layer: Node) -> Node:
        """A layer between the defaults and its override, under its full name."""
        governed = layer.get("governs") is not None
        # Defaults are for our own endpoints; somebody else's only gets what is written for it.
        tree = layer if governed else merge(self._over.defaults, layer)
        if name in self._over.overrides:
            tree = merge(tree, self._over.overrides[name])._replace(where=layer.where)
        prefix = "" if governed else self._over.spec.name_prefix
        written = tree.get("name")
        if prefix and written and isinstance(written.value, str):
            full_name = written._replace(value=prefix + written.value)
            tree = tree.put("name", full_name, tree.key_place("name"))
        return tree

    def _check(self, tree: Node) -> None:
        found = mended(EndpointSpec, tree, self._world, _finished, self.unjudged - {NOWHERE})
        name = tree.text("name") or ""
        told = (problem for problem in found.problems if problem.where not in self.unjudged)
        self.problems += (about(name, problem) for problem in told)
        self.worlds = max(self.worlds, found.worlds)
        if found.model:
            self.declared.append(Declared(found.model.name, found.model, found.tree))


def _finished(tree: Node) -> Node:
    """A tree with the names that are implied; what was mended may be a shorthand."""
    return with_entity_names(canonical(tree, []) if "traffic" in tree.entries else tree)


def _is_included(name: str, over: Overlay) -> bool:
    include, exclude = over.spec.include, over.spec.exclude
    wanted = include is None or any(fnmatchcase(name, glob) for glob in include)
    return wanted and not any(fnmatchcase(name, glob) for glob in exclude)
