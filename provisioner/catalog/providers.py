"""Providers of external models: their fields, their ways to sign in, their models by task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.catalog.reading import Provenance, Task


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
    later: Mapping[Task, tuple[str, ...]] = field(default_factory=dict)
    """Forms of names that came after the table, as regular expressions by task."""
    any_model: bool = False
    """Every name is possible: there is no list."""
    fine_tuned: bool | None = None
    """Whether names of fine-tuned completion and chat models are taken."""
    custom_completions: bool | None = None
    """Whether names of custom completion models are taken."""
    legacy: bool = False
    """In the API, and no longer in the current list of providers."""
    legacy_models: tuple[str, ...] = ()
    embedding_dims: Mapping[str, int] = field(default_factory=dict)
    """Length of the vectors of an embedding model, where known."""
    moving_models: tuple[str, ...] = ()
    """Names whose meaning changes with time: latest, nightly."""
    reasoning_models: tuple[str, ...] = ()
    """Names of the list that only reason."""
    reasoning: bool = False
    """Whether it offers models that reason."""
    reasoning_pattern: str | None = None
    """Names of models that reason, those that are newer than the list among them; a regex."""
    vision: bool = False
    """Whether it offers models that read images."""
    founding: bool = True
    """Whether it is in the founding table of providers and tasks."""
    note: str | None = None

    def names(self, task: Task) -> tuple[str, ...]:
        """All known names for a task."""
        by_maker = self.families.get(task, {}).values()
        return (*self.models.get(task, ()), *(name for names in by_maker for name in names))

    def reasons(self, name: str) -> bool:
        """Whether a model of that name reasons, by itself or when it is asked to."""
        pattern = self.reasoning_pattern
        return name in self.reasoning_models or bool(pattern and re.search(pattern, name))

    def tasks_of(self, name: str) -> tuple[Task, ...]:
        """The tasks that a name is listed for, or that its form is known for."""
        return tuple(
            task
            for task in self.tasks
            if name in self.names(task)
            or any(re.fullmatch(form, name) for form in self.later.get(task, ()))
        )

    def maker_of(self, name: str) -> str | None:
        """Whose model a name is, where the provider resells those of several."""
        for makers in self.families.values():
            for maker, names in makers.items():
                if name in names:
                    return maker
        return None
