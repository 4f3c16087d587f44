"""Provisioned throughput against the facts of the catalog.

What the catalog says can lag behind the service, so a breach is only a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.errors import did_you_mean, error, warning
from provisioner.rules.judged import Finding, Judged, Resting, Setting, nearest, newest, served
from provisioner.spec import Kind, ServedEntity, kind_of_entity

if TYPE_CHECKING:
    from provisioner.catalog import Architecture, Catalog, Provenance

_BOUNDS = ("min_provisioned_throughput", "max_provisioned_throughput")
_SYSTEM = "system.ai."
"""What the names of the models that come with every workspace begin with."""
PROVISIONED = (Kind.THROUGHPUT, Kind.MODEL_UNITS)


def known_architecture(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A written architecture is one of the catalog's."""
    for path, entity in served(endpoint):
        if entity.architecture is None or entity.external_model is not None:
            continue
        families = setting.facts.architectures
        known = [architecture.id for architecture in families]
        if entity.architecture not in known:
            where = endpoint.where(f"{path}.architecture")
            summary = f"there is no architecture `{entity.architecture}` in the catalog"
            hint = nearest(entity.architecture, known)
            yield Resting(error("unknown-architecture", summary, hint, where), newest(families))


def sold_as_provisioned(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Capacity is counted in the way in which the model is sold."""
    for path, entity in served(endpoint):
        kind, architecture = kind_of_entity(entity), architecture_of(entity, setting.facts)
        if architecture is None:
            continue
        by_units = architecture.sizing == "model_units"
        if by_units != (kind is Kind.MODEL_UNITS):
            key = "provisioned_model_units" if by_units else "max_provisioned_throughput"
            summary = f"{architecture.name} is sold by `{key}`"
            hint = f"`provisioner catalog architectures` has the facts on `{architecture.id}`"
            problem = warning("capacity-unit", summary, hint, endpoint.where(path))
            yield Resting(problem, architecture.provenance)


def capacity_in_steps(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Tokens per second and model units are multiples of their steps."""
    for path, entity in served(endpoint):
        if kind_of_entity(entity) not in PROVISIONED:
            continue
        for key, step, fact in _steps(entity, setting.facts):
            if (value := getattr(entity, key) or 0) % step:
                summary = f"`{key}` is {value}, which is not a multiple of {step}"
                hint = f"the nearest are {value - value % step} and {value - value % step + step}"
                where = endpoint.where(f"{path}.{key}")
                yield Resting(warning("capacity-step", summary, hint, where), fact)


def _steps(entity: ServedEntity, facts: Catalog) -> Iterator[tuple[str, int, Provenance]]:
    """What is sold in steps, with them, as far as they are known."""
    for chunk in facts.chunks:
        if chunk.entity == entity.entity_name:
            yield from ((bound, chunk.chunk, chunk.provenance) for bound in _BOUNDS)
    units = facts.model_units
    yield "provisioned_model_units", units.value, units.provenance


def capacity_is_written(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A foundation model of the workspace says how much of it is provisioned."""
    for path, entity in served(endpoint):
        if kind_of_entity(entity) is not Kind.CUSTOM:
            continue
        architecture = setting.facts.architecture_of(entity.entity_name or "")
        if architecture is not None:
            by_units = architecture.sizing == "model_units"
            key = "provisioned_model_units" if by_units else "max_provisioned_throughput"
            summary = f"{architecture.name} is a foundation model and has no capacity"
            hint, where = f"write `{key}`", endpoint.where(path)
            problem = warning("capacity-missing", summary, hint, where)
            yield Resting(problem, architecture.provenance)


def architecture_fits_entity(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A written architecture is that of the model, where the model is known."""
    for path, entity in served(endpoint):
        known = setting.facts.architecture_of(entity.entity_name or "")
        written = entity.architecture
        if known is None or written in (None, known.id):
            continue
        if any(written == one.id for one in setting.facts.architectures):
            summary = f"{entity.entity_name} is of the architecture `{known.id}`"
            where = endpoint.where(f"{path}.architecture")
            problem = warning("architecture-mismatch", summary, "correct or remove it", where)
            yield Resting(problem, known.provenance)


def known_entity(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A model that comes with every workspace is one that there is."""
    for path, entity in served(endpoint):
        name, facts = entity.entity_name or "", setting.facts
        if not name.startswith(_SYSTEM) or facts.architecture_of(name) is not None:
            continue
        provisioned = [known for one in facts.architectures for known in one.entity_examples]
        by_token = [known for one in facts.pay_per_token if (known := one.entity)]
        if name not in (*provisioned, *by_token):
            summary = f"`{name}` is not a model of `system.ai` that this version knows"
            other = "newer ones work; only instruct variants of Llama can be served from there"
            hint = did_you_mean(name, provisioned, other)
            where = endpoint.where(f"{path}.entity_name")
            fact = newest(facts.architectures)
            yield Resting(warning("unknown-system-model", summary, hint, where), fact)


def own_models_do_the_same(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """All provisioned models of an endpoint do the same."""
    first: tuple[str, Architecture] | None = None
    for path, entity in served(endpoint):
        architecture = architecture_of(entity, setting.facts)
        if architecture is None:
            continue
        first = first or (path, architecture)
        if not set(architecture.tasks) & set(first[1].tasks):
            summary = f"{architecture.name} cannot stand beside {first[1].name}"
            tasks = " and ".join(architecture.tasks), " and ".join(first[1].tasks)
            hint = f"one does {tasks[0]}, the other {tasks[1]}: use two endpoints"
            problem = error("mixed-tasks", summary, hint, endpoint.where(path))
            yield Resting(problem, architecture.provenance)


def served_alone(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A model that cannot share its endpoint does not."""
    entities, rollout = served(endpoint), endpoint.spec.rollout
    for path, entity in entities if len(entities) > 1 or rollout else ():
        architecture = architecture_of(entity, setting.facts)
        if architecture is None or not architecture.one_entity:
            continue
        summary = f"{architecture.name} has to be the only served entity of its endpoint"
        if len(entities) > 1:
            problem = warning("one-entity", summary, "use two endpoints", endpoint.where(path))
        else:
            hint = "a rollout cannot bring another beside it; remove `rollout`"
            problem = warning("one-entity", summary, hint, endpoint.where("rollout"))
        yield Resting(problem, architecture.provenance)


def architecture_of(entity: ServedEntity, facts: Catalog) -> Architecture | None:
    """The family of a provisioned model, as it is written or as its name tells."""
    if kind_of_entity(entity) not in PROVISIONED:
        return None
    named = (a for a in facts.architectures if a.id == entity.architecture)
    return next(named, None) or facts.architecture_of(entity.entity_name or "")
