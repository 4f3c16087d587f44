"""Whom a question goes to: served entities, with what is known of each before it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from provisioner.catalog import Catalog, PayPerTokenModel, Task, catalog
from provisioner.spec import EndpointSpec
from provisioner.wire.answers import is_hosted
from provisioner.wire.document import OWNER_TAG, served_entity_name
from provisioner.wire.inference import Place, invocations

EntityMode = Literal["pay_per_token", "provisioned_throughput", "external_model", "custom_model"]

_FAILED = {"DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED", "DEPLOYMENT_CREATING"}
_THROUGHPUT = (
    "min_provisioned_throughput",
    "max_provisioned_throughput",
    "provisioned_model_units",
)


@dataclass(frozen=True)
class Entity:
    """One served entity. None: not known."""

    name: str
    task: Task | None
    """What it is asked for; None for models of one's own, which say so themselves."""
    mode: EntityMode
    model: str
    """Name at the provider, in Unity Catalog, or of the hosted endpoint."""
    provider: str = ""
    """For external models."""
    share: int | None = None
    """Per cent of the traffic."""
    scale_to_zero: bool = False
    """Whether its compute may be gone when a question comes."""
    cold: bool = False
    """Whether its compute is gone now."""
    failure: str = ""
    """Why it does not serve, where the service says so."""
    dimension: int | None = None
    """Numbers in an embedding."""
    normalized: bool | None = None
    """Whether embeddings have length one."""
    reasoning: str | None = None
    """As the catalog says: none, always, hybrid, effort, adaptive, yes."""
    reasons_unasked: bool = False
    """Whether it may reason without being told to, so that short answers stay empty."""
    images: bool | None = None
    """Whether it reads pictures."""
    context_tokens: int | None = None

    @property
    def hosted(self) -> bool:
        """Whether it is a model of the Foundation Model APIs, to which their rules apply."""
        return self.mode in {"pay_per_token", "provisioned_throughput"}


@dataclass(frozen=True)
class Target:
    """One endpoint, to be asked."""

    name: str
    entities: tuple[Entity, ...]
    ready: bool = True
    update: str = "NOT_UPDATING"
    stopped: bool = False
    hosted: bool = False
    """Databricks' own, with one entity."""
    owner: str = ""
    """Value of the owner tag; empty when nobody's."""
    direct: Place | None = None
    """The only place where a route-optimized endpoint is asked."""

    def place(self, entity: str = "") -> Place:
        """Where a question goes; with the name of a served entity past the traffic split.

        At its own URL a route-optimized endpoint splits all traffic.
        """
        # Databricks' own endpoints have one entity, and nothing says that it has a path.
        return self.direct or Place(invocations(self.name, "" if self.hosted else entity))

    def entity(self, name: str) -> Entity | None:
        """The served entity of that name."""
        return next((one for one in self.entities if one.name == name), None)


def target_of(
    answer: Mapping[str, Any],
    architectures: Mapping[str, str] | None = None,
    facts: Catalog | None = None,
) -> Target:
    """An endpoint as a GET answer shows it.

    ``architectures`` are catalog ids by served entity, for what the workspace does not tell of
    fine-tuned models; ``facts`` are the shipped ones if not given.
    """
    state = answer.get("state") or {}
    config = answer.get("config") or {}
    routes = (config.get("traffic_config") or {}).get("routes") or []
    shares = {
        str(route.get("served_entity_name") or route.get("served_model_name")): int(
            route.get("traffic_percentage") or 0
        )
        for route in routes
    }
    tags = {item["key"]: item.get("value") for item in answer.get("tags") or ()}
    reader = _Reader(answer, shares, architectures or {}, facts or catalog())
    return Target(
        name=answer["name"],
        entities=tuple(map(reader.entity, config.get("served_entities") or ())),
        ready=state.get("ready", "READY") == "READY",
        update=state.get("config_update") or "NOT_UPDATING",
        stopped=(state.get("suspend") or "NOT_SUSPENDED") != "NOT_SUSPENDED",
        hosted=is_hosted(answer),
        owner=str(tags.get(OWNER_TAG) or ""),
        direct=_direct(answer),
    )


def _direct(answer: Mapping[str, Any]) -> Place | None:
    info = (answer.get("data_plane_info") or {}).get("query_info") or {}
    if not answer.get("route_optimized") or not info.get("endpoint_url"):
        return None
    return Place(str(info["endpoint_url"]), str(info.get("authorization_details") or ""))


def target_of_spec(spec: EndpointSpec, facts: Catalog | None = None) -> Target:
    """An endpoint as it is declared, as far as that can be known without a workspace."""
    if spec.governs is not None:
        model = {"name": spec.governs, "foundation_model": {"name": spec.governs}}
        config = {"served_entities": [model]}
        return target_of({"name": spec.governs, "config": config}, facts=facts)
    data = {**spec.api_data(), "name": spec.name, "tags": None}
    return target_of(data, architectures_of(spec), facts)


def architectures_of(spec: EndpointSpec) -> dict[str, str]:
    """Catalog ids of base architectures by served entity, as they are declared."""
    return {
        entity.name: entity.architecture
        for entity in spec.served_entities
        if entity.name and entity.architecture
    }


@dataclass(frozen=True)
class _Reader:
    answer: Mapping[str, Any]
    shares: Mapping[str, int]
    architectures: Mapping[str, str]
    facts: Catalog

    def entity(self, data: Mapping[str, Any]) -> Entity:
        name = served_entity_name(data)
        state = data.get("state") or {}
        message = str(state.get("deployment_state_message") or "")
        common: dict[str, Any] = {
            "name": name,
            "share": self.shares.get(name),
            "scale_to_zero": bool(data.get("scale_to_zero_enabled")),
            "cold": "scaled to zero" in message.lower(),
            "failure": message or str(state["deployment"])
            if state.get("deployment") in _FAILED
            else "",
        }
        if external := data.get("external_model"):
            return self._external(common, external)
        if "foundation_model" in data or is_hosted(self.answer):
            return self._hosted(common, data.get("foundation_model") or {})
        return self._own(common, data)

    def _hosted(self, common: dict[str, Any], model: Mapping[str, Any]) -> Entity:
        names = (str(self.answer["name"]), str(model.get("name") or ""))
        known = _first(one for one in self.facts.pay_per_token if one.endpoint in names)
        task = _task(self.answer.get("task")) or (known.task if known else "chat")
        return Entity(**common, task=task, mode="pay_per_token", model=names[0], **_traits(known))

    def _external(self, common: dict[str, Any], model: Mapping[str, Any]) -> Entity:
        provider, name = str(model.get("provider") or ""), str(model.get("name") or "")
        known = _first(one for one in self.facts.providers if one.provider == provider)
        traits: dict[str, Any] = {}
        if provider == "databricks-model-serving":
            traits = _traits(_first(m for m in self.facts.pay_per_token if m.endpoint == name))
        elif known:
            only = name in known.reasoning_models
            reasons = "always" if only else None if known.reasoning else "none"
            traits = {"reasoning": reasons, "images": None if known.vision else False}
            # Where some always reason, names that are in no list are newer ones, which mostly do.
            newer = not any(name in known.names(task) for task in known.tasks)
            traits["reasons_unasked"] = only or (newer and bool(known.reasoning_models))
        task = _task(model.get("task")) or _task(self.answer.get("task"))
        return Entity(
            **common, task=task, mode="external_model", model=name, provider=provider, **traits
        )

    def _own(self, common: dict[str, Any], data: Mapping[str, Any]) -> Entity:
        model = str(data.get("entity_name") or data.get("model_name") or "")
        task = _task(self.answer.get("task"))
        family = self.architectures.get(common["name"])
        known = _first(
            one
            for one in self.facts.architectures
            if one.id == family or model in one.entity_examples
        )
        sold = any(data.get(key) is not None for key in _THROUGHPUT)
        if not sold and known is None:
            return Entity(**common, task=task, mode="custom_model", model=model)
        same = _first(one for one in self.facts.pay_per_token if one.entity == model)
        traits = _traits(same)
        if known:
            traits["normalized"] = known.normalized
            task = task or known.tasks[0]
        return Entity(
            **common, task=task or "chat", mode="provisioned_throughput", model=model, **traits
        )


def _traits(model: PayPerTokenModel | None) -> dict[str, Any]:
    if model is None:
        return {}
    return {
        "dimension": None if model.dims_configurable else model.embedding_dims,
        "normalized": model.normalized,
        "reasoning": model.reasoning,
        "images": model.vision[-1].value if model.vision else None,
        "context_tokens": model.context_tokens,
        "reasons_unasked": model.reasoning in {"always", "effort", "yes"},
    }


def _task(text: Any) -> Task | None:
    short = str(text or "").removeprefix("llm/v1/")
    found: Task | None = _first(task for task in get_args(Task) if task == short)
    return found


def _first(items: Iterable[Any]) -> Any:
    return next(iter(items), None)


def hindrance(target: Target) -> str:
    """Why there is no use in asking an endpoint at all; empty when there is some."""
    if target.stopped:
        return "the endpoint is stopped"
    if not target.entities:
        return "nothing is served yet"
    if not target.ready:
        return f"not ready ({target.update.lower().replace('_', ' ')})"
    return ""
