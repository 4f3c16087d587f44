"""Whether a workspace has room for what a plan adds, by the limits that hold for all of it.

Nothing is asked for this. Endpoints that the run did not read count nothing where the
list does not tell their size, so that sums are lower bounds, and are said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.catalog import Catalog
from provisioner.errors import Problem, Where, warning
from provisioner.plan.model import Action, Desired, EndpointPlan, Plan
from provisioner.wire.answers import Live, is_hosted

Entity = Mapping[str, Any]

_HINT = "size it down or ask Databricks for more, and write what you got into catalog.override.yaml"
_NOT_CUSTOM = (
    "external_model",
    "foundation_model",
    "provisioned_model_units",
    "min_provisioned_throughput",
    "max_provisioned_throughput",
)


@dataclass(frozen=True)
class Others:
    """What a run knows of the endpoints of a workspace without reading them."""

    endpoints: int = 0
    """All that people made, as far as the caller may see them; those of the plan too."""
    entities: tuple[Entity, ...] = ()
    """What is declared for those that exist and are left out of this run."""
    unsized: int = 0
    """Those whose size nothing tells."""
    names: frozenset[str] = frozenset()
    """Of all endpoints that the caller may see, Databricks' own too."""


@dataclass(frozen=True)
class _Quota:
    """A limit on the sum of something that served entities take."""

    limit: str
    part: str
    words: str
    takes: Callable[[Entity, Catalog], int]
    over: Callable[[str, Where | None], Problem]


def others(
    listed: Iterable[Mapping[str, Any]], declared: Iterable[Desired], read: Collection[str]
) -> Others:
    """What the list of all endpoints tells, and what is ``declared`` but was not ``read``."""
    listed = tuple(listed)
    made = [summary for summary in listed if not is_hosted(summary)]
    unread = {summary["name"]: summary for summary in made if summary["name"] not in read}
    left_out = [want for want in declared if not want.governed and want.name in unread]
    sized = {want.name for want in left_out}
    return Others(
        endpoints=len(made),
        entities=tuple(one for want in left_out for one in _entities(want.document)),
        unsized=sum(
            any("external_model" not in entity for entity in _entities(summary))
            for name, summary in unread.items()
            if name not in sized
        ),
        names=frozenset(summary["name"] for summary in listed),
    )


def concurrency(entity: Entity, facts: Catalog) -> int:
    """The most requests at once that a served entity may scale to; 0 = it has none to size."""
    if not entity.get("entity_name") or any(entity.get(key) is not None for key in _NOT_CUSTOM):
        return 0
    # Answers show a size beside the concurrency that excludes it, and one where none was sent.
    most = _number(entity.get("max_provisioned_concurrency"))
    return most or facts.concurrency_of(str(entity.get("workload_size") or "Small"))


def _units(entity: Entity, _facts: Catalog) -> int:
    return _number(entity.get("provisioned_model_units"))


def _number(value: Any) -> int:
    """A number of an answer; 0 = there is none, or something that is no number."""
    return value if isinstance(value, int) else 0


_QUOTAS = (
    _Quota(
        "concurrency",
        "workspace",
        "a concurrency of {}",
        concurrency,
        lambda summary, where: warning("concurrency-full", summary, _HINT, where),
    ),
    _Quota(
        "model-units",
        "",
        "{} model units",
        _units,
        lambda summary, where: warning("model-units-full", summary, _HINT, where),
    ),
)


def exceeded(
    plan: Plan,
    wanted: Iterable[Desired],
    live: Mapping[str, Live],
    known: Others,
    facts: Catalog,
) -> Iterator[Problem]:
    """Limits of the workspace that a plan goes over, for what it adds."""
    yield from _room(plan, known, facts)
    places = {want.name: want.locate for want in wanted}
    for quota in _QUOTAS:
        most = facts.limit(quota.limit, quota.part)
        sizes = [_size(entry, live.get(entry.name), quota, facts) for entry in plan.endpoints]
        added = [size for size in sizes if size.after > size.before]
        total = sum(size.after for size in sizes)
        total += sum(quota.takes(entity, facts) for entity in known.entities)
        if added and total > most:
            largest = max(added, key=lambda size: size.after - size.before)
            locate = places.get(largest.endpoint, _nowhere)
            summary = (
                f"the workspace would have {quota.words.format(f'at least {total}')}, "
                f"{most:g} is the known limit{_uncounted(known)}"
            )
            yield quota.over(summary, locate(f"config.served_entities[{largest.entity}]"))


def unpublished(plan: Plan, live: Mapping[str, Live], facts: Catalog) -> Iterator[str]:
    """What a plan adds that has a limit nobody published."""
    for quota in _QUOTAS:
        if facts.limit(quota.limit, quota.part) == float("inf"):
            sizes = [_size(entry, live.get(entry.name), quota, facts) for entry in plan.endpoints]
            if more := sum(max(0, size.after - size.before) for size in sizes):
                yield f"whether there is room for {more} more {quota.limit.replace('-', ' ')}"


@dataclass(frozen=True)
class _Size:
    endpoint: str
    entity: str
    """The largest served entity afterwards."""
    before: int
    after: int


def _size(entry: EndpointPlan, live: Live | None, quota: _Quota, facts: Catalog) -> _Size:
    """What an endpoint takes before, and the most that it takes while a plan is applied."""
    found = _entities(live.document) if live else []
    configurations = list(_configurations(entry)) or [found]
    if entry.action is Action.RETIRE:
        configurations = [[]]
    amounts = [[quota.takes(entity, facts) for entity in one] for one in configurations]
    peak, entities = max(zip(amounts, configurations, strict=True), key=lambda one: sum(one[0]))
    largest = max(zip(peak, entities, strict=True), key=lambda one: one[0], default=(0, {}))
    return _Size(
        endpoint=entry.name,
        entity=str(largest[1].get("name") or ""),
        before=sum(quota.takes(entity, facts) for entity in found),
        after=sum(peak),
    )


def _configurations(entry: EndpointPlan) -> Iterator[list[Entity]]:
    """What is served after each call that says so; a rollout has several."""
    for step in entry.steps:
        body = step.body or {}
        config = body.get("config") or body
        if "served_entities" in config:
            yield list(config["served_entities"])


def _entities(holder: Mapping[str, Any]) -> list[Entity]:
    served = (holder.get("config") or {}).get("served_entities") or {}
    return list(served.values()) if isinstance(served, Mapping) else list(served)


def _room(plan: Plan, known: Others, facts: Catalog) -> Iterator[Problem]:
    made = plan.summary.get(Action.CREATE.value, 0)
    after = known.endpoints + made - plan.summary.get(Action.RETIRE.value, 0)
    most = facts.limit("endpoints")
    if made and after > most:
        yield warning(
            "workspace-full",
            f"the workspace would have {after} endpoints, {most:g} are the known limit",
            "retire some, or ask Databricks for a higher limit",
        )


def _uncounted(known: Others) -> str:
    if not known.unsized:
        return ""
    what = "endpoint" if known.unsized == 1 else "endpoints"
    return f"; {known.unsized} {what} of others not counted, whose size the list does not tell"


def _nowhere(_path: str) -> Where | None:
    return None
