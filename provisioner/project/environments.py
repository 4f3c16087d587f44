"""An environment file and those that it extends, laid over each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from provisioner.catalog import Catalog
from provisioner.errors import Problem, Where, did_you_mean, error
from provisioner.project.files import File
from provisioner.project.variables import Variables
from provisioner.spec import (
    EnvironmentSpec,
    Node,
    canonical,
    locate,
    mended,
    merge,
    node_of,
)

_FROM_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Overlay:
    """What an environment does to endpoints; every value is filled in and canonical."""

    spec: EnvironmentSpec
    variables: Variables
    defaults: Node
    overrides: Mapping[str, Node]
    override_places: Mapping[str, Where]
    facts: Catalog = field(repr=False)
    """What is known of models and limits, with the team's own facts."""
    tree: Node = field(repr=False)
    """What was written, after those that it extends and interpolation."""
    worlds: int = 1
    """How many guesses there are at what was meant; 1 = nothing had to be guessed."""

    def where(self, path: str) -> Where:
        """Where a key of the environment, or the deepest written part of it, was written."""
        return locate(self.tree, path)

    def texts(self) -> Sequence[tuple[str, str, Where]]:
        """Every text among the variables and the sources of secrets, with key and place."""
        parts = (self.tree.get("variables"), self.tree.get("secrets"))
        return [text for part in parts if part for text in part.texts()]


def overlay(
    name: str,
    files: Mapping[str, File],
    facts: Catalog,
    problems: list[Problem],
    world: int = 0,
) -> Overlay | None:
    """Resolve an environment that has a file; None when an error leaves nothing to use.

    Where something is wrong, ``world`` is the number of the guess at what was meant.
    """
    written = _extended(name, files, problems)
    if written is None:
        return None
    variables = Variables(written.get("variables"))
    filled = variables.fill(written)
    problems += variables.problems
    found = mended(EnvironmentSpec, filled, world, unusable=variables.unusable)
    problems += [p for p in found.problems if p.where not in variables.unusable]
    if found.model is None:
        return None
    filled = found.tree
    nothing = Node({}, filled.where)
    overrides = filled.get("overrides") or nothing
    wrong: list[Problem] = []
    defaults = canonical(filled.get("defaults") or nothing, wrong, world)
    over = {key: canonical(node, wrong, world) for key, node in overrides.entries.items()}
    problems += wrong
    worlds = max(found.worlds, 1 + any(problem.is_error for problem in wrong))
    places = overrides.keys
    return Overlay(found.model, variables, defaults, over, places, facts, filled, worlds)


def unknown_environment(name: str, names: list[str], where: Where | None = None) -> Problem:
    """The problem of an environment that has no file."""
    known = ", ".join(names) or "none"
    hint = did_you_mean(name, names, f"environments here: {known}")
    return error("unknown-environment", f"there is no environment `{name}`", hint, where)


def _extended(name: str, files: Mapping[str, File], problems: list[Problem]) -> Node | None:
    """The environment's tree laid over those that it extends."""
    layers: list[Node] = []
    chain = [name]
    while True:
        file = files[chain[-1]]
        problems += file.problems
        if len(file.documents) != 1:
            problems += _not_one(file)
            return None
        layer = file.documents[0]
        layers.append(layer)
        base, place = layer.text("extends"), layer.get("extends")
        if base is None or place is None:
            break
        if base in chain:
            cycle = " -> ".join([*chain[chain.index(base) :], base])
            problems.append(
                error(
                    "extends-cycle", f"environments extend each other: {cycle}", where=place.where
                )
            )
            return None
        if base not in files:
            problems.append(unknown_environment(base, sorted(files), place.where))
            return None
        chain.append(base)
    bases = [base.without("extends") for base in layers[1:]]
    return reduce(_laid_over, reversed([_in_long_form(layer) for layer in (layers[0], *bases)]))


def _in_long_form(layer: Node) -> Node:
    """A layer whose secrets say in full that they come from an environment variable."""
    secrets = layer.get("secrets")
    for name, source in secrets.entries.items() if secrets else ():
        if isinstance(source.value, str) and (found := _FROM_ENVIRONMENT.fullmatch(source.value)):
            long = node_of({"env": found[1]}, source.where)
            layer = layer.put(
                "secrets",
                layer.entries["secrets"].put(name, long, layer.entries["secrets"].key_place(name)),
                layer.key_place("secrets"),
            )
    return layer


def _laid_over(base: Node, over: Node) -> Node:
    """One environment over another; a secret has one source, that of the upper one."""
    below, above = base.get("secrets"), over.get("secrets")
    if below and above:
        kept = below.without(*above.entries)
        base = base.put("secrets", kept, base.key_place("secrets"))
    return merge(base, over)


def _not_one(file: File) -> list[Problem]:
    if file.documents:
        where = file.documents[1].where
        return [error("extra-document", "an environment file has one document", where=where)]
    if file.problems:
        return []
    where = Where(file.name, 1, 1)
    return [error("missing-key", "the file is empty", "write at least `project: NAME`", where)]
