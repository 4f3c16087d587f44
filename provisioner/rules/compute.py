"""Compute of custom models: size, concurrency, scaling, environment variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.errors import Problem, error, fixable, warning
from provisioner.rules.judged import Finding, Judged, Resting, Setting, nearest, served
from provisioner.rules.kinds import present
from provisioner.spec import Kind, kind_of_entity

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOUNDATION = (Kind.THROUGHPUT, Kind.MODEL_UNITS)


def compute_is_said_once(endpoint: Judged) -> Iterator[Problem]:
    """Size and concurrency, and throughput and model units, exclude each other."""
    for path, entity in served(endpoint):
        written = present(entity)
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
        if entity.provisioned_model_units == 0:
            where = endpoint.where(f"{path}.provisioned_model_units")
            summary = "`provisioned_model_units` of 0 serves nothing"
            yield error("nothing-provisioned", summary, where=where)


def custom_model_scaling(endpoint: Judged) -> Iterator[Problem]:
    """A custom model says whether it scales to zero; the service has no default."""
    for path, entity in served(endpoint):
        unsaid = entity.scale_to_zero_enabled is None
        if unsaid and entity.entity_name and kind_of_entity(entity) is Kind.CUSTOM:
            summary = "a custom model needs `scale_to_zero_enabled`"
            hint = "write true or false; true saves cost and makes first requests slow"
            yield error("scale-to-zero-required", summary, hint, endpoint.where(path))


def known_workloads(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Sizes and types of compute are known ones; others may exist."""
    for path, entity in served(endpoint):
        for key in ("workload_size", "workload_type"):
            value = getattr(entity, key)
            if value is None:
                continue
            limit = f"{key.replace('_', '-')}s"
            known = setting.facts.names_of(limit)
            if value not in known:
                where = endpoint.where(f"{path}.{key}")
                summary = f"`{value}` is not a `{key}` that this version knows"
                right = next((name for name in known if name.lower() == value.lower()), "")
                hint = f"did you mean `{right}`?" if right else nearest(value, known)
                problem = warning("unknown-workload", summary, hint, where)
                problem = fixable(problem, value, right) if right else problem
                yield Resting(problem, setting.facts.source_of(limit))


def variable_names(endpoint: Judged) -> Iterator[Problem]:
    """Environment variables have names that a shell knows."""
    for path, entity in served(endpoint):
        for name in entity.environment_vars or ():
            if not _VARIABLE.fullmatch(name):
                where = endpoint.where(f"{path}.environment_vars[{name}]")
                summary = f"`{name}` cannot be the name of an environment variable"
                hint = "letters, digits and `_` are allowed, no digit first"
                yield error("bad-variable-name", summary, hint, where)


def variable_count(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """There are not too many environment variables."""
    for path, entity in served(endpoint):
        count = len(entity.environment_vars or ())
        if count and count > (most := setting.facts.limit("environment-variables")):
            where = endpoint.where(f"{path}.environment_vars")
            summary = f"{count} environment variables are more than {most:g}"
            hint = "put several values into one, or into a file beside the model"
            problem = warning("many-environment-vars", summary, hint, where)
            yield Resting(problem, setting.facts.source_of("environment-variables"))


def concurrency_as_sold(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Provisioned concurrency comes in steps and has a limit."""
    for path, entity in served(endpoint):
        for key in ("min_provisioned_concurrency", "max_provisioned_concurrency"):
            value = getattr(entity, key)
            if not value:
                continue
            where = endpoint.where(f"{path}.{key}")
            fact, step = setting.facts.source_of("concurrency"), setting.facts.step("concurrency")
            if value % step:
                below = value - value % step
                summary = f"`{key}` is {value}, which is not a multiple of {step}"
                hint = f"the nearest are {below} and {below + step}"
                yield Resting(warning("concurrency-step", summary, hint, where), fact)
            if value > (most := setting.facts.limit("concurrency")):
                summary = f"`{key}` is {value}, more than the {most:g} of one model"
                hint = "ask Databricks for a higher limit, or spread over several entities"
                yield Resting(warning("concurrency-limit", summary, hint, where), fact)


def foundation_models_stay_up(endpoint: Judged) -> Iterator[Problem]:
    """Scaling to zero is not honoured for foundation models."""
    for path, entity in served(endpoint):
        if entity.scale_to_zero_enabled and kind_of_entity(entity) in _FOUNDATION:
            where = endpoint.where(f"{path}.scale_to_zero_enabled")
            summary = "`scale_to_zero_enabled` is not honoured for foundation models"
            hint = "the capacity is paid for while the endpoint exists: remove it"
            yield warning("scale-to-zero-ignored", summary, hint, where)
