"""Kinds of endpoints, and what belongs to each."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Judged, nearest, served
from provisioner.rules.limits import ENVIRONMENT_VARIABLES, WORKLOAD_SIZES, WORKLOAD_TYPES
from provisioner.spec import Kind, ServedEntity, kind_of, kind_of_entity

_WORDS = {
    Kind.EXTERNAL: "an external model",
    Kind.THROUGHPUT: "provisioned throughput in tokens per second",
    Kind.MODEL_UNITS: "provisioned throughput in model units",
    Kind.CUSTOM: "a custom model",
}
_WITH_EXTERNAL = {"name", "external_model", "api_extra", "architecture"}
_WITH_TELEMETRY = (Kind.CUSTOM, Kind.NONE)
_PROVISIONED = (Kind.THROUGHPUT, Kind.MODEL_UNITS)


_GOVERNABLE = frozenset({"name", "governs", "ai_gateway", "tags", "permissions"})


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


def external_stands_alone(endpoint: Judged) -> Iterator[Problem]:
    """An external model has no model of the workspace and no compute beside it."""
    for path, entity in served(endpoint):
        if entity.external_model is None:
            continue
        for key in sorted(_written(entity) - _WITH_EXTERNAL):
            where = endpoint.where(f"{path}.{key}")
            summary = f"`{key}` cannot stand beside `external_model`"
            hint = "the provider runs the model: remove it"
            yield error("external-exclusive", summary, hint, where)


def compute_is_said_once(endpoint: Judged) -> Iterator[Problem]:
    """Size and concurrency, and throughput and model units, exclude each other."""
    for path, entity in served(endpoint):
        written = _written(entity)
        concurrency = written & {"min_provisioned_concurrency", "max_provisioned_concurrency"}
        if "workload_size" in written and concurrency:
            where = endpoint.where(f"{path}.workload_size")
            summary = f"`workload_size` cannot stand beside `{min(concurrency)}`"
            yield error("size-and-concurrency", summary, "keep one of them", where)
        throughput = written & {"min_provisioned_throughput", "max_provisioned_throughput"}
        if "provisioned_model_units" in written and throughput:
            where = endpoint.where(f"{path}.provisioned_model_units")
            summary = f"`provisioned_model_units` cannot stand beside `{min(throughput)}`"
            yield error("units-and-throughput", summary, "a model is sold in one way", where)


def bounds_are_ordered(endpoint: Judged) -> Iterator[Problem]:
    """A lower bound is not above the upper one, and something is provisioned."""
    for path, entity in served(endpoint):
        if entity.external_model:
            continue
        for what in ("throughput", "concurrency"):
            low = getattr(entity, f"min_provisioned_{what}")
            high = getattr(entity, f"max_provisioned_{what}")
            if high is not None and (low or 0) > high:
                where = endpoint.where(f"{path}.min_provisioned_{what}")
                summary = f"`min_provisioned_{what}` is {low}, more than the maximum of {high}"
                yield error("bounds-order", summary, where=where)
            if high == 0:
                where = endpoint.where(f"{path}.max_provisioned_{what}")
                summary = f"`max_provisioned_{what}` of 0 serves nothing"
                yield error("nothing-provisioned", summary, where=where)
        if (
            entity.min_provisioned_throughput is not None
            and entity.max_provisioned_throughput is None
        ):
            where = endpoint.where(f"{path}.min_provisioned_throughput")
            summary = "`min_provisioned_throughput` needs `max_provisioned_throughput`"
            yield error("nothing-provisioned", summary, where=where)


def custom_model_scaling(endpoint: Judged) -> Iterator[Problem]:
    """A custom model says whether it scales to zero; the service has no default."""
    for path, entity in served(endpoint):
        unsaid = entity.scale_to_zero_enabled is None
        if unsaid and entity.entity_name and kind_of_entity(entity) is Kind.CUSTOM:
            summary = "a custom model needs `scale_to_zero_enabled`"
            hint = "write true or false; true saves cost and makes first requests slow"
            yield error("scale-to-zero-required", summary, hint, endpoint.where(path))


def known_workloads(endpoint: Judged) -> Iterator[Problem]:
    """Sizes and types of compute are known ones; others may exist."""
    for path, entity in served(endpoint):
        for key, known in (("workload_size", WORKLOAD_SIZES), ("workload_type", WORKLOAD_TYPES)):
            value = getattr(entity, key)
            if value is not None and value not in known:
                where = endpoint.where(f"{path}.{key}")
                summary = f"`{value}` is not a `{key}` that this version knows"
                yield warning("unknown-workload", summary, nearest(value, known), where)
        if (count := len(entity.environment_vars or ())) > ENVIRONMENT_VARIABLES:
            where = endpoint.where(f"{path}.environment_vars")
            summary = f"{count} environment variables are more than {ENVIRONMENT_VARIABLES}"
            yield warning("many-environment-vars", summary, where=where)


def settings_fit_kind(endpoint: Judged) -> Iterator[Problem]:
    """Route optimization and telemetry are for custom models."""
    kind = kind_of(endpoint.spec)
    if kind in _WITH_TELEMETRY:
        return
    if endpoint.spec.route_optimized:
        summary = f"`route_optimized` is not for {_WORDS[kind]}"
        where = endpoint.where("route_optimized")
        yield error("route-optimized-kind", summary, "only custom models have it", where)
    if endpoint.spec.telemetry_config is not None:
        summary = f"`telemetry_config` is not for {_WORDS[kind]}"
        hint = "only custom models have it; the service drops it"
        yield warning("telemetry-kind", summary, hint, endpoint.where("telemetry_config"))


def telemetry_target(endpoint: Judged) -> Iterator[Problem]:
    """Telemetry names its tables or a profile, not both and not neither."""
    telemetry = endpoint.spec.telemetry_config
    if telemetry is None or kind_of(endpoint.spec) not in _WITH_TELEMETRY:
        return
    where = endpoint.where("telemetry_config")
    if telemetry.table_names is not None and telemetry.telemetry_profile_id is not None:
        summary = "`table_names` cannot stand beside `telemetry_profile_id`"
        yield error("telemetry-target", summary, "keep one of them", where)
    if telemetry.table_names is None and telemetry.telemetry_profile_id is None:
        summary = "`telemetry_config` needs `table_names` or `telemetry_profile_id`"
        yield error("telemetry-target", summary, "the service drops it otherwise", where)


def _written(entity: ServedEntity) -> set[str]:
    """The fields of an entity that hold something."""
    return {key for key in entity.model_fields_set if getattr(entity, key) is not None}
