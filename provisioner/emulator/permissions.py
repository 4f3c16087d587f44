"""Permissions of serving endpoints, keyed by the endpoint's id.

The list of a deleted endpoint keeps answering (databricks/cli acceptance test
"recreated_same_name"), so a recreated endpoint has to be asked for its new id.
"""

from __future__ import annotations

from provisioner.emulator.access import LEVELS, level_of
from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import denied, invalid, missing
from provisioner.emulator.identity import find_principal

BASE = "/api/2.0/permissions/serving-endpoints/{id}"

_PRINCIPALS = {
    "user_name": "UserName",
    "group_name": "GroupName",
    "service_principal_name": "ServicePrincipalName",
}


def get(call: Call) -> Json:
    """Direct entries, and the inherited one of the admins."""
    return _view(call, _entries(call))


def replace(call: Call) -> Json:
    """Put these direct entries in the place of all others."""
    _require_manage(call)
    sent = _read_entries(call)
    call.workspace["permissions"][call.params["id"]] = sent
    return _view(call, sent)


def merge(call: Call) -> Json:
    """Add entries; one principal's level is replaced."""
    _require_manage(call)
    sent = _read_entries(call)
    changed = {_principal(entry) for entry in sent}
    kept = [entry for entry in _entries(call) if _principal(entry) not in changed]
    call.workspace["permissions"][call.params["id"]] = kept + sent
    return _view(call, kept + sent)


def levels(call: Call) -> Json:
    """What can be granted."""
    _entries(call)
    known = [{"permission_level": key, "description": text} for key, text in LEVELS.items()]
    return {"permission_levels": known}


def _entries(call: Call) -> list[Json]:
    entries: list[Json] | None = call.workspace["permissions"].get(call.params["id"])
    if entries is None:
        raise missing(f"Endpoint with ID '{call.params['id']}' does not exist.")
    return entries


def _require_manage(call: Call) -> None:
    _entries(call)
    pretended = {"id": call.params["id"]}
    if level_of(call.workspace, pretended, call.principal) != "CAN_MANAGE":
        raise denied(f"User does not have permission 'CAN_MANAGE' on '{call.params['id']}'.")


def _principal(entry: Json) -> tuple[str, str]:
    return next((key, str(entry[key]).lower()) for key in _PRINCIPALS if key in entry)


def _read_entries(call: Call) -> list[Json]:
    """The sent entries in the spelling of the directory, one for each principal."""
    read: dict[tuple[str, str], Json] = {}
    for sent in call.json().get("access_control_list", []):
        given = [key for key in _PRINCIPALS if sent.get(key)]
        if len(given) != 1:
            raise invalid("Each entry must name exactly one principal.")
        level = sent.get("permission_level")
        if level not in LEVELS:
            raise invalid(f"'{level}' is not a permission level of serving-endpoint.")
        entry = {given[0]: _known(call.workspace, given[0], sent[given[0]])}
        read[_principal(entry)] = entry | {"permission_level": level}
    return list(read.values())


def _known(workspace: Json, field: str, name: str) -> str:
    if field == "group_name":
        if name == "admins":  # their access is inherited: confidence medium
            raise invalid("Permissions of the group 'admins' cannot be modified.")
        if name in workspace["identity"]["groups"]:
            return name
    else:
        found = find_principal(workspace, name)
        if found and (found.kind == "user") == (field == "user_name"):
            return found.name
    raise missing(f"Principal: {_PRINCIPALS[field]}({name}) does not exist")


def _view(call: Call, entries: list[Json]) -> Json:
    rows = [_row(call.workspace, entry) for entry in entries]
    rows.append(
        {
            "group_name": "admins",
            "all_permissions": [
                {
                    "permission_level": "CAN_MANAGE",
                    "inherited": True,
                    "inherited_from_object": ["/serving-endpoints/"],
                }
            ],
        }
    )
    return {
        "object_id": f"/serving-endpoints/{call.params['id']}",
        # Exactly this spelling, else the Terraform provider fails its read.
        "object_type": "serving-endpoint",
        "access_control_list": rows,
    }


def _row(workspace: Json, entry: Json) -> Json:
    field = next(key for key in _PRINCIPALS if key in entry)
    row: Json = {field: entry[field]}
    principal = None if field == "group_name" else find_principal(workspace, entry[field])
    if principal:
        row["display_name"] = principal.display_name
    level = {"permission_level": entry["permission_level"], "inherited": False}
    return row | {"all_permissions": [level]}


ROUTES = (
    Route("GET", f"{BASE}/permissionLevels", levels),
    Route("GET", BASE, get),
    Route("PUT", BASE, replace),
    Route("PATCH", BASE, merge),
)
