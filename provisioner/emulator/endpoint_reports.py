"""What an endpoint tells about itself: logs, metrics, its OpenAPI document, throughput steps."""

from __future__ import annotations

import json

from provisioner.emulator.access import endpoint_for
from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.endpoint_routes import BASE
from provisioner.emulator.errors import ApiError, invalid, missing
from provisioner.emulator.inference.metrics import exposition


def build_logs(call: Call) -> Json:
    """How the latest deployment of an entity went."""
    endpoint = _endpoint_with_entity(call)
    return {"logs": endpoint.get("logs", {}).get(call.params["entity"], "")}


def server_logs(call: Call) -> Json:
    """What a running entity printed."""
    endpoint = _endpoint_with_entity(call)
    ready = "config" in endpoint
    return {"logs": f"{call.params['entity']} is listening\n" if ready else ""}


def _endpoint_with_entity(call: Call) -> Json:
    endpoint, entity = endpoint_for(call, "CAN_VIEW"), call.params["entity"]
    names = {
        served["name"]
        for key in ("config", "pending_config")
        for served in endpoint.get(key, {}).get("served_entities", ())
    }
    if entity not in names:
        raise missing(f"Served entity '{entity}' of '{endpoint['name']}' does not exist.")
    return endpoint


def metrics(call: Call) -> Answer:
    """Prometheus text; endpoints that Databricks owns have none (observed, 2026)."""
    endpoint = endpoint_for(call, "CAN_VIEW")
    if "id" not in endpoint:
        raise missing(f"Endpoint '{endpoint['name']}' has no metrics.")
    entities = [entity["name"] for entity in endpoint.get("config", {}).get("served_entities", ())]
    world = call.world
    text = exposition(world.ledger.samples, endpoint["name"], entities, world.mode, world.now_ms())
    return Answer(text, media_type="text/plain")


def openapi(call: Call) -> Answer:
    """Paths of the endpoint and of each entity; only when it is ready."""
    endpoint = endpoint_for(call, "CAN_VIEW")
    if "config" not in endpoint:
        raise ApiError(400, "INVALID_STATE", f"Endpoint '{endpoint['name']}' is not ready.")
    base = f"/serving-endpoints/{endpoint['name']}"
    entities = (entity["name"] for entity in endpoint["config"]["served_entities"])
    paths = [f"{base}/invocations"]
    paths += [f"{base}/served-models/{entity}/invocations" for entity in entities]
    answers = {"200": {"description": "Successful operation"}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": endpoint["name"], "version": "1"},
        "paths": {path: {"post": {"responses": answers}} for path in paths},
    }
    return Answer(json.dumps(document), media_type="text/plain")


def optimization_info(call: Call) -> Json:
    """The step of tokens per second of a model; part of no SDK."""
    name, version = call.params["model"], call.params["version"]
    model = call.workspace["unity_catalog"]["models"].get(name)
    if model is None or version not in model["versions"]:
        raise missing(f"Model '{name}' version {version} does not exist.")
    if not version.isdecimal():
        raise invalid(f"Invalid version '{version}'.")
    if not model["throughput_chunk_size"]:
        return {"optimizable": False}
    return {
        "optimizable": True,
        "model_type": model["model_type"],
        "throughput_chunk_size": model["throughput_chunk_size"],
    }


_ENTITY = f"{BASE}/{{name}}/served-models/{{entity}}"

ROUTES = (
    Route("GET", f"{BASE}/get-model-optimization-info/{{model}}/{{version}}", optimization_info),
    Route("GET", f"{_ENTITY}/build-logs", build_logs),
    Route("GET", f"{_ENTITY}/logs", server_logs),
    Route("GET", f"{BASE}/{{name}}/metrics", metrics),
    Route("GET", f"{BASE}/{{name}}/openapi", openapi),
)
