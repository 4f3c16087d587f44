"""A project: its files, and the endpoints that each environment makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

from provisioner.errors import Problem, ProjectInvalid, Where, error
from provisioner.project.environments import Overlay, overlay, unknown_environment
from provisioner.project.files import File, endpoint_files, environment_files
from provisioner.spec import (
    EndpointSpec,
    EnvironmentSpec,
    Node,
    canonical,
    check,
    locate,
    merge,
    with_entity_names,
)


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


Rules: TypeAlias = Callable[[Sequence[Declared]], Iterable[Problem]]
"""Judges endpoints; see `provisioner.rules.check`."""


@dataclass(frozen=True)
class Loaded:
    """One environment of a project, free of errors."""

    root: Path
    environment: str
    spec: EnvironmentSpec
    endpoints: tuple[Declared, ...]
    """Sorted by name."""
    problems: tuple[Problem, ...]
    """Warnings, in the order of the files."""


@dataclass(frozen=True)
class Project:
    """A project's files; made by `open_project`."""

    root: Path
    _endpoints: tuple[File, ...] = field(repr=False)
    _environments: dict[str, File] = field(repr=False)

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments, without those that are only bases."""
        return tuple(name for name in self._environments if not name.startswith("_"))

    def load(self, environment: str, rules: Rules = lambda _: ()) -> Loaded:
        """The endpoints of an environment.

        Raises:
            ProjectInvalid: with every problem of the files, the models and the rules.
        """
        if environment not in self.environments:
            raise ProjectInvalid(unknown_environment(environment, list(self.environments)))
        problems = [problem for file in self._endpoints for problem in file.problems]
        over = overlay(environment, self._environments, problems)
        endpoints: tuple[Declared, ...] = ()
        if over:
            documents = [node for file in self._endpoints for node in file.documents]
            endpoints = tuple(sorted(_declared(documents, over, problems), key=lambda e: e.name))
            problems += rules(endpoints)
        found = sorted(set(problems), key=Problem.sort_key)
        if over is None or any(problem.is_error for problem in found):
            raise ProjectInvalid(*found)
        return Loaded(self.root, environment, over.spec, endpoints, tuple(found))


def open_project(root: Path) -> Project:
    """Read every file of a project; what is wrong with them is said by `load`."""
    return Project(root, endpoint_files(root), environment_files(root))


def _declared(
    documents: Sequence[Node], over: Overlay, problems: list[Problem]
) -> Iterator[Declared]:
    """The endpoints that can be used; what is wrong with the others becomes a problem."""
    names: dict[str, Where] = {}
    for document in documents:
        layer = canonical(over.variables.fill(document), problems)
        problems += over.variables.problems
        over.variables.problems.clear()
        name, place = layer.text("name"), layer.get("name")
        if name is None or place is None:
            problems += _invalid(layer, over)
            continue
        if name in names:
            summary = f"the endpoint `{name}` is declared twice"
            hint = f"the first is at {names[name]}"
            problems.append(error("duplicate-endpoint", summary, hint, place.where))
            continue
        names[name] = place.where
        if _is_included(name, over.spec):
            declared = _overlaid(name, layer, over)
            if isinstance(declared, Declared):
                yield declared
            else:
                problems += declared
    problems += _unused_overrides(over, list(names))


def _is_included(name: str, spec: EnvironmentSpec) -> bool:
    wanted = spec.include is None or any(fnmatchcase(name, glob) for glob in spec.include)
    return wanted and not any(fnmatchcase(name, glob) for glob in spec.exclude)


def _overlaid(name: str, layer: Node, over: Overlay) -> Declared | Iterable[Problem]:
    tree = merge(over.defaults, layer)
    if name in over.overrides:
        tree = replace(merge(tree, over.overrides[name]), where=layer.where)
    tree = with_entity_names(tree)
    full_name = over.spec.name_prefix + (tree.text("name") or "")
    if over.spec.name_prefix and (written := tree.get("name")):
        tree = tree.put("name", replace(written, value=full_name), tree.key_place("name"))
    spec = check(EndpointSpec, tree)
    if isinstance(spec, tuple):
        return [problem for problem in spec if problem.where not in over.variables.unusable]
    return Declared(full_name, spec, tree)


def _invalid(layer: Node, over: Overlay) -> Iterable[Problem]:
    """What is wrong with an endpoint that has no usable name."""
    found = check(EndpointSpec, layer)
    problems = found if isinstance(found, tuple) else ()
    return [problem for problem in problems if problem.where not in over.variables.unusable]


def _unused_overrides(over: Overlay, names: list[str]) -> Iterator[Problem]:
    for name, where in over.override_places.items():
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = (
                f"did you mean `{close[0]}`?" if close else "names are written without the prefix"
            )
            yield error(
                "unknown-endpoint", f"there is no endpoint `{name}` to override", hint, where
            )
