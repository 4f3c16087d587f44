"""Endpoint configs: entities, traffic, legacy inference tables."""

from __future__ import annotations

import re

from provisioner.emulator.answers import Json
from provisioner.emulator.entities import Kind, kind_of, read_entity
from provisioner.emulator.errors import invalid

MAX_ENTITIES = 15
"""The documents say 10; 15 is what a customer found accepted (databricks-sdk-py issue 1496)."""


def config_kind(config: Json) -> Kind | None:
    """The one kind of a config's entities, None for an endpoint of Databricks' own."""
    first = next(iter(config.get("served_entities", ())), None)
    return None if first is None or "foundation_model" in first else kind_of(first)


def read_config(workspace: Json, sent: Json, *, name: str, model_units: bool) -> Json:
    """The config as it is stored; raises where it is refused.

    ``model_units`` says which of the two routes it came by.
    """
    if sent.get("served_entities") and sent.get("served_models"):
        raise invalid("Only one of served_entities and served_models can be specified.")
    given = sent.get("served_entities") or sent.get("served_models") or []
    if not given:  # what the service does with an empty config: confidence low
        raise invalid("served_entities must contain at least one served entity.")
    if len(given) > MAX_ENTITIES:
        raise invalid(f"An endpoint can have at most {MAX_ENTITIES} served entities.")
    entities = [read_entity(workspace, entity) for entity in given]
    names = [entity["name"] for entity in entities]
    if len(set(names)) != len(names):
        raise invalid(f"Served entity names must be unique: {', '.join(sorted(names))}.")
    _check_kinds(entities, model_units=model_units)
    config: Json = {
        "served_entities": entities,
        "traffic_config": {"routes": _read_routes(sent.get("traffic_config", {}), names)},
    }
    if "auto_capture_config" in sent:
        config["auto_capture_config"] = _read_auto_capture(sent["auto_capture_config"], name)
    return config


def _check_kinds(entities: list[Json], *, model_units: bool) -> None:
    kinds = {kind_of(entity) for entity in entities}
    if len(kinds) > 1:
        raise invalid(f"One endpoint cannot mix kinds of served entities: {sorted(kinds)}.")
    if model_units != (kinds == {"model_units"}):  # confidence low
        raise invalid(
            "provisioned_model_units is required on the /pt path and refused on any other."
        )
    tasks = {e["external_model"]["task"] for e in entities if "external_model" in e}
    if len(tasks) > 1:
        raise invalid(f"External models of one endpoint must share their task: {sorted(tasks)}.")


def _read_routes(traffic: Json, names: list[str]) -> list[Json]:
    sent = traffic.get("routes") or []
    if not sent:
        if len(names) > 1:
            raise invalid("traffic_config is required for several served entities.")
        return [{"served_entity_name": names[0], "traffic_percentage": 100}]
    routes = [_read_route(route) for route in sent]
    routed = [route["served_entity_name"] for route in routes]
    if sorted(routed) != sorted(names):  # confidence medium: Terraform provider docs
        raise invalid(
            f"Traffic must have exactly one route for each served entity; "
            f"entities: {sorted(names)}, routes: {sorted(routed)}."
        )
    total = sum(route["traffic_percentage"] for route in routes)
    if total != 100:  # confidence medium
        raise invalid(f"The sum of traffic percentages must be 100, but it is {total}.")
    return routes


def _read_route(route: Json) -> Json:
    names = {route[k] for k in ("served_entity_name", "served_model_name") if route.get(k)}
    if len(names) != 1:
        raise invalid("A route must name one served entity.")
    percentage = str(route.get("traffic_percentage", "0"))
    # Examples in the documents send it as a string; answers have a number.
    if not re.fullmatch(r"\d{1,3}", percentage) or int(percentage) > 100:
        raise invalid(f"traffic_percentage must be an integer from 0 to 100, not {percentage}.")
    return {"served_entity_name": names.pop(), "traffic_percentage": int(percentage)}


def _read_auto_capture(sent: Json, name: str) -> Json:
    """Legacy inference tables; prefix and switch are filled in by the service."""
    table = {"enabled": True, "table_name_prefix": name}
    table |= {k: sent[k] for k in ("catalog_name", "schema_name", *table) if k in sent}
    for key in ("catalog_name", "schema_name"):
        if not table.get(key):
            raise invalid(f"auto_capture_config is missing required field '{key}'.")
    return table


def check_transition(old: Json, new: Json) -> None:
    """Refuse what cannot be reached from the running config."""
    was, will = config_kind(old), config_kind(new)
    if (was == "external") != (will == "external"):  # Terraform acceptance tests
        raise invalid(
            "An endpoint cannot be changed between external models and other served entities."
        )
    if (was == "model_units") != (will == "model_units"):  # confidence low
        raise invalid("An endpoint cannot be changed between model units and other sizing.")
    before, after = old.get("auto_capture_config"), new.get("auto_capture_config")
    if not before or not after:
        return
    for key in ("catalog_name", "schema_name", "table_name_prefix"):
        if before[key] != after[key]:
            raise invalid(f"auto_capture_config.{key} cannot be changed once it is set.")
    if after["enabled"] and not before["enabled"]:
        raise invalid("Payload logging cannot be enabled again after it was disabled.")
