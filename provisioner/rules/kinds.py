"""Kinds of endpoints, and what belongs to each."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.judged import Judged, served
from provisioner.spec import Kind, ServedEntity, kind_of, kind_of_entity

_WORDS = {
    Kind.EXTERNAL: "an external model",
    Kind.THROUGHPUT: "provisioned throughput in tokens per second",
    Kind.MODEL_UNITS: "provisioned throughput in model units",
    Kind.CUSTOM: "a custom model",
}
_WITH_EXTERNAL = {"name", "external_model", "api_extra", "architecture"}
WITH_TELEMETRY = (Kind.CUSTOM, Kind.NONE)
"""Kinds that telemetry is for."""
_PROVISIONED = (Kind.THROUGHPUT, Kind.MODEL_UNITS)
_OF_SERVERS = (
    "workload_size",
    "workload_type",
    "min_provisioned_concurrency",
    "max_provisioned_concurrency",
    "environment_vars",
    "instance_profile_arn",
)


_GOVERNABLE = frozenset({"name", "governs", "ai_gateway", "tags", "permissions", "checks"})


def governs_only_what_it_can(endpoint: Judged) -> Iterator[Problem]:
    """Of somebody else's endpoint only gateway, tags and permissions are managed."""
    if endpoint.spec.governs is None:
        return
    if endpoint.name.startswith("databricks-") and endpoint.spec.permissions is not None:
        summary = "permissions cannot be managed on endpoints that Databricks provides"
        hint = "grant EXECUTE on the model in Unity Catalog instead"
        yield error("not-governable", summary, hint, endpoint.where("permissions"))
    for key in sorted(endpoint.spec.model_fields_set - _GOVERNABLE):
        summary = f"`{key}` of a governed endpoint cannot be managed"
        hint = "only ai_gateway, tags and permissions can"
        yield error("not-governable", summary, hint, endpoint.where(key))


def one_kind(endpoint: Judged) -> Iterator[Problem]:
    """Every served entity of an endpoint is of the same kind."""
    first: tuple[str, Kind] | None = None
    for path, entity in served(endpoint):
        kind = kind_of_entity(entity)
        first = first or (path, kind)
        if kind is not first[1]:
            summary = f"{_WORDS[kind]} cannot stand beside {_WORDS[first[1]]}"
            hint = f"the other is at {endpoint.where(first[0])}; use two endpoints"
            yield error("mixed-kinds", summary, hint, endpoint.where(path))


def one_task(endpoint: Judged) -> Iterator[Problem]:
    """All external models of an endpoint do the same."""
    tasks: dict[str, str] = {}
    for path, entity in served(endpoint):
        if entity.external_model:
            task = entity.external_model.task
            tasks.setdefault(task, path)
            if next(iter(tasks)) != task:
                where = endpoint.where(f"{path}.external_model.task")
                summary = f"`{task}` cannot stand beside `{next(iter(tasks))}`"
                yield error("mixed-tasks", summary, "use two endpoints", where)


def something_to_serve(endpoint: Judged) -> Iterator[Problem]:
    """Every served entity names a model, and a provisioned one its version."""
    for path, entity in served(endpoint):
        if entity.external_model is None and entity.entity_name is None:
            summary = "a served entity needs `entity_name` or `external_model`"
            yield error("nothing-to-serve", summary, where=endpoint.where(path))
        elif kind_of_entity(entity) in _PROVISIONED and entity.entity_version is None:
            summary = "provisioned throughput needs `entity_version`"
            yield error("version-missing", summary, where=endpoint.where(path))
        elif entity.external_model or entity.entity_version is not None:
            continue
        elif "." in (entity.entity_name or ""):
            # Which it is, the workspace knows: a plan looks for a model of that name.
            summary = f"{entity.entity_name} has no `entity_version`"
            hint = "write it, unless this is a feature spec"
            yield notice("version-missing", summary, hint, endpoint.where(path))


def external_stands_alone(endpoint: Judged) -> Iterator[Problem]:
    """An external model has no model of the workspace and no compute beside it."""
    for path, entity in served(endpoint):
        if entity.external_model is None:
            continue
        for key in sorted(present(entity) - _WITH_EXTERNAL):
            where = endpoint.where(f"{path}.{key}")
            summary = f"`{key}` cannot stand beside `external_model`"
            hint = "the provider runs the model: remove it"
            yield error("external-exclusive", summary, hint, where)


def provisioned_has_no_compute(endpoint: Judged) -> Iterator[Problem]:
    """Provisioned throughput is all the compute that there is, and has no settings of servers."""
    for path, entity in served(endpoint):
        kind = kind_of_entity(entity)
        for key in _OF_SERVERS if kind in _PROVISIONED else ():
            # The service answers with a size of its own, which is pasted easily.
            if getattr(entity, key) is not None:
                summary = f"`{key}` is not for {_WORDS[kind]}"
                hint = "the throughput says what is paid for: remove it"
                where = endpoint.where(f"{path}.{key}")
                yield warning("provisioned-exclusive", summary, hint, where)
    if kind_of(endpoint.spec) is Kind.MODEL_UNITS and endpoint.spec.description:
        summary = f"`description` is not for {_WORDS[Kind.MODEL_UNITS]}"
        hint = "the call that creates them has no such field: use a tag"
        yield warning("provisioned-exclusive", summary, hint, endpoint.where("description"))


def settings_fit_kind(endpoint: Judged) -> Iterator[Problem]:
    """Route optimization and telemetry are for custom models."""
    kind = kind_of(endpoint.spec)
    if kind in WITH_TELEMETRY or kind is Kind.GOVERNED:  # of a governed one neither is managed
        return
    if endpoint.spec.route_optimized:
        summary = f"`route_optimized` is not for {_WORDS[kind]}"
        where = endpoint.where("route_optimized")
        yield error("route-optimized-kind", summary, "only custom models have it", where)
    if endpoint.spec.telemetry_config is not None:
        summary = f"`telemetry_config` is not for {_WORDS[kind]}"
        hint = "only custom models have it; the service drops it"
        yield warning("telemetry-kind", summary, hint, endpoint.where("telemetry_config"))


def present(entity: ServedEntity) -> set[str]:
    """The fields of an entity that hold something."""
    return {key for key in entity.model_fields_set if getattr(entity, key) is not None}
