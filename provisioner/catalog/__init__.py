"""Dated facts about Databricks Model Serving, and the one typed reader of them.

Every entry says where it comes from, when it was last checked and how far to trust it. The
facts are data: a breach of one is a warning wherever the documents are known to lag behind
the service. Each file is read when a part of it is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from provisioner.catalog.reading import Confidence, FactsInvalid, Provenance, Task, Wrong, plain
from provisioner.catalog.sections import OVERRIDE_FILE, SECTIONS, Override, Section, read_section

if TYPE_CHECKING:
    from provisioner.catalog.dated import SOON_DAYS, Status, View
    from provisioner.catalog.failures import AnswerCause, FailureCause
    from provisioner.catalog.limits import Limit, OperationsLimit
    from provisioner.catalog.models import PayPerTokenModel, Reasoning
    from provisioner.catalog.providers import ExternalProvider, SignIn
    from provisioner.catalog.regions import (
        Atlas,
        Cloud,
        Feature,
        Geography,
        RegionalOffer,
        Standing,
    )
    from provisioner.catalog.retirement import RetiredModel
    from provisioner.catalog.serving import (
        Client,
        Contradiction,
        Fact,
        Mode,
        RequestRule,
        ServingMode,
        TaskType,
    )
    from provisioner.catalog.throughput import (
        Architecture,
        ModelUnits,
        Sizing,
        SizingStyle,
        ThroughputChunk,
    )

_LATER = (
    "dated",
    "failures",
    "limits",
    "models",
    "providers",
    "regions",
    "retirement",
    "serving",
    "throughput",
)
"""Modules whose classes are imported when they are asked for: making all of them takes a while."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module_name in _LATER:
            module = import_module(f"{__name__}.{module_name}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(name)


class Catalog:
    """All facts, in the order of the files; a part is read when it is first asked for."""

    def __init__(self, override: Override | None = None) -> None:
        self._override = override or Override()

    @property
    def stale_after_days(self) -> int:
        """The age at which an entry should be checked again."""
        return self._override.stale_after_days

    @cached_property
    def founding_models(self) -> tuple[PayPerTokenModel, ...]:
        """The pay-per-token models that the founding documents list as served."""
        return self._part("founding_models")

    @cached_property
    def pay_per_token(self) -> tuple[PayPerTokenModel, ...]:
        """Pay-per-token models, also later and retired ones; see `as_of`."""
        return self._part("pay_per_token")

    @cached_property
    def retired(self) -> tuple[RetiredModel, ...]:
        """Models that are gone or have a date for it."""
        return self._part("retired")

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """Families that can be served with provisioned throughput."""
        return self._part("architectures")

    @cached_property
    def sizing(self) -> tuple[SizingStyle, ...]:
        """The ways in which capacity is written."""
        return self._part("sizing")

    @cached_property
    def chunks(self) -> tuple[ThroughputChunk, ...]:
        """Observed steps of tokens per second."""
        return self._part("chunks")

    @property
    def model_units(self) -> ModelUnits:
        """How model units are sold."""
        units: ModelUnits = self._part("model_unit_step")[0]
        return units

    @property
    def model_unit_step(self) -> int:
        """Model units are sold in multiples of this."""
        return self.model_units.value

    @cached_property
    def providers(self) -> tuple[ExternalProvider, ...]:
        """Providers of external models, with the variants of OpenAI on Azure."""
        return self._part("providers")

    @cached_property
    def request_rules(self) -> tuple[RequestRule, ...]:
        """What is true of requests and answers."""
        return self._part("request_rules")

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        """Ways to send a request."""
        return self._part("clients")

    @cached_property
    def modes(self) -> tuple[ServingMode, ...]:
        """Ways in which models are served."""
        return self._part("modes")

    @cached_property
    def tasks(self) -> tuple[TaskType, ...]:
        """What an endpoint can be asked for."""
        return self._part("tasks")

    @cached_property
    def governance(self) -> tuple[Fact, ...]:
        """Signing in, permissions, the gateway, the product around them."""
        return self._part("governance")

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Numbers of the service."""
        return self._part("limits")

    @cached_property
    def geographies(self) -> tuple[Geography, ...]:
        """Regions that facts speak of together."""
        return self._part("geographies")

    @cached_property
    def regional_offers(self) -> tuple[RegionalOffer, ...]:
        """Where the clouds have what can be served, as far as that is known."""
        return self._part("regional_offers")

    @cached_property
    def atlas(self) -> Atlas:
        """Both of them, to ask about a region."""
        from provisioner.catalog.regions import Atlas

        return Atlas(self.geographies, self.regional_offers)

    @cached_property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """Where documents disagree, and what this tool makes of it."""
        return self._part("contradictions")

    @cached_property
    def failures(self) -> tuple[FailureCause, ...]:
        """What messages of failed deployments mean."""
        return self._part("failures")

    @cached_property
    def answer_causes(self) -> tuple[AnswerCause, ...]:
        """What refused and failed requests to endpoints mean, the most telling first."""
        return self._part("answer_causes")

    def limit(self, name: str, part: str = "") -> float:
        """The number above which something is said of a limit, or one of its ``values``.

        Infinity where no number is known.
        """
        limit = self._limits[name]
        numbers = (limit.values.get(part),) if part else (limit.warn_above, limit.value)
        return next((number for number in numbers if number is not None), math.inf)

    def source_of(self, name: str) -> Provenance:
        """Where a limit comes from, and when it was checked."""
        return self._limits[name].provenance

    def variants_of(self, provider: str) -> tuple[ExternalProvider, ...]:
        """The entries of a provider, by the value of ``external_model.provider``."""
        return self._providers[provider]

    def step(self, name: str) -> int:
        """In which steps something comes; 1 where that is not known."""
        step = self.limit(name, "step")
        return 1 if step is math.inf else int(step)

    def concurrency_of(self, size: str) -> int:
        """How many requests at once a ``workload_size`` scales up to; 0 where it is not known."""
        numbers = re.findall(r"\d+", str(self._limits["workload-sizes"].values.get(size)))
        return int(numbers[-1]) if numbers else 0

    def names_of(self, name: str) -> tuple[str, ...]:
        """The names of the ``values`` of a limit: what is known to exist."""
        return tuple(self._limits[name].values)

    def variables_of(self, auth_type: str) -> tuple[str, ...]:
        """The environment variables that a way to sign in needs, if it needs some."""
        return tuple(self._limits["auth-types"].values.get(auth_type, ()))

    @property
    def operations(self) -> OperationsLimit:
        """How many changes a workspace takes in a while."""
        from provisioner.catalog.limits import OperationsLimit

        limit = self._limits["operations"]
        calls, seconds = limit.value or 0, limit.per_seconds or 0
        return OperationsLimit(int(calls), seconds, limit.provenance)

    def pattern(self, name: str) -> str:
        """The characters that a limit allows, as a regular expression for the whole text."""
        return next(limit.pattern for limit in self.limits if limit.id == name) or ".*"

    @property
    def deployment_minutes(self) -> Mapping[str, float]:
        """How long a new served entity usually takes by its kind, and a move of ``traffic``."""
        return next(limit.values for limit in self.limits if limit.id == "deployment-minutes")

    def cause_of(self, message: str) -> FailureCause | None:
        """What a deployment's message is known to mean; the first that fits."""
        fitting = (f for f in self.failures if re.search(f.pattern, message, re.IGNORECASE))
        return next(fitting, None)

    def architecture_of(self, entity: str) -> Architecture | None:
        """The family that a Unity Catalog model is an example of."""
        return next((a for a in self.architectures if entity in a.entity_examples), None)

    def retirement_of(self, endpoint: str) -> RetiredModel | None:
        """The retirement of a pay-per-token endpoint, past or announced."""
        return next((gone for gone in self.retired if gone.endpoint == endpoint), None)

    def as_of(self, date: str, soon_days: int | None = None) -> View:
        """The facts on a day, an ISO date; ``soon_days`` of notice are soon, else 90."""
        from provisioner.catalog.dated import SOON_DAYS, View

        return View(self, date, SOON_DAYS if soon_days is None else soon_days)

    @cached_property
    def _limits(self) -> dict[str, Limit]:
        return {limit.id: limit for limit in self.limits}

    @cached_property
    def _providers(self) -> dict[str, tuple[ExternalProvider, ...]]:
        by_name: dict[str, tuple[ExternalProvider, ...]] = {}
        for entry in self.providers:
            by_name[entry.provider] = (*by_name.get(entry.provider, ()), entry)
        return by_name

    def _part(self, name: str) -> tuple[Any, ...]:
        return read_section(SECTIONS[name], self._override)


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The packaged facts; later calls answer the same object."""
    return Catalog()


def catalog_with(data: Mapping[str, Any], file: str = OVERRIDE_FILE) -> Catalog:
    """The packaged facts with a team's own over them.

    ``data`` maps names of sections to lists of entries, or names ``stale_after_days``. An entry
    is merged over the shipped one with the same id; one without a shipped one is added.

    Raises:
        FactsInvalid: with everything that is wrong in ``data``; ``file`` is for the message.
    """
    return Catalog(Override.read(data, file))


__all__ = [
    "OVERRIDE_FILE",
    "SECTIONS",
    "SOON_DAYS",
    "AnswerCause",
    "Architecture",
    "Atlas",
    "Catalog",
    "Client",
    "Cloud",
    "Confidence",
    "Contradiction",
    "ExternalProvider",
    "Fact",
    "FactsInvalid",
    "FailureCause",
    "Feature",
    "Geography",
    "Limit",
    "Mode",
    "ModelUnits",
    "OperationsLimit",
    "PayPerTokenModel",
    "Provenance",
    "Reasoning",
    "RegionalOffer",
    "RequestRule",
    "RetiredModel",
    "Section",
    "ServingMode",
    "SignIn",
    "Sizing",
    "SizingStyle",
    "Standing",
    "Status",
    "Task",
    "TaskType",
    "ThroughputChunk",
    "View",
    "Wrong",
    "catalog",
    "catalog_with",
    "plain",
]
