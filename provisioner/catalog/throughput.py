"""Families of models for provisioned throughput, and how their capacity is sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioner.catalog.reading import Provenance, Task

Sizing = Literal["tokens_per_second", "model_units"]


@dataclass(frozen=True)
class Architecture:
    """A model family that can be served with provisioned throughput."""

    id: str
    name: str
    tasks: tuple[Task, ...]
    sizing: Sizing
    provenance: Provenance
    entity_examples: tuple[str, ...] = ()
    """Unity Catalog models of the family that come with every workspace."""
    licence: str | None = None
    normalized: bool | None = None
    """Whether embeddings come back with length one; None for other tasks."""
    founding: bool = False
    """Whether it is one of the twelve of the founding documents."""
    preview: bool = False
    one_entity: bool = False
    """Whether an endpoint can serve only one entity of it."""
    restrictions: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class ThroughputChunk:
    """An observed size of the step in which tokens per second are bought.

    The service decides it per model and workspace: ask it where a workspace is at hand.
    """

    entity: str
    model_type: str
    chunk: int
    provenance: Provenance


@dataclass(frozen=True)
class ModelUnits:
    """How model units are sold."""

    value: int
    """They are multiples of this."""
    provenance: Provenance


@dataclass(frozen=True)
class SizingStyle:
    """One of the ways in which capacity is written."""

    id: str
    fields: tuple[str, ...]
    applies_to: str
    rule: str
    provenance: Provenance
    optional_fields: tuple[str, ...] = ()
    lookup: str | None = None
    """The call that tells the step for one model."""
    example: str | None = None
