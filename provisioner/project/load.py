"""A project: its files, and the endpoints that each environment makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

from provisioner.catalog import Catalog
from provisioner.errors import Problem, ProjectInvalid, Where, about
from provisioner.project.assembly import Assembly, Declared
from provisioner.project.environments import Overlay, overlay, unknown_environment
from provisioner.project.facts import facts_of
from provisioner.project.files import (
    File,
    Instead,
    check_root,
    endpoint_files,
    environment_files,
)
from provisioner.project.layers import Layer, layers
from provisioner.spec import EnvironmentSpec

Rules: TypeAlias = Callable[[Sequence[Declared], Overlay], Iterable[Problem]]
"""Judges the endpoints of an environment; see `provisioner.rules.check`."""


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
    facts: Catalog = field(repr=False, compare=False)
    """The catalog with the team's own facts over it."""
    where: Callable[[str], Where | None] = field(default=lambda _: None, repr=False, compare=False)
    """The place of a key of the environment."""

    def endpoint(self, name: str) -> Declared | None:
        """The endpoint that a person means by a name, with or without the prefix."""
        declared = {endpoint.name: endpoint for endpoint in self.endpoints}
        return declared.get(name) or declared.get(self.spec.name_prefix + name)


@dataclass(frozen=True)
class _Judged:
    """One environment as one guess at what was meant makes it; see `provisioner.spec.mending`."""

    over: Overlay | None
    endpoints: tuple[Declared, ...]
    problems: set[Problem]
    worlds: int
    """How many guesses there are; 1 = nothing had to be guessed."""


@dataclass(frozen=True)
class Project:
    """A project's files; made by `open_project`."""

    root: Path
    _endpoints: tuple[File, ...] = field(repr=False)
    _environments: dict[str, File] = field(repr=False)
    _facts: tuple[Catalog, tuple[Problem, ...]] = field(repr=False)

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments, without those that are only bases."""
        return tuple(name for name in self._environments if not name.startswith("_"))

    def load(self, environment: str, rules: Rules = lambda *_: ()) -> Loaded:
        """The endpoints of an environment.

        Raises:
            ProjectInvalid: with every problem of the files, the models and the rules.
        """
        if environment not in self.environments:
            raise ProjectInvalid(unknown_environment(environment, list(self.environments)))
        facts, wrong_facts = self._facts
        problems = [problem for file in self._endpoints for problem in file.problems]
        problems += wrong_facts
        judged = self._judged(environment, rules, 0)
        problems += self._in_every_world(environment, rules, judged)
        found = sorted(set(problems), key=Problem.sort_key)
        over = judged.over
        if over is None or any(problem.is_error for problem in found):
            raise ProjectInvalid(*found)
        endpoints = judged.endpoints
        return Loaded(self.root, environment, over.spec, endpoints, tuple(found), facts, over.where)

    def _in_every_world(self, environment: str, rules: Rules, first: _Judged) -> set[Problem]:
        """What is wrong whatever the values that are wrong were meant to be."""
        kept, world, worlds = first.problems, 1, first.worlds
        while world < worlds:
            judged = self._judged(environment, rules, world)
            # Endpoints may have other names there.
            there = {about("", problem) for problem in judged.problems}
            kept = {problem for problem in kept if about("", problem) in there}
            world, worlds = world + 1, max(worlds, judged.worlds)
        return kept

    def _judged(self, environment: str, rules: Rules, world: int) -> _Judged:
        """An environment as one guess at what was meant makes it."""
        problems: list[Problem] = []
        over = overlay(environment, self._environments, self._facts[0], problems, world)
        if over is None:
            return _Judged(None, (), set(problems), 1)
        assembly = Assembly(over, world)
        are_all = not any(problem.is_error for file in self._endpoints for problem in file.problems)
        documents = (node for file in self._endpoints for node in file.documents)
        assembly.add_all(documents, are_all=are_all)
        endpoints = tuple(sorted(assembly.declared, key=attrgetter("name")))
        problems += assembly.problems
        nameless = {one.name for one in endpoints if one.where("name") in assembly.unjudged}
        problems += (
            about("", problem) if problem.endpoint in nameless else problem
            for problem in rules(endpoints, over)
            if problem.where not in assembly.unjudged
        )
        return _Judged(over, endpoints, set(problems), assembly.worlds)

    def layers(self, environment: str, name: str) -> tuple[Layer, ...]:
        """What an endpoint of an environment without errors is made of; what wins is first."""
        over = overlay(environment, self._environments, self._facts[0], [])
        if over is None:
            return ()
        return tuple(layers(name, over, environment, self._endpoints, self._environments))


def open_project(root: Path, instead: Instead | None = None) -> Project:
    """Read every file of a project; what is wrong with them is said by `load`.

    Contents in ``instead``, by the files' names, stand for what the files hold.
    """
    check_root(root)
    texts = instead or {}
    return Project(
        root,
        endpoint_files(root, texts),
        environment_files(root, texts),
        facts_of(root, texts),
    )
