"""What can only be judged of all endpoints of an environment together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Finding, Judged, Resting, Setting, served
from provisioner.spec import Kind, kind_of_entity

_TABLE = "ai_gateway.inference_table_config"


def names_are_unique(
    endpoints: Sequence[Judged], _setting: Setting
) -> Iterator[tuple[Judged, Problem]]:
    """No two endpoints have one name once the environment's prefix is put before it."""
    seen: dict[str, Judged] = {}
    for endpoint in endpoints:
        other = seen.setdefault(endpoint.name, endpoint)
        if other is not endpoint:
            summary = f"two endpoints are named `{endpoint.name}` here"
            hint = f"the other is at {other.where('name')}"
            yield endpoint, error("same-full-name", summary, hint, endpoint.where("name"))


def tables_are_apart(
    endpoints: Sequence[Judged], _setting: Setting
) -> Iterator[tuple[Judged, Problem]]:
    """No two endpoints write to one inference table."""
    seen: dict[tuple[str | None, ...], Judged] = {}
    for endpoint in endpoints:
        gateway = endpoint.spec.ai_gateway
        table = gateway.inference_table_config if gateway else None
        if table is None or not table.enabled:
            continue
        prefix = table.table_name_prefix or endpoint.name
        other = seen.setdefault((table.catalog_name, table.schema_name, prefix), endpoint)
        if other is not endpoint:
            summary = f"{endpoint.name} and {other.name} write to the same inference table"
            hint = f"the other is at {other.where(_TABLE)}; give each its `table_name_prefix`"
            yield endpoint, warning("shared-table", summary, hint, endpoint.where(_TABLE))


def concurrency_has_room(
    endpoints: Sequence[Judged], setting: Setting
) -> Iterator[tuple[Judged, Finding]]:
    """A workspace provisions so much concurrency and no more."""
    total = 0
    for endpoint in endpoints:
        for path, entity in served(endpoint):
            if not entity.entity_name or kind_of_entity(entity) is not Kind.CUSTOM:
                continue
            most_here = entity.max_provisioned_concurrency
            key = "max_provisioned_concurrency" if most_here else "workload_size"
            size = most_here or setting.facts.concurrency_of(entity.workload_size or "Small")
            before, total = total, total + size
            most = setting.facts.limit("concurrency", "workspace")
            if before <= most < total:
                summary = f"a concurrency of {total} is more than the {most:g} of a workspace"
                hint = "the environments of one workspace share them; ask Databricks for more"
                where = endpoint.where(f"{path}.{key}")
                problem = warning("workspace-concurrency", summary, hint, where)
                yield endpoint, Resting(problem, setting.facts.source_of("concurrency"))


def workspace_has_room(
    endpoints: Sequence[Judged], setting: Setting
) -> Iterator[tuple[Judged, Finding]]:
    """A workspace takes so many endpoints and no more."""
    room = setting.facts.limit("endpoints")
    if len(endpoints) > room:
        summary = f"{len(endpoints)} endpoints are more than the {room:g} of a workspace"
        hint = "spread them over several workspaces, or ask Databricks for a higher limit"
        first_too_many = endpoints[int(room)]
        where = first_too_many.where("name")
        problem = warning("many-endpoints", summary, hint, where)
        yield first_too_many, Resting(problem, setting.facts.source_of("endpoints"))
