"""Who may do what with an endpoint."""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call
from provisioner.emulator.errors import denied, missing
from provisioner.emulator.identity import Principal
from provisioner.emulator.regions import is_absent

LEVELS = {
    "CAN_VIEW": "Can view the endpoint",
    "CAN_QUERY": "Can query the endpoint",
    "CAN_MANAGE": "Can manage the endpoint",
}
"""Weakest first."""

_RANK = {level: rank for rank, level in enumerate(LEVELS)}


def level_of(workspace: Json, endpoint: Json, caller: Principal) -> str:
    """The caller's level, "" for none; everybody may query the endpoints of Databricks."""
    if caller.is_admin:
        return "CAN_MANAGE"
    if "id" not in endpoint:
        return "CAN_QUERY"
    held = [
        entry["permission_level"]
        for entry in workspace["permissions"].get(endpoint["id"], ())
        if _applies(entry, caller)
    ]
    return max(held, key=_RANK.__getitem__, default="")


def _applies(entry: Json, caller: Principal) -> bool:
    if "group_name" in entry:
        return entry["group_name"] in caller.groups
    name = entry.get("user_name") or entry.get("service_principal_name") or ""
    return bool(name.lower() == caller.name.lower())


def endpoint_for(call: Call, level: str, name: str | None = None) -> Json:
    """The endpoint of the path or of that name, for a caller who holds at least that level."""
    name = call.params["name"] if name is None else name
    endpoint: Json | None = call.workspace["endpoints"].get(name)
    if endpoint is None or is_absent(call.workspace, endpoint):
        raise missing(f"Endpoint with name '{name}' does not exist.")
    held = level_of(call.workspace, endpoint, call.principal)
    if not held or _RANK[held] < _RANK[level]:
        raise denied(f"User does not have permission '{level}' on endpoint '{name}'.")
    return endpoint


def managed_endpoint_for(call: Call) -> Json:
    """An endpoint that the caller may configure or delete, so none of Databricks' own."""
    endpoint = endpoint_for(call, "CAN_MANAGE")
    if "id" not in endpoint:
        raise denied(f"Endpoint '{endpoint['name']}' is managed by Databricks.")
    return endpoint
