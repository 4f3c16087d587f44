"""Provisioned throughput against the facts of the catalog.

What the catalog says can lag behind the service, so a breach is only a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Judged, Setting, nearest, served
from provisioner.spec import Kind, ServedEntity, kind_of_entity

if TYPE_CHECKING:
    from provisioner.catalog import Architecture, Catalog

_BOUNDS = ("min_provisioned_throughput", "max_provisioned_throughput")
_PROVISIONED = (Kind.THROUGHPUT, Kind.MODEL_UNITS)


def known_architecture(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """A written architecture is one of the catalog's."""
    for path, entity in served(endpoint):
        if entity.architecture is None:
            continue
        known = [architecture.id for architecture in setting.facts.architectures]
        if entity.architecture not in known:
            where = endpoint.where(f"{path}.architecture")
            summary = f"there is no architecture `{entity.architecture}` in the catalog"
            yield error("unknown-architecture", summary, nearest(entity.architecture, known), where)


def sold_as_provisioned(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
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
            yield warning("capacity-unit", summary, hint, endpoint.where(path))


def capacity_in_steps(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Tokens per second and model units are multiples of their steps."""
    for path, entity in served(endpoint):
        if kind_of_entity(entity) not in _PROVISIONED:
            continue
        chunks = {chunk.entity: chunk.chunk for chunk in setting.facts.chunks}
        steps = dict.fromkeys(_BOUNDS, chunks.get(entity.entity_name or "", 1))
        steps["provisioned_model_units"] = setting.facts.model_unit_step
        for key, step in steps.items():
            if (value := getattr(entity, key) or 0) % step:
                summary = f"`{key}` is {value}, which is not a multiple of {step}"
                hint = f"the nearest are {value - value % step} and {value - value % step + step}"
                yield warning("capacity-step", summary, hint, endpoint.where(f"{path}.{key}"))


def architecture_of(entity: ServedEntity, facts: Catalog) -> Architecture | None:
    """The family of a provisioned model, as it is written or as its name tells."""
    if kind_of_entity(entity) not in _PROVISIONED:
        return None
    named = (a for a in facts.architectures if a.id == entity.architecture)
    return next(named, None) or facts.architecture_of(entity.entity_name or "")
