"""What the rules see of an endpoint and of its environment, and the words they share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeAlias

from provisioner.catalog import Catalog, Provenance, catalog
from provisioner.errors import Problem, Where, did_you_mean
from provisioner.spec import EndpointSpec, EnvironmentSpec, ExternalModel, Policy, ServedEntity


class Judged(Protocol):
    """One endpoint under a name, with the places of what was written."""

    @property
    def name(self) -> str:
        """Its name in the workspace."""
        ...

    @property
    def spec(self) -> EndpointSpec:
        """What was declared."""
        ...

    def where(self, path: str) -> Where | None:
        """The place of a document path."""
        ...

    def texts(self) -> Sequence[tuple[str, str, Where]]:
        """Every text that was written, with its key and its place."""
        ...


class Environment(Protocol):
    """The environment that endpoints are judged in, with the places of its keys."""

    @property
    def spec(self) -> EnvironmentSpec:
        """What was declared."""
        ...

    @property
    def facts(self) -> Catalog:
        """What is known of models, providers and limits."""
        ...

    def where(self, path: str) -> Where | None:
        """The place of a key."""
        ...

    def texts(self) -> Sequence[tuple[str, str, Where]]:
        """Every text among the variables, with its key and its place."""
        ...


@dataclass(frozen=True)
class Setting:
    """What a rule may have to know besides the endpoint itself."""

    protected: bool = False
    """Whether this is production."""
    host: str = ""
    """URL of the workspace, where it is known."""
    today: date | None = None
    """Day to judge dates by; None when they do not matter."""
    facts: Catalog = field(default_factory=catalog)
    """What is known of models, providers and limits."""
    policy: Policy = field(default_factory=Policy.model_construct)
    """What endpoints may use here."""
    region: str = ""
    """Where the workspace is, as its cloud writes it; empty = not known."""
    accepted: Sequence[str] = ()
    """Globs of the licences and providers whose terms somebody accepted."""


@dataclass(frozen=True)
class Resting:
    """A problem that is as true as an entry of the catalog."""

    problem: Problem
    fact: Provenance


Finding: TypeAlias = Problem | Resting
"""What a rule comes to; what is true whatever the catalog says is a problem alone."""


def bare(finding: Finding) -> Problem:
    """The problem that was found."""
    return finding.problem if isinstance(finding, Resting) else finding


def newest(entries: Iterable[Entry]) -> Provenance:
    """When a list was last looked over, for what is said of the whole of it.

    There has to be an entry.
    """
    return max((entry.provenance for entry in entries), key=lambda one: one.checked)


class Entry(Protocol):
    """An entry of the catalog."""

    @property
    def provenance(self) -> Provenance:
        """Where it comes from, and when it was checked."""
        ...


Rule: TypeAlias = Callable[[Judged], Iterable[Problem]]
"""One offline judgement of one endpoint."""
RuleInSetting: TypeAlias = Callable[[Judged, Setting], Iterable[Finding]]
"""One offline judgement of one endpoint that depends on the day or the environment."""
RuleOfAll: TypeAlias = Callable[[Sequence[Judged], Setting], Iterable[tuple[Judged, Finding]]]
"""One offline judgement of all endpoints of an environment together."""
RuleOfEnvironment: TypeAlias = Callable[[Environment], Iterable[Finding]]
"""One offline judgement of an environment."""


def served(endpoint: Judged) -> tuple[tuple[str, ServedEntity], ...]:
    """Every served entity with its document path."""
    return endpoint.spec.placed_entities


def external(endpoint: Judged) -> Iterator[tuple[str, ExternalModel]]:
    """Every external model with its document path."""
    for path, entity in served(endpoint):
        if entity.external_model:
            yield f"{path}.external_model", entity.external_model


def hosted(endpoint: Judged) -> Iterator[tuple[str, str]]:
    """Names of Databricks' own pay-per-token endpoints in use, each with its document path."""
    governed = endpoint.spec.governs
    if governed and governed.startswith(OWN_PREFIX):
        yield "governs", governed
    for path, model in external(endpoint):
        if model.provider == "databricks-model-serving" and model.name.startswith(OWN_PREFIX):
            yield f"{path}.name", model.name


OWN_PREFIX = "databricks-"
"""What the names of Databricks' own endpoints begin with; nobody else's may."""


def nearest(word: str, known: Collection[str]) -> str:
    """A hint: the name that was probably meant, or else all of them."""
    return did_you_mean(word, known, f"known here: {', '.join(known) or 'none'}")
