"""SCIM: the caller, and the directory of users, groups and service principals."""

from __future__ import annotations

import re

from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import ApiError, invalid, missing

SCIM = "/api/2.0/preview/scim/v2"
_FILTER = re.compile(r'\s*(\w+)\s+eq\s+"?([^"]*)"?\s*', re.IGNORECASE)


def me(call: Call) -> Answer:
    """The caller; the header carries the workspace id."""
    workspace, caller = call.workspace, call.principal
    resource = (
        _user(workspace, caller.name)
        if caller.kind == "user"
        # Service principals find their application id as userName (databricks-sdk 0.156).
        else _service_principal(workspace, caller.name) | {"userName": caller.name}
    )
    return Answer(resource, headers={"X-Databricks-Org-Id": workspace["workspace_id"]})


def _user(workspace: Json, name: str) -> Json:
    user = workspace["identity"]["users"][name]
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": user["id"],
        "userName": name,
        "displayName": user["display_name"],
        "active": user.get("active", True),
        "emails": [{"type": "work", "value": name, "primary": True}],
        "groups": _group_refs(workspace, user["groups"]),
    }


def _service_principal(workspace: Json, application_id: str) -> Json:
    sp = workspace["identity"]["service_principals"][application_id]
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"],
        "id": sp["id"],
        "applicationId": application_id,
        "displayName": sp["display_name"],
        "active": sp.get("active", True),
        "groups": _group_refs(workspace, sp["groups"]),
    }


def _group(workspace: Json, name: str) -> Json:
    group = workspace["identity"]["groups"][name]
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": group["id"],
        "displayName": name,
    }


def _group_refs(workspace: Json, names: list[str]) -> list[Json]:
    groups = workspace["identity"]["groups"]
    return [
        {"display": name, "value": groups[name]["id"], "type": "direct"}
        for name in names
        if name in groups
    ]


def _resources(call: Call) -> list[Json]:
    workspace, identity = call.workspace, call.workspace["identity"]
    match call.params["kind"]:
        case "Users":
            return [_user(workspace, name) for name in identity["users"]]
        case "Groups":
            return [_group(workspace, name) for name in identity["groups"]]
        case "ServicePrincipals":
            return [_service_principal(workspace, i) for i in identity["service_principals"]]
    raise ApiError(404, "NOT_FOUND", f"No SCIM resource type {call.params['kind']}")


def search(call: Call) -> Json:
    """Users, groups or service principals, with ``attribute eq "value"`` filters and pages."""
    found = _resources(call)
    if text := call.query.get("filter", ""):
        match = _FILTER.fullmatch(text)
        if not match:
            raise invalid(f"Unsupported filter: {text}")
        attribute, value = match.group(1).lower(), match.group(2).lower()
        found = [
            resource
            for resource in found
            if any(k.lower() == attribute and str(v).lower() == value for k, v in resource.items())
        ]
    start = max(int(call.query.get("startIndex") or 1), 1)
    page = found[start - 1 :][: int(call.query.get("count") or 100)]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": page,
    }


def by_id(call: Call) -> Json:
    """One user, group or service principal."""
    for resource in _resources(call):
        if resource["id"] == call.params["id"]:
            return resource
    raise missing(f"{call.params['kind']} with id {call.params['id']} not found.")


ROUTES = (
    Route("GET", f"{SCIM}/Me", me),
    Route("GET", f"{SCIM}/{{kind}}", search),
    Route("GET", f"{SCIM}/{{kind}}/{{id}}", by_id),
)
