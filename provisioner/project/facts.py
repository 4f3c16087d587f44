"""A team's own facts, beside the endpoints: the catalog that is in force for a project."""

from __future__ import annotations

from pathlib import Path

from provisioner.catalog import OVERRIDE_FILE, Catalog, FactsInvalid, Wrong, catalog, catalog_with
from provisioner.errors import Problem, Where, error
from provisioner.project.documents import read_documents
from provisioner.project.files import NOTHING, Instead
from provisioner.spec import Node


def facts_of(root: Path, instead: Instead = NOTHING) -> tuple[Catalog, tuple[Problem, ...]]:
    """The shipped facts with those of a project over them, and what is wrong with the latter.

    A file that cannot be used leaves the shipped facts.
    """
    path = root / OVERRIDE_FILE
    try:
        raw = instead[OVERRIDE_FILE] if OVERRIDE_FILE in instead else path.read_bytes()
    except FileNotFoundError:
        return catalog(), ()
    except OSError as failed:
        summary = f"cannot read the file: {failed.strerror}"
        where = Where(OVERRIDE_FILE, 1, 1)
        return catalog(), (error("unreadable-file", summary, where=where),)
    documents, problems = read_documents(raw, OVERRIDE_FILE)
    if problems or not documents:
        return catalog(), problems
    node = documents[0]
    if len(documents) > 1 or not isinstance(node.value, dict):
        summary = "the file must hold one map of sections"
        return catalog(), (error("wrong-type", summary, where=documents[-1].where),)
    try:
        return catalog_with(node.plain()), ()
    except FactsInvalid as invalid:
        return catalog(), tuple(_problem(node, wrong) for wrong in invalid.wrong)


def _problem(node: Node, wrong: Wrong) -> Problem:
    return error("catalog-override", str(wrong), where=_place(node, wrong))


def _place(node: Node, wrong: Wrong) -> Where:
    """Where the last key that was written stands."""
    place = node.where
    for step in wrong.path:
        if isinstance(step, int):
            below = node.items[step] if step < len(node.items) else None
        else:
            place = node.key_place(step)
            below = node.entries.get(step)
        if below is None:
            return place
        node = below
        place = node.where if isinstance(step, int) else place
    return place
