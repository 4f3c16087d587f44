"""What is around the models: providers, clients, rules for requests, governance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.catalog.models import Task
from provisioner.catalog.reading import Provenance

Mode = Literal["pay_per_token", "provisioned_throughput", "external_model"]


@dataclass(frozen=True)
class SignIn:
    """One of several ways to sign in at a provider."""

    id: str
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of which exactly one field is given."""


@dataclass(frozen=True)
class ExternalProvider:
    """A provider outside, or a variant of one that takes other fields."""

    id: str
    name: str
    provider: str
    """The value of ``external_model.provider``."""
    config_block: str
    provenance: Provenance
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of which exactly one field is given."""
    sign_in: tuple[SignIn, ...] = ()
    """Where there are several ways: exactly one of them."""
    secrets: tuple[str, ...] = ()
    """Fields that take a secret reference; each has a ``_plaintext`` twin."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Fields that have exactly this value, which is what makes the variant."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields with a closed list of values, compared without case."""
    tasks: tuple[Task, ...] = ()
    models: Mapping[Task, tuple[str, ...]] = field(default_factory=dict)
    """The known names by task. The list is open: newer ones usually work."""
    families: Mapping[Task, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """The same by maker, where the provider resells models of several."""
    any_model: bool = False
    """Every name is possible: there is no list."""
    fine_tuned: bool | None = None
    """Whether names of fine-tuned completion and chat models are taken."""
    custom_completions: bool | None = None
    """Whether names of custom completion models are taken."""
    legacy: bool = False
    """In the API, and no longer in the current list of providers."""
    legacy_models: tuple[str, ...] = ()
    moving_models: tuple[str, ...] = ()
    """Names whose meaning changes with time: latest, nightly."""
    reasoning_models: tuple[str, ...] = ()
    """Names of the list that only reason."""
    reasoning: bool = False
    """Whether it offers models that reason."""
    vision: bool = False
    """Whether it offers models that read images."""
    founding: bool = True
    """Whether it is in the founding table of providers and tasks."""
    note: str | None = None

    def names(self, task: Task) -> tuple[str, ...]:
        """All known names for a task."""
        by_maker = self.families.get(task, {}).values()
        return (*self.models.get(task, ()), *(name for names in by_maker for name in names))

    def maker_of(self, name: str) -> str | None:
        """Whose model a name is, where the provider resells those of several."""
        for makers in self.families.values():
            for maker, names in makers.items():
                if name in names:
                    return maker
        return None


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
