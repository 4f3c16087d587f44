"""From the documents of the endpoint files to the endpoints of one environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from provisioner.errors import Problem, Where, did_you_mean, error, warning
from provisioner.project.environments import Overlay
from provisioner.spec import (
    EndpointSpec,
    Node,
    Rejected,
    canonical,
    check,
    locate,
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
    """Collects the endpoints of one environment, and everything that is wrong with them."""

    def __init__(self, over: Overlay) -> None:
        self.declared: list[Declared] = []
        """Also endpoints with errors, without what is wrong: rules may still judge the rest."""
        self.problems: list[Problem] = []
        self.unjudged: set[Where] = set(over.variables.unusable)
        """Places at which further problems would only be echoes of one that is known."""
        self._over = over
        self._names: dict[str, Where] = {}

    def add_all(self, documents: Iterable[Node]) -> None:
        """Add every endpoint that is declared; call it once."""
        for document in documents:
            self._add(document)
        for name, where in self._over.override_places.items():
            if name not in self._names:
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

    def _add(self, document: Node) -> None:
        variables = self._over.variables
        layer = canonical(variables.fill(document), self.problems)
        self.problems += variables.problems
        self.unjudged |= variables.unusable
        variables.problems.clear()
        name, place = layer.text("name"), layer.get("name")
        if name is None or place is None:
            self._check(layer)
        elif name in self._names:
            summary = f"the endpoint `{name}` is declared twice"
            hint = f"the first is at {self._names[name]}"
            self.problems.append(error("duplicate-endpoint", summary, hint, place.where))
        else:
            self._names[name] = place.where
            if _is_included(name, self._over):
                self._check(self._overlaid(name, layer))

    def _overlaid(self, name: str, layer: Node) -> Node:
        """A layer between the defaults and its override, with the names that are implied."""
        governed = layer.get("governs") is not None
        # Defaults are for our own endpoints; somebody else's only gets what is written for it.
        tree = layer if governed else merge(self._over.defaults, layer)
        if name in self._over.overrides:
            tree = merge(tree, self._over.overrides[name])._replace(where=layer.where)
        tree = with_entity_names(tree)
        prefix = "" if governed else self._over.spec.name_prefix
        written = tree.get("name")
        if prefix and written and isinstance(written.value, str):
            full_name = written._replace(value=prefix + written.value)
            tree = tree.put("name", full_name, tree.key_place("name"))
        return tree

    def _check(self, tree: Node) -> None:
        spec = check(EndpointSpec, tree)
        if isinstance(spec, Rejected):
            self.problems += [p for p in spec.problems if p.where not in self.unjudged]
            tree, held = tree.pruned(spec.paths)
            self.unjudged |= held
            spec = check(EndpointSpec, tree)
        if isinstance(spec, EndpointSpec):
            self.declared.append(Declared(spec.name, spec, tree))


def _is_included(name: str, over: Overlay) -> bool:
    include, exclude = over.spec.include, over.spec.exclude
    wanted = include is None or any(fnmatchcase(name, glob) for glob in include)
    return wanted and not any(fnmatchcase(name, glob) for glob in exclude)
