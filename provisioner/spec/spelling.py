"""Shorthands and old spellings, rewritten into the one that the models know."""

from __future__ import annotations

import re

from provisioner.errors import Fixable, Problem, Where, error, fixable, warning
from provisioner.spec.tree import Node

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")
OLD_ENTITY_KEYS = {"model_name": "entity_name", "model_version": "entity_version"}
"""Keys of a served model, and what a served entity calls them."""


def canonical(endpoint: Node, problems: list[Problem]) -> Node:
    """Rewrite one layer of an endpoint; every value keeps its place."""
    if not isinstance(endpoint.value, dict):
        return endpoint
    endpoint = _governed(endpoint, problems)
    endpoint = _tags(endpoint, problems)
    endpoint = _permissions(endpoint)
    endpoint = _traffic(endpoint, problems)
    config = endpoint.get("config")
    if config and config.entries:
        config = _routes(_served_models(config, problems), problems)
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


def _governed(endpoint: Node, problems: list[Problem]) -> Node:
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
        return endpoint
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


def _traffic(endpoint: Node, problems: list[Problem]) -> Node:
    traffic = endpoint.get("traffic")
    if traffic is None:
        return endpoint
    place = endpoint.key_place("traffic")
    config = endpoint.get("config") or Node({}, place)
    split = config.get("traffic_config") or Node({}, place)
    if "routes" in split.entries:
        problems.append(
            error(
                "conflicting-keys",
                "`traffic` and `config.traffic_config.routes` say the same",
                f"keep one of them; the routes are at line {split.key_place('routes').line}",
                place,
            )
        )
    elif traffic.value is not None and not isinstance(traffic.value, dict):
        problems.append(
            error(
                "wrong-type",
                "traffic: must be a map of served entity to per cent",
                "for example `traffic: {v1: 90, v2: 10}`",
                traffic.where,
            )
        )
    elif isinstance(config.value, dict) and isinstance(split.value, dict):
        split = split.put("routes", _routes_of(traffic), place)
        config = config.put("traffic_config", split, config.keys.get("traffic_config", place))
        endpoint = endpoint.put("config", config, endpoint.keys.get("config", place))
    return endpoint.without("traffic")


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


def _served_models(config: Node, problems: list[Problem]) -> Node:
    models = config.get("served_models")
    if models is None:
        return config
    place = config.key_place("served_models")
    config = config.without("served_models")
    if "served_entities" in config.entries:
        line = config.key_place("served_entities").line
        problems.append(
            error(
                "conflicting-keys",
                "`served_models` and `served_entities` say the same",
                f"keep `served_entities`, at line {line}",
                place,
            )
        )
        return config
    problems.append(_deprecated("served_models", "served_entities", place))
    entities = models
    if isinstance(models.value, tuple):
        for item in models.items:
            problems += (
                _deprecated(old, new, item.key_place(old))
                for old, new in OLD_ENTITY_KEYS.items()
                if old in item.entries
            )
        entities = Node(tuple(_renamed(item) for item in models.items), models.where)
    return config.put("served_entities", entities, place)


def _renamed(model: Node) -> Node:
    if not isinstance(model.value, dict):
        return model
    values = {OLD_ENTITY_KEYS.get(key, key): child for key, child in model.value.items()}
    places = {OLD_ENTITY_KEYS.get(key, key): place for key, place in model.keys.items()}
    return Node(values, model.where, places)


def _routes(config: Node, problems: list[Problem]) -> Node:
    """Collapse the two names of a route's entity into one."""
    split = config.get("traffic_config")
    routes = split.get("routes") if split else None
    if not split or not routes or not any(item.get("served_model_name") for item in routes.items):
        return config
    collapsed = tuple(_route(item, problems) for item in routes.items)
    split = split.put("routes", Node(collapsed, routes.where), split.key_place("routes"))
    return config.put("traffic_config", split, config.key_place("traffic_config"))


def _route(route: Node, problems: list[Problem]) -> Node:
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
        problems.append(
            error(
                "conflicting-keys",
                "`served_model_name` and `served_entity_name` name different entities",
                f"keep `served_entity_name`, at line {line}",
                place,
            )
        )
    return route


def _deprecated(old: str, new: str, place: Where) -> Fixable:
    summary = f"`{old}` is the old spelling of `{new}`"
    problem = warning("deprecated-spelling", summary, f"write `{new}`", place)
    return fixable(problem, old, new)
