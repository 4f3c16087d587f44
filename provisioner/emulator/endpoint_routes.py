"""Serving endpoints: create, read, configure, delete."""

from __future__ import annotations

import json

from provisioner.emulator.access import endpoint_for, level_of, managed_endpoint_for
from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.configs import check_transition, config_kind, read_config
from provisioner.emulator.entities import NAME
from provisioner.emulator.errors import ApiError, denied, exists, invalid
from provisioner.emulator.gateway import read_gateway, with_defaults
from provisioner.emulator.grants import require_rights
from provisioner.emulator.identity import find_principal
from provisioner.emulator.lifecycle import is_updating, refuse_if_updating, start_update
from provisioner.emulator.pristine import READY
from provisioner.emulator.regions import is_absent
from provisioner.emulator.tags import add_tags
from provisioner.emulator.telemetry import read_telemetry, supports_telemetry
from provisioner.emulator.views import detailed, summary

BASE = "/api/2.0/serving-endpoints"


def answer_detail(call: Call, endpoint: Json) -> Json:
    """The detailed object as this caller sees it."""
    view = detailed(endpoint, level_of(call.workspace, endpoint, call.principal))
    if endpoint.get("route_optimized"):
        # Not stored: the embedded workspace has another port each time.
        view["endpoint_url"] = own_url(call, endpoint)
        view["data_plane_info"] = {"query_info": _query_info(call, endpoint)}
    config = view.get("config", {})
    for entity in (*config.get("served_entities", ()), *config.get("served_models", ())):
        cold = call.world.conditions.is_cold(endpoint["name"], entity["name"])
        if cold and entity.get("scale_to_zero_enabled"):
            # Ready all the same (observed responses, 2024 and 2025).
            entity["state"] = READY | {"deployment_state_message": "Scaled to zero"}
    return view


def list_endpoints(call: Call) -> Json:
    """Summaries of what the caller may see; the key is absent when there are none."""
    workspace = call.workspace
    levels = {
        name: level_of(workspace, endpoint, call.principal)
        for name, endpoint in workspace["endpoints"].items()
        if not is_absent(workspace, endpoint)
    }
    visible = [
        summary(workspace["endpoints"][name], level)
        for name, level in sorted(levels.items())
        if level
    ]
    return {"endpoints": visible} if visible else {}


def get(call: Call) -> Json:
    """One endpoint in detail."""
    return answer_detail(call, endpoint_for(call, "CAN_VIEW"))


def create(call: Call) -> Json:
    """Create by the general route."""
    return _create(call, call.json(), model_units=False)


def create_model_units(call: Call) -> Json:
    """Create provisioned throughput that is sized by model units."""
    body = call.json()
    if "config" not in body:
        raise invalid("config is required.")
    return _create(call, body, model_units=True)


def _create(call: Call, body: Json, *, model_units: bool) -> Json:
    name = _read_name(call.workspace, body)
    draft: Json = {"name": name}
    config = None
    if body.get("config", {}).keys() - {"name"}:  # some clients repeat the name in there
        config = read_config(call.workspace, body["config"], name=name, model_units=model_units)
        draft["config"] = config
    _check_route_optimized(body, draft)
    gateway = read_gateway(call.workspace, draft, body.get("ai_gateway", {}))
    if gateway := with_defaults(draft, gateway):
        draft["ai_gateway"] = gateway
    require_rights(call.workspace, call.principal.name, config or {}, gateway)
    telemetry = None
    if supports_telemetry(draft):
        telemetry = read_telemetry(body.get("telemetry_config", {}), {}, call.world.new_id())
    tags = add_tags([], body.get("tags", []))
    if telemetry:
        draft["telemetry_config"] = telemetry
    endpoint = _new_endpoint(call, body, draft) | {"tags": tags}
    call.workspace["endpoints"][name] = endpoint
    field = "user_name" if call.principal.kind == "user" else "service_principal_name"
    owner = {field: call.principal.name, "permission_level": "CAN_MANAGE"}
    call.workspace["permissions"][endpoint["id"]] = [owner]
    if config:
        start_update(call.world, endpoint, config, call.principal.name)
    return answer_detail(call, endpoint)


def _read_name(workspace: Json, body: Json) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid(
            f"Endpoint name '{name}' must only contain alphanumeric characters, dashes and "
            "underscores."
        )
    if name.startswith("databricks-"):
        raise invalid(f"Endpoint name '{name}' has the reserved prefix 'databricks-'.")
    if name in workspace["endpoints"]:
        raise exists(f"Endpoint with name '{name}' already exists.")
    return name


def _check_route_optimized(body: Json, draft: Json) -> None:
    kind = config_kind(draft.get("config", {}))
    if body.get("route_optimized") and kind not in ("custom", None):
        raise invalid("Route optimization is only available for custom models and features.")


def _new_endpoint(call: Call, body: Json, draft: Json) -> Json:
    """The record of an endpoint without its config, which is only pending so far."""
    now, creator = call.world.now_ms(), call.principal
    endpoint_id = call.world.new_id()
    endpoint = draft | {
        "id": endpoint_id,
        "creator": creator.name,
        "creator_display_name": creator.display_name,
        "creator_kind": "User" if creator.kind == "user" else "ServicePrincipal",
        "creation_timestamp": now,
        "last_updated_timestamp": now,
        # Both are sent back although nobody set them (observed response, Sep 2025).
        "description": body.get("description", ""),
        "route_optimized": bool(body.get("route_optimized", False)),
        "resource_credential_strategy": "EMBEDDED_CREDENTIALS",
        # Accepted and never echoed.
        "write_only": {k: body[k] for k in ("budget_policy_id", "rate_limits") if k in body},
    }
    endpoint.pop("config", None)
    if config := draft.get("config"):
        _add_kind_fields(call.workspace, endpoint, config)
    if "email_notifications" in body:
        endpoint["email_notifications"] = body["email_notifications"]
    if "budget_policy_id" in body:
        endpoint["effective_budget_policy_id"] = body["budget_policy_id"]
    return endpoint


def own_url(call: Call, endpoint: Json) -> str:
    """Where a route-optimized endpoint is asked: in the service another host, here another path."""
    base = f"{call.base_url}/{call.workspace['workspace_id']}/serving-endpoints"
    return f"{base}/{endpoint['name']}/invocations"


def _query_info(call: Call, endpoint: Json) -> Json:
    """The own URL, and what a token for it must be good for."""
    details = {
        "type": "workspace_permission",
        "object_type": "serving-endpoints",
        "object_path": f"/serving-endpoints/{endpoint['id']}",
        "actions": ["query_inference_endpoint"],
    }
    return {
        "endpoint_url": own_url(call, endpoint),
        "authorization_details": json.dumps([details]),
    }


def _add_kind_fields(workspace: Json, endpoint: Json, config: Json) -> None:
    first = config["served_entities"][0]
    if "external_model" in first:
        endpoint["endpoint_type"] = "EXTERNAL_MODEL"
        endpoint["task"] = first["external_model"]["task"]
        return
    model = workspace["unity_catalog"]["models"].get(first["entity_name"], {})
    if model.get("task") and config_kind(config) != "custom":
        endpoint["task"] = model["task"]


def update_config(call: Call) -> Json:
    """Replace entities and traffic; an identical body starts an update as well."""
    return _update_config(call, call.json(), model_units=False)


def update_model_units_config(call: Call) -> Json:
    """The same for model units, whose body is wrapped in ``config``."""
    return _update_config(call, call.json().get("config", {}), model_units=True)


def _update_config(call: Call, sent: Json, *, model_units: bool) -> Json:
    endpoint = managed_endpoint_for(call)
    refuse_if_updating(endpoint)
    creator = find_principal(call.workspace, endpoint["creator"])
    if creator is None or not creator.active:
        # Databricks docs: the recorded creator's rights are checked at every config update.
        raise denied(f"The creator of endpoint '{endpoint['name']}' is not in the workspace.")
    config = read_config(call.workspace, sent, name=endpoint["name"], model_units=model_units)
    require_rights(call.workspace, endpoint["creator"], config, {})
    known = endpoint.get("config") or endpoint.get("pending_config")
    if known:
        check_transition(known, config)
    _add_kind_fields(call.workspace, endpoint, config)
    start_update(call.world, endpoint, config, call.principal.name)
    return answer_detail(call, endpoint)


def delete(call: Call) -> Answer:
    """Delete at once, also while updating; the id's permissions stay behind."""
    del call.workspace["endpoints"][managed_endpoint_for(call)["name"]]
    return Answer()


def stop(call: Call) -> Json:
    """Free the compute of a custom endpoint (observed path, confidence medium)."""
    endpoint = _startable(call)
    endpoint["stopped"] = True
    endpoint["last_updated_timestamp"] = call.world.now_ms()
    return answer_detail(call, endpoint)


def start(call: Call) -> Json:
    """Deploy a stopped endpoint again, as a new config version."""
    endpoint = _startable(call)
    if not endpoint.get("stopped"):
        raise ApiError(400, "INVALID_STATE", f"Endpoint '{endpoint['name']}' is not stopped.")
    kept = {k: v for k, v in endpoint["config"].items() if k != "config_version"}
    config = kept | {"served_entities": [dict(e) for e in kept["served_entities"]]}
    start_update(call.world, endpoint, config, call.principal.name)
    return answer_detail(call, endpoint)


def _startable(call: Call) -> Json:
    endpoint = managed_endpoint_for(call)
    if is_updating(endpoint) or config_kind(endpoint.get("config", {})) != "custom":
        raise ApiError(
            400, "INVALID_STATE", "Only settled endpoints of custom models stop and start."
        )
    return endpoint


ROUTES = (
    Route("GET", BASE, list_endpoints),
    Route("POST", BASE, create),
    Route("POST", f"{BASE}/pt", create_model_units),
    Route("PUT", f"{BASE}/pt/{{name}}/config", update_model_units_config),
    Route("GET", f"{BASE}/{{name}}", get),
    Route("DELETE", f"{BASE}/{{name}}", delete),
    Route("PUT", f"{BASE}/{{name}}/config", update_config),
    Route("POST", f"{BASE}/{{name}}/config:stop", stop),
    Route("POST", f"{BASE}/{{name}}/config:start", start),
)
