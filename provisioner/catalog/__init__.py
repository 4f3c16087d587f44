"""Dated facts about Databricks Model Serving, and the one typed reader of them.

Every entry says where it comes from, when it was last checked and how far to trust it. The
facts are data: a breach of one is a warning wherever the documents are known to lag behind
the service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

Task = Literal["chat", "completions", "embeddings"]
Confidence = Literal["high", "medium", "low"]
Sizing = Literal["tokens_per_second", "model_units"]


@dataclass(frozen=True)
class Provenance:
    """Where a fact comes from and how far to trust it."""

    source: tuple[str, ...]
    """Titles of the documents or threads the fact was read in."""
    checked: str
    """ISO date of the last check."""
    confidence: Confidence


@dataclass(frozen=True)
class PayPerTokenModel:
    """An endpoint that Databricks owns and bills by token."""

    endpoint: str
    model: str
    task: Task
    context_tokens: int | None
    """None where no document states it; never a guess."""
    embedding_dims: int | None
    normalized: bool | None
    """Whether embeddings come back with length one; None for other tasks."""
    licence: str | None
    entity: str | None
    """The same model in Unity Catalog, where known."""
    provenance: Provenance

    @property
    def api_task(self) -> str:
        """The task as the REST API spells it."""
        return f"llm/v1/{self.task}"


@dataclass(frozen=True)
class RetiredModel:
    """A pay-per-token model that is gone, or has a date for it."""

    endpoint: str
    model: str
    task: Task
    retired_on: str | None
    """ISO date, None where only ``retired_by`` is known."""
    retired_by: str | None
    """Latest possible date, from somebody who found it gone."""
    replacement: str | None
    provenance: Provenance


@dataclass(frozen=True)
class Architecture:
    """A model family that can be served with provisioned throughput."""

    id: str
    name: str
    tasks: tuple[Task, ...]
    sizing: Sizing
    entity_examples: tuple[str, ...]
    """Unity Catalog models of the family that come with every workspace."""
    licence: str | None
    provenance: Provenance


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
class OperationsLimit:
    """How many creations and configuration updates a workspace takes in a while."""

    calls: int
    seconds: float
    provenance: Provenance


@dataclass(frozen=True)
class FailureCause:
    """What a message of a failed deployment means."""

    pattern: str
    """Regular expression, matched anywhere and without case."""
    cause: str
    fix: str
    provenance: Provenance


@dataclass(frozen=True)
class Catalog:
    """All facts, in the order of the files."""

    pay_per_token: tuple[PayPerTokenModel, ...]
    retired: tuple[RetiredModel, ...]
    architectures: tuple[Architecture, ...]
    chunks: tuple[ThroughputChunk, ...]
    model_unit_step: int
    """Model units are sold in multiples of this."""
    failures: tuple[FailureCause, ...]
    operations: OperationsLimit

    def cause_of(self, message: str) -> FailureCause | None:
        """What a deployment's message is known to mean; the first that fits."""
        fitting = (f for f in self.failures if re.search(f.pattern, message, re.IGNORECASE))
        return next(fitting, None)

    def architecture_of(self, entity: str) -> Architecture | None:
        """The family that a Unity Catalog model is an example of."""
        return next((a for a in self.architectures if entity in a.entity_examples), None)


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Read the packaged facts; later calls answer the same object."""
    throughput = _read("throughput.yaml")
    return Catalog(
        pay_per_token=tuple(_pay_per_token(entry) for entry in _read("pay_per_token.yaml")),
        retired=tuple(_retired(entry) for entry in _read("retired.yaml")),
        architectures=tuple(_architecture(entry) for entry in throughput["architectures"]),
        chunks=tuple(_chunk(entry) for entry in throughput["chunks"]),
        model_unit_step=int(throughput["model_unit_step"]["value"]),
        failures=tuple(_failure(entry) for entry in _read("failures.yaml")),
        operations=_operations(_read("limits.yaml")["operations"]),
    )


def _read(file_name: str) -> Any:
    import yaml  # kept out of the import of this package: most commands need no facts

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = resources.files(__package__).joinpath(file_name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one if built


def _provenance(entry: dict[str, Any]) -> Provenance:
    return Provenance(tuple(entry["source"]), str(entry["checked"]), entry["confidence"])


def _pay_per_token(entry: dict[str, Any]) -> PayPerTokenModel:
    return PayPerTokenModel(
        endpoint=entry["endpoint"],
        model=entry["model"],
        task=entry["task"],
        context_tokens=entry.get("context_tokens"),
        embedding_dims=entry.get("embedding_dims"),
        normalized=entry.get("normalized"),
        licence=entry.get("licence"),
        entity=entry.get("entity"),
        provenance=_provenance(entry),
    )


def _retired(entry: dict[str, Any]) -> RetiredModel:
    return RetiredModel(
        endpoint=entry["endpoint"],
        model=entry["model"],
        task=entry["task"],
        retired_on=entry.get("retired_on"),
        retired_by=entry.get("retired_by"),
        replacement=entry.get("replacement"),
        provenance=_provenance(entry),
    )


def _architecture(entry: dict[str, Any]) -> Architecture:
    return Architecture(
        id=entry["id"],
        name=entry["name"],
        tasks=tuple(entry["tasks"]),
        sizing=entry["sizing"],
        entity_examples=tuple(entry.get("entity_examples", ())),
        licence=entry.get("licence"),
        provenance=_provenance(entry),
    )


def _chunk(entry: dict[str, Any]) -> ThroughputChunk:
    return ThroughputChunk(
        entity=entry["entity"],
        model_type=entry["model_type"],
        chunk=entry["chunk"],
        provenance=_provenance(entry),
    )


def _failure(entry: dict[str, Any]) -> FailureCause:
    return FailureCause(entry["pattern"], entry["cause"], entry["fix"], _provenance(entry))


def _operations(entry: dict[str, Any]) -> OperationsLimit:
    return OperationsLimit(entry["calls"], entry["seconds"], _provenance(entry))
