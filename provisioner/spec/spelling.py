"""Shorthands and old spellings, rewritten into the one that the models know."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from provisioner.errors import Fixable, Problem, Where, error, fixable, removable, warning
from provisioner.spec.tree import NOWHERE, Node

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")
OLD_ENTITY_KEYS = {"model_name": "entity_name", "model_version": "entity_version"}
"""Keys of a served model, and what a served entity calls them."""


def canonical(endpoint: Node, problems: list[Problem], world: int = 0) -> Node:
    """Rewrite one layer of an endpoint; every value keeps its place.

    Of two keys that contradict each other, even worlds keep one and odd ones the other.
    """
    if not isinstance(endpoint.value, dict):
        return endpoint
    endpoint = _governed(endpoint, problems, world)
    endpoint = _tags(endpoint, problems)
    endpoint = _permissions(endpoint)
    endpoint = _traffic(endpoint, problems, world)
    config = endpoint.get("config")
    if config and config.entries:
        config = _routes(_served_models(config, problems, world), problems, world)
        endpoint = endpoint.put("config", config, endpoint.key_place("config"))
    return endpoint


def with_entity_names(endpoint: Node) -> Node:
    """Give every served entity the name that the service would give it."""
    entities = endpoint.get("config", "served_entities")
    if not entities or all(item.get("name") for item in entities.items):
        return endpoint
    named = tuple(_named(item) for item in entities.items)
    config = endpoint.entries["config"].put(
        "served_entities",
        Node(named, entities.where),
        endpoint.entries["config"].key_place("served_entities"),
    )
    return endpoint.put("config", config, endpoint.key_place("config"))


def _named(entity: Node) -> Node:
    external = entity.text("external_model", "name")
    version = entity.get("entity_version")
    if entity.get("name") or not isinstance(entity.value, dict):
        return entity
    if external:
        name = _UNNAMEABLE.sub("-", external)
    elif model := entity.text("entity_name"):
        # The version behind an alias moves, the name of the entity should not.
        fixed = version and not str(version.value).startswith("@")
        name = model.rpartition(".")[2] + (f"-{version.value}" if version and fixed else "")
    else:
        return entity
    return entity.put("name", Node(name, entity.where))


def _governed(endpoint: Node, problems: list[Problem], world: int) -> Node:
    """A governed endpoint is known by the name that it has anyway."""
    governs, name = endpoint.get("governs"), endpoint.get("name")
    if governs is None:
        return endpoint
    if name is not None:
        problems.append(
            error(
                "conflicting-keys",
                "`governs` and `name` exclude each other",
                "an endpoint is either made here or governed",
                endpoint.key_place("name"),
            )
        )
        return endpoint.without("governs") if world % 2 else endpoint
    return endpoint.put("name", governs, endpoint.key_place("governs"))


def _tags(endpoint: Node, problems: list[Problem]) -> Node:
    tags = endpoint.get("tags")
    if tags is None or not isinstance(tags.value, tuple):
        return endpoint
    values: dict[str, Node] = {}
    places: dict[str, Where] = {}
    for item in tags.items:
        key = item.text("key")
        if key is None or not item.entries.keys() <= {"key", "value"}:
            problems.append(
                error(
                    "wrong-type",
                    "tags: an item has `key` and `value` and nothing else",
                    "or write the tags as a map: `tags: {team: search}`",
                    item.where,
                )
            )
        elif key in values:
            problems.append(
                error(
                    "duplicate-key",
                    f"tags: `{key}` is written twice",
                    f"the first is at line {places[key].line}",
                    item.where,
                )
            )
        else:
            values[key] = item.get("value") or Node("", item.where)
            places[key] = item.where
    return endpoint.put("tags", Node(values, tags.where, places), endpoint.key_place("tags"))


def _permissions(endpoint: Node) -> Node:
    rows = endpoint.get("permissions")
    if rows is None or not isinstance(rows.value, tuple):
        return endpoint
    place = endpoint.key_place("permissions")
    return endpoint.put("permissions", Node({"rows": rows}, rows.where, {"rows": place}), place)


def _traffic(endpoint: Node, problems: list[Problem], world: int) -> Node:
    traffic = endpoint.get("traffic")
    if traffic is None:
        return endpoint
    place = endpoint.key_place("traffic")
    config = endpoint.get("config") or Node({}, place)
    split = config.get("traffic_config") or Node({}, place)
    holders = (config.value, split.value)
    if not all(value is None or isinstance(value, dict) for value in holders):
        return endpoint  # has a place once they are right
    endpoint = endpoint.without("traffic")
    if None in holders:
        return endpoint
    if traffic.value is not None and not isinstance(traffic.value, dict):
        problems.append(
            error(
                "wrong-type",
                "traffic: must be a map of served entity to per cent",
                "for example `traffic: {v1: 90, v2: 10}`",
                traffic.where,
            )
        )
        routes = traffic._replace(where=NOWHERE)
    else:
        routes = _routes_of(traffic)
    if other := split.get("routes"):
        line = split.key_place("routes").line
        if _shares(other) == _shares(routes):
            problems.append(_said_twice("traffic", "config.traffic_config.routes", place, line))
            return endpoint
        problems.append(_contradiction("traffic", "config.traffic_config.routes", place, line))
        routes = routes if world % 2 else other
    split = split.put("routes", routes, split.keys.get("routes", place))
    config = config.put("traffic_config", split, config.keys.get("traffic_config", place))
    return endpoint.put("config", config, endpoint.keys.get("config", place))


def _shares(routes: Node) -> Any:
    """What routes say, in no order."""
    shares = [
        (
            item.text("served_entity_name") or item.text("served_model_name"),
            share.plain() if (share := item.get("traffic_percentage")) else None,
        )
        for item in routes.items
    ]
    return sorted(shares, key=repr)


def _routes_of(traffic: Node) -> Node:
    """The long form of a ``traffic`` map."""
    if traffic.value is None:
        return traffic
    routes = []
    for name, percentage in traffic.entries.items():
        place = traffic.key_place(name)
        route = Node({}, place).put("served_entity_name", Node(name, place))
        routes.append(route.put("traffic_percentage", percentage))
    return Node(tuple(routes), traffic.where)


def _served_models(config: Node, problems: list[Problem], world: int) -> Node:
    models, entities = config.get("served_models"), config.get("served_entities")
    place = config.key_place("served_models")
    config = config.without("served_models")
    if entities:
        entities = _each(entities, lambda item: _renamed(item, problems, world))
        config = config.put("served_entities", entities, config.key_place("served_entities"))
    if models is None:
        return config
    if entities is None:
        problems.append(_deprecated("served_models", "served_entities", place))
        entities = _each(models, lambda item: _renamed(item, problems, world))
        return config.put("served_entities", entities, place)
    line = config.key_place("served_entities").line
    renamed = _each(models, lambda item: _renamed(item, [], world))
    if _says_no_more(renamed, entities):
        problems.append(_said_twice("served_models", "served_entities", place, line))
        return config
    problems.append(_contradiction("served_models", "served_entities", place, line))
    return config.put("served_entities", renamed, place) if world % 2 else config


def _each(items: Node, change: Callable[[Node], Node]) -> Node:
    if not isinstance(items.value, tuple):
        return items
    return items._replace(value=tuple(change(item) for item in items.items))


def _says_no_more(old: Node, new: Node) -> bool:
    """Whether each item of one list says nothing that its item of the other does not say."""
    ours, theirs = ([item.text("name") for item in items.items] for items in (old, new))
    if len(ours) != len(theirs) or not ours:
        return bool(old.plain() == new.plain())
    named = {*ours} == {*theirs} and None not in ours
    order = [ours.index(name) for name in theirs] if named else range(len(ours))
    return all(
        _alike(value.plain(), there.plain() if (there := other.get(key)) else None)
        for index, other in zip(order, new.items, strict=True)
        for key, value in old.items[index].entries.items()
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are the same; a version may be a number or text."""
    return bool(one == other) or (
        isinstance(one, (int, str)) and isinstance(other, (int, str)) and str(one) == str(other)
    )


def _renamed(entity: Node, problems: list[Problem], world: int) -> Node:
    """A served entity without the keys of a served model."""
    for old, new in OLD_ENTITY_KEYS.items():
        value, other = entity.get(old), entity.get(new)
        if value is None:
            continue
        place = entity.key_place(old)
        if other is None:
            problems.append(_deprecated(old, new, place))
        elif _alike(value.plain(), other.plain()):
            problems.append(_said_twice(old, new, place, entity.key_place(new).line))
        else:
            problems.append(_contradiction(old, new, place, entity.key_place(new).line))
        entity = _with_key_renamed(entity, old, new, keep=other is not None and not world % 2)
    return entity


def _with_key_renamed(entity: Node, old: str, new: str, *, keep: bool) -> Node:
    """A map with one value under another key, in the same place; ``keep`` = it stays as it is."""
    if keep:
        return entity.without(old)
    entries = {
        new if key == old else key: value for key, value in entity.without(new).entries.items()
    }
    return Node(entries, entity.where, {**entity.keys, new: entity.key_place(old)})


def _routes(config: Node, problems: list[Problem], world: int) -> Node:
    """Collapse the two names of a route's entity into one."""
    split = config.get("traffic_config")
    routes = split.get("routes") if split else None
    if not split or not routes or not any(item.get("served_model_name") for item in routes.items):
        return config
    collapsed = _each(routes, lambda item: _route(item, problems, world))
    split = split.put("routes", collapsed, split.key_place("routes"))
    return config.put("traffic_config", split, config.key_place("traffic_config"))


def _route(route: Node, problems: list[Problem], world: int) -> Node:
    old, new = route.get("served_model_name"), route.get("served_entity_name")
    if old is None:
        return route
    place = route.key_place("served_model_name")
    route = route.without("served_model_name")
    if new is None:
        problems.append(_deprecated("served_model_name", "served_entity_name", place))
        return route.put("served_entity_name", old, place)
    if old.value != new.value:
        line = route.key_place("served_entity_name").line
        problems.append(_contradiction("served_model_name", "served_entity_name", place, line))
        return route.put("served_entity_name", old, place) if world % 2 else route
    return route


def _deprecated(old: str, new: str, place: Where) -> Fixable:
    summary = f"`{old}` is the old spelling of `{new}`"
    problem = warning("deprecated-spelling", summary, f"write `{new}`", place)
    return fixable(problem, old, new)


def _said_twice(old: str, new: str, place: Where, line: int) -> Fixable:
    summary = f"`{old}` says again what `{new}` says"
    problem = warning("said-twice", summary, f"remove `{old}`; `{new}` is at line {line}", place)
    return removable(problem, old)


def _contradiction(old: str, new: str, place: Where, line: int) -> Problem:
    summary = f"`{old}` does not say the same as `{new}`"
    return error(
        "conflicting-keys", summary, f"keep one of them; the other is at line {line}", place
    )
