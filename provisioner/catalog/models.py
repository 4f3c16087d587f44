"""Models that Databricks hosts and bills by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioner.catalog.reading import Provenance, Task

Reasoning = Literal["none", "always", "hybrid", "effort", "adaptive", "yes"]
"""``yes``: it reasons, and how it is switched on is not stated."""


@dataclass(frozen=True)
class Statement:
    """What was said of a feature that came or went, and when."""

    value: bool
    as_of: str
    """ISO date of the document; that of the founding documents is an estimate."""
    note: str | None = None


@dataclass(frozen=True)
class PayPerTokenModel:
    """An endpoint that Databricks owns and bills by token. None: not stated anywhere read."""

    endpoint: str
    model: str
    task: Task
    provenance: Provenance
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    default_max_tokens: int | None = None
    embedding_dims: int | None = None
    dims_configurable: bool = False
    """``embedding_dims`` is the most, a request may ask for fewer."""
    normalized: bool | None = None
    """Whether embeddings come back with length one; None for other tasks."""
    reasoning: Reasoning | None = None
    reasoning_note: str | None = None
    inputs: tuple[str, ...] = ()
    """Kinds of input, as far as stated: text, image, video, audio."""
    vision: tuple[Statement, ...] = ()
    """What was said of image input, oldest first."""
    function_calling: bool | None = None
    function_calling_note: str | None = None
    languages: str | None = None
    licence: str | None = None
    licence_note: str | None = None
    regions: tuple[str, ...] = ()
    """Geographies or regions that alone have it; empty: no restriction is stated."""
    regions_as_of: str | None = None
    """ISO date of the document that says so."""
    processed_in: tuple[str, ...] = ()
    """Geographies that process requests themselves; from others they have to be allowed to leave.
    Empty: not stated."""
    cross_geo: Literal["always"] | None = None
    """Requests have to be allowed to leave the workspace's geography wherever it is."""
    hosting: str | None = None
    preview: bool = False
    api: str | None = None
    """The only route it answers on, when it is not the usual one."""
    entity: str | None = None
    """The same model in Unity Catalog, where known."""
    replaces: str | None = None
    """Endpoint that it took the place of."""
    replaces_since: str | None = None
    query_instruction: str | None = None
    """Text to put before a retrieval query; optional, never before what is indexed."""
    name_confidence: str | None = None
    """Why the endpoint's name is not certain."""
    founding: bool = False
    """Whether the founding documents list it as served."""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def api_task(self) -> str:
        """The task as the REST API spells it."""
        return f"llm/v1/{self.task}"

    def reads_images(self, date: str) -> bool | None:
        """Whether it took images at a date; None where nothing is said."""
        said = [one.value for one in self.vision if one.as_of <= date]
        return said[-1] if said else self.vision[0].value if self.vision else None
