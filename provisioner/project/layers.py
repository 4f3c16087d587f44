"""The files that one endpoint of an environment is made of, the one that wins first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provisioner.errors import Problem
from provisioner.project.environments import Overlay
from provisioner.project.files import File
from provisioner.project.variables import Variables
from provisioner.spec import Node, Reached, canonical, reach, with_entity_names


@dataclass(frozen=True)
class Layer:
    """What one file says of one endpoint."""

    file: str
    tree: Node
    """Canonical, with every variable filled in, and with the places of the file."""

    def reach(self, path: str) -> Reached | None:
        """What the file says at a document path."""
        return reach(self.tree, path)


def layers(
    name: str,
    over: Overlay,
    environment: str,
    endpoints: Iterable[File],
    environments: Mapping[str, File],
) -> Iterator[Layer]:
    """The overrides of the environment and its bases, the endpoint's file, the defaults.

    ``name`` is the endpoint's name in the workspace, with the environment's prefix.
    """
    chain = list(_chain(environment, environments))
    short = name.removeprefix(over.spec.name_prefix)
    for file, tree in chain:
        if written := tree.get("overrides", short) or tree.get("overrides", name):
            yield _layer(file, written, over.variables)
    for file in endpoints:
        for document in file.documents:
            filled = over.variables.fill(document)
            if filled.text("governs") == name or filled.text("name") == short:
                yield _layer(file, document, over.variables)
    for file, tree in chain:
        if written := tree.get("defaults"):
            yield _layer(file, written, over.variables)


def _chain(environment: str, files: Mapping[str, File]) -> Iterator[tuple[File, Node]]:
    """An environment's own file and those that it extends."""
    name: str | None = environment
    while name is not None:
        tree = files[name].documents[0]
        yield files[name], tree
        name = tree.text("extends")


def _layer(file: File, tree: Node, variables: Variables) -> Layer:
    ignored: list[Problem] = []
    return Layer(file.name, with_entity_names(canonical(variables.fill(tree), ignored)))
