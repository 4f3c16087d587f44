"""The traffic split."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error
from provisioner.rules.judged import Judged, nearest
from provisioner.rules.names import names_of

_ROUTES = "config.traffic_config.routes"


def routes_match_entities(endpoint: Judged) -> Iterator[Problem]:
    """Every route names a served entity, every served entity has one route."""
    names = names_of(endpoint)
    routes = _routes(endpoint)
    routed: set[str] = set()
    for index, (name, _) in enumerate(routes):
        if name not in names:
            where = endpoint.where(f"{_ROUTES}[{name}]")
            summary = f"traffic goes to `{name}`, which is not a served entity"
            yield error("unknown-route", summary, nearest(name, names), where)
        if name in routed:
            where = endpoint.where(f"{_ROUTES}[{index}]")
            summary = f"`{name}` has two routes"
            yield error("duplicate-route", summary, "add them up in one", where)
        routed.add(name)
    for name in names:
        if routes and name not in routed:
            where = endpoint.where(f"config.served_entities[{name}].name")
            hint = f"write `{name}: 0` if it should get none"
            yield error("missing-route", f"no traffic is given to `{name}`", hint, where)


def split_is_whole(endpoint: Judged) -> Iterator[Problem]:
    """The shares add up to 100, and there is a split when there is a choice."""
    routes = _routes(endpoint)
    total = sum(percentage for _, percentage in routes)
    if routes and total != 100:
        summary = f"the traffic adds up to {total} per cent"
        yield error("traffic-sum", summary, "it must be 100", endpoint.where(_ROUTES))
    names = names_of(endpoint)
    count = len(endpoint.spec.served_entities)
    # Two of one name can have no split; that is said already.
    if not routes and count > 1 and len(set(names)) == count:
        summary = f"{count} served entities need a traffic split"
        split = ", ".join(f"{name}: {0 if index else 100}" for index, name in enumerate(names))
        where = endpoint.where("config.served_entities")
        yield error("traffic-required", summary, f"for example `traffic: {{{split}}}`", where)


def _routes(endpoint: Judged) -> list[tuple[str, int]]:
    split = endpoint.spec.config.traffic_config if endpoint.spec.config else None
    routes = (split.routes if split else None) or ()
    return [(route.served_entity_name, route.traffic_percentage) for route in routes]
