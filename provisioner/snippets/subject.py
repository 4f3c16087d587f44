"""What is known of an endpoint by those who want to call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from provisioner.catalog import Catalog, ExternalProvider, Mode, PayPerTokenModel
from provisioner.errors import Refused
from provisioner.snippets.uses import Use
from provisioner.spec import EndpointSpec, Kind, ServedEntity, kind_of

_MODES: Mapping[Kind, Literal[Mode, "custom_model"]] = {
    Kind.EXTERNAL: "external_model",
    Kind.THROUGHPUT: "provisioned_throughput",
    Kind.MODEL_UNITS: "provisioned_throughput",
    Kind.CUSTOM: "custom_model",
}


@dataclass(frozen=True)
class Subject:
    """An endpoint as a caller sees it. In ``can``, None means: not stated anywhere read."""

    name: str
    task: Use
    """What it is asked for when nothing else is said."""
    mode: Literal[Mode, "custom_model"]
    """How it is served: the id of a mode of the catalog."""
    tasks: tuple[Use, ...] = ()
    """All tasks that it may have; a family of provisioned throughput can have two."""
    architecture: str = ""
    reasoning: str = ""
    """``hybrid`` and ``effort`` are switched on by a request, others reason by themselves."""
    route: str = ""
    """The only route it answers on, when it is not the usual one."""
    can: Mapping[Use, bool | None] = field(default_factory=dict)
    """Features of chat."""


def hosted(model: PayPerTokenModel, day: str) -> Subject:
    """A pay-per-token endpoint, as it is on a day (ISO date)."""
    return Subject(
        name=model.endpoint,
        task=model.task,
        mode="pay_per_token",
        tasks=(model.task,),
        reasoning=model.reasoning or "",
        route=model.api or "",
        can=_features(model, day),
    )


def declared(spec: EndpointSpec, facts: Catalog, day: str) -> Subject:
    """An endpoint of the project.

    Raises:
        Refused: what it can be asked for does not follow from the declaration.
    """
    kind = kind_of(spec)
    if kind is Kind.GOVERNED:
        model = _hosted_as(spec.name, facts)
        if model is None:
            raise Refused(f"the catalog does not know {spec.name}, so nothing is known of its task")
        return hosted(model, day)
    if kind is Kind.NONE:
        raise Refused(f"{spec.name} declares no served entity")
    entity = spec.served_entities[0]
    if entity.external_model:
        return _external(spec.name, entity, facts)
    if kind is Kind.CUSTOM and entity.architecture is None:
        return Subject(spec.name, "records", _MODES[kind], ("records",))
    return _family(spec.name, kind, entity, facts, day)


def _external(name: str, entity: ServedEntity, facts: Catalog) -> Subject:
    model = entity.external_model
    assert model is not None  # noqa: S101 - the caller looked
    provider = next(p for p in facts.providers if p.provider == model.provider)
    task: Use = model.task.rpartition("/")[2]  # type: ignore[assignment]
    return Subject(
        name=name,
        task=task,
        mode="external_model",
        tasks=(task,),
        reasoning=_way_to_reason(provider, model.name),
        can={
            "reasoning": provider.reasons(model.name),
            "vision": provider.vision,
            "tools": True,
            "structured": False,
        },
    )


def _way_to_reason(provider: ExternalProvider, model: str) -> str:
    if model in provider.reasoning_models:
        return "always"
    return "effort" if provider.provider == "openai" else "hybrid"


def _family(name: str, kind: Kind, entity: ServedEntity, facts: Catalog, day: str) -> Subject:
    """A model of a family that is served with provisioned throughput."""
    by_id = (a for a in facts.architectures if a.id == entity.architecture)
    family = next(by_id, None) or facts.architecture_of(entity.entity_name or "")
    same = (m for m in facts.pay_per_token if m.entity and m.entity == entity.entity_name)
    model = next(same, None)
    if family is None and model is None:
        raise Refused(
            f"{entity.entity_name} is of no family that the catalog knows",
            "write its `architecture` on the served entity",
        )
    # A family can have two tasks, one model of it has one: an instruct model is for chat.
    tasks: tuple[Use, ...] = (model.task,) if model else family.tasks if family else ()
    return Subject(
        name=name,
        task="chat" if "chat" in tasks else tasks[0],
        mode=_MODES[kind],
        tasks=tasks,
        architecture=family.id if family else "",
        reasoning=(model.reasoning or "") if model else "",
        can=_features(model, day) if model else {},
    )


def _hosted_as(name: str, facts: Catalog) -> PayPerTokenModel | None:
    return next((m for m in facts.pay_per_token if m.endpoint == name), None)


def _features(model: PayPerTokenModel, day: str) -> dict[Use, bool | None]:
    reasons = None if model.reasoning is None else model.reasoning != "none"
    return {
        "reasoning": reasons,
        "vision": model.reads_images(day),
        "tools": model.function_calling,
        # "structured outputs ... hosted only", as the querying guide has it.
        "structured": True,
    }
