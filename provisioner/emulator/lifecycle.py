"""Updates: how they begin, how long they take, how they end.

An accepted config is first visible as ``pending_config`` and becomes ``config`` only when it
succeeds; a failed one stays pending while the old one serves on (databricks-sdk 0.156 and
observed responses, 2024 and Feb 2025; how long the failed one is kept: confidence medium).
"""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.clock import SECONDS
from provisioner.emulator.configs import config_kind
from provisioner.emulator.errors import conflict
from provisioner.emulator.external_models import references
from provisioner.emulator.pristine import READY
from provisioner.emulator.world import World

CREATING = "Creating resources for served entity."


def refuse_if_updating(endpoint: Json) -> None:
    """Config and telemetry do not queue up; tags, gateway and notifications may pass."""
    if is_updating(endpoint):
        raise conflict(
            f"Endpoint {endpoint['name']} is currently updating. "
            "Wait for the update to complete before starting another one."
        )


def is_updating(endpoint: Json) -> bool:
    """Whether an update is in progress."""
    return bool(endpoint.get("update", {}).get("state") == "IN_PROGRESS")


def start_update(world: World, endpoint: Json, config: Json, creator: str) -> None:
    """Begin to deploy a config that was accepted."""
    now = world.now_ms()
    kind = config_kind(config)
    same = "config" in endpoint and _essence(endpoint["config"]) == _essence(config)
    default_seconds = SECONDS[world.mode]["external" if same or kind is None else kind]
    outcomes, seconds = {}, default_seconds
    for entity in config["served_entities"]:
        rule = world.builds.take(endpoint["name"], entity["name"])
        outcomes[entity["name"]] = _outcome(world.store.workspace, entity, rule)
        if world.mode != "instant":
            seconds = max(seconds, float(rule.get("seconds", 0)))
        entity["creator"], entity["creation_timestamp"] = creator, now
        entity["state"] = _state("DEPLOYMENT_CREATING", CREATING)
    never = any(outcome["outcome"] == "never" for outcome in outcomes.values())
    endpoint["config_versions"] = endpoint.get("config_versions", 0) + 1
    endpoint["pending_config"] = config | {
        "config_version": endpoint["config_versions"],
        "start_time": now,
    }
    endpoint["update"] = {
        "state": "IN_PROGRESS",
        "settles_at_ms": None if never else now + int(seconds * 1000),
        "outcomes": outcomes,
    }
    endpoint["last_updated_timestamp"] = now


def _essence(config: Json) -> list[Json]:
    added = {"creator", "creation_timestamp", "state"}
    entities = ({k: v for k, v in e.items() if k not in added} for e in config["served_entities"])
    return sorted(entities, key=lambda entity: str(entity["name"]))


def _outcome(workspace: Json, entity: Json, rule: Json) -> Json:
    """How one deployment will end."""
    outcome = rule.get("outcome", "ready")
    message = rule.get("message", "" if outcome == "ready" else "Build failed.")
    absent = [
        f"{scope}/{key}"
        for scope, key in sorted(references(entity))
        if key not in workspace["secrets"].get(scope, {}).get("keys", {})
    ]
    if absent and not rule:
        # Accepted at first, failing when resources are built: confidence low.
        outcome, message = "failed", f"Secret does not exist: {', '.join(absent)}."
    logs = rule.get("logs", f"Building {entity['name']}\n{message or 'Build succeeded.'}\n")
    return {"outcome": outcome, "message": message, "logs": logs}


def settle(world: World) -> None:
    """End every update whose time has come."""
    now = world.now_ms()
    for endpoint in world.store.workspace["endpoints"].values():
        if is_updating(endpoint):
            at = endpoint["update"].get("settles_at_ms")
            if at is not None and (at <= now or world.mode == "instant"):
                _finish(endpoint, min(at, now))


def _finish(endpoint: Json, at: int) -> None:
    outcomes = endpoint["update"]["outcomes"]
    pending = endpoint["pending_config"]
    endpoint["last_updated_timestamp"] = max(at, endpoint["last_updated_timestamp"])
    endpoint["logs"] = {name: outcome["logs"] for name, outcome in outcomes.items()}
    if all(outcome["outcome"] == "ready" for outcome in outcomes.values()):
        for entity in pending["served_entities"]:
            entity["state"] = dict(READY)
        del endpoint["pending_config"], pending["start_time"]
        endpoint["config"] = pending
        endpoint["update"] = {"state": "NOT_UPDATING"}
        endpoint.pop("stopped", None)
        return
    for entity in pending["served_entities"]:
        outcome = outcomes[entity["name"]]
        entity["state"] = (
            _state("DEPLOYMENT_FAILED", outcome["message"])
            if outcome["outcome"] == "failed"
            else _state("DEPLOYMENT_ABORTED", "Aborted because the endpoint update failed.")
        )
    endpoint["update"] = {"state": "UPDATE_FAILED"}


def _state(deployment: str, message: str) -> Json:
    return {"deployment": deployment, "deployment_state_message": message}
