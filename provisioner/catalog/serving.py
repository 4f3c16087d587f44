"""What is around the models: clients, rules for requests, modes, governance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisioner.catalog.reading import Provenance, Task

Mode = Literal["pay_per_token", "provisioned_throughput", "external_model"]


@dataclass(frozen=True)
class Client:
    """A way to send requests, and what it can reach."""

    id: str
    name: str
    provenance: Provenance
    calls: Mapping[Task, Mapping[Mode, bool | None]]
    """Task and mode to whether it works; None: not stated."""
    needs: tuple[str, ...] = ()
    call: str | None = None
    base_url: str | None = None
    auth: str | None = None
    variables: tuple[str, ...] = ()
    """Environment variables that it reads."""
    parameter: str | None = None
    """What the argument that holds the endpoint's name is called."""
    features: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    """Features that it cannot send."""
    refused_architectures: tuple[str, ...] = ()
    refused_endpoints: tuple[str, ...] = ()
    preview: bool = False
    """Whether the founding documents call it a public preview."""
    automation: bool = True
    """Whether a program can use it."""
    creates_endpoints: bool = False
    notes: tuple[str, ...] = ()

    def can_call(self, task: Task, mode: Mode, endpoint: str = "") -> bool | None:
        """Whether it reaches a task in a mode; None where nothing is said."""
        if endpoint in self.refused_endpoints:
            return False
        return self.calls.get(task, {}).get(mode)


@dataclass(frozen=True)
class RequestRule:
    """Something that is true of requests or answers."""

    id: str
    topic: str
    rule: str
    provenance: Provenance
    field: str | None = None
    type: str | None = None
    required: bool = False
    min: float | None = None
    max: float | None = None
    max_pixels: tuple[int, ...] = ()
    """Width and height."""
    above: int | None = None
    """The rule begins above this number."""
    below: int | None = None
    """The rule begins below this number."""
    default: Any = None
    values: tuple[str, ...] = ()
    formula: str | None = None
    examples: tuple[Any, ...] = ()
    modes: tuple[Mode, ...] = ()
    """Where it applies; empty: everywhere."""
    binding: bool = True
    """Whether the service holds to it, or it is only advice."""


@dataclass(frozen=True)
class ServingMode:
    """A way in which Databricks serves models."""

    id: str
    name: str
    hosted_by: str
    purpose: str
    provenance: Provenance
    can_create: bool = True
    can_delete: bool = True
    endpoint_origin: str | None = None
    recommended_for: tuple[str, ...] = ()
    manageable: tuple[str, ...] = ()
    entity: str | None = None
    founding: bool = True
    note: str | None = None


@dataclass(frozen=True)
class TaskType:
    """What an endpoint is asked for, and how."""

    id: str
    short: Task
    request_key: str
    response_object: str
    openai_path: str
    response: str
    """The parts of an answer."""
    provenance: Provenance
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A sentence worth knowing that fits no table."""

    id: str
    topic: str
    fact: str
    provenance: Provenance
    fields: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Contradiction:
    """Where documents disagree, and what this tool makes of it."""

    id: str
    topic: str
    disagreement: str
    reading: str
    provenance: Provenance
    where: str | None = None
    """The entry of this catalog that holds the result."""
