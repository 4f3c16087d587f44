"""Looking things up in a workspace: model versions, how throughput is sold, principals."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from provisioner.errors import InvalidRequest, NotFound, PermissionDenied
from provisioner.plan.lookups import Model, Throughput
from provisioner.wire.document import is_application_id, principal
from provisioner.wire.requests import ENDPOINTS
from provisioner.workspace.gateway import Workspace

_MODELS = "/api/2.1/unity-catalog/models"
_SCIM = "/api/2.0/preview/scim/v2"
_SOURCES = {
    "user": ("Users", "userName"),
    "group": ("Groups", "displayName"),
    "service_principal": ("ServicePrincipals", "applicationId"),
}


def version(workspace: Workspace, model: Model) -> str | None:
    """The number of a ready version, by number or by ``@alias``; ``None`` = there is none."""
    name, wanted = model
    place = f"aliases/{wanted[1:]}" if wanted.startswith("@") else f"versions/{wanted}"
    try:
        answer = workspace.call(
            "GET", f"{_MODELS}/{name}/{place}", doing=f"cannot look up model {name} {wanted}"
        )
    except NotFound:
        return None
    except PermissionDenied:
        # Not to be known; the service will say when it is asked to serve it.
        return None if wanted.startswith("@") else wanted
    found = answer.get("version", answer.get("version_num"))
    ready = answer.get("status", "READY") == "READY"
    return str(found) if ready and found is not None else None


def throughput(workspace: Workspace, model: Model) -> Throughput | None:
    """In which steps tokens per second of a model are sold; ``None`` = not to be known."""
    name, number = model
    path = f"{ENDPOINTS}/get-model-optimization-info/{name}/{number}"
    try:
        answer = workspace.call("GET", path, doing=f"cannot look up the throughput of {name}")
    except (NotFound, PermissionDenied, InvalidRequest):
        return None
    step = answer.get("throughput_chunk_size") or 1
    return Throughput(bool(answer.get("optimizable")), int(step))


def matches(workspace: Workspace, who: str) -> tuple[str, ...] | None:
    """Principals that a written one may mean; ``None`` = the caller may not look."""
    kind, _, name = who.partition(":")
    source, attribute = _SOURCES[kind]
    if kind == "service_principal" and not is_application_id(name):
        attribute = "displayName"
    found = _scim(workspace, source, f'{attribute} eq "{_quoted(name)}"')
    if found is None:
        return None
    key = "applicationId" if kind == "service_principal" else attribute
    return tuple(sorted(principal(kind, str(item[key])) for item in found))


def group_names(workspace: Workspace) -> tuple[str, ...]:
    """Names of all groups; empty when the caller may not look."""
    found = _scim(workspace, "Groups", "") or []
    return tuple(sorted(str(item.get("displayName")) for item in found))


def _scim(workspace: Workspace, source: str, condition: str) -> list[dict[str, Any]] | None:
    query = f"?{urlencode({'filter': condition})}" if condition else ""
    try:
        answer = workspace.call(
            "GET", f"{_SCIM}/{source}{query}", doing=f"cannot look up {source.lower()}"
        )
    except PermissionDenied:
        return None
    return list(answer.get("Resources") or [])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
