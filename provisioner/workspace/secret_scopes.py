"""Secret scopes: which there are and which keys they hold; values are never read."""

from __future__ import annotations

from urllib.parse import quote

from provisioner.errors import NotFound, PermissionDenied
from provisioner.plan.preflight import Unknown
from provisioner.workspace.gateway import Workspace

_SECRETS = "/api/2.0/secrets"


def kinds(workspace: Workspace) -> dict[str, str]:
    """All scopes, each with what is behind it: DATABRICKS or AZURE_KEYVAULT."""
    answer = workspace.call("GET", f"{_SECRETS}/scopes/list", doing="cannot list secret scopes")
    return {
        str(scope["name"]): str(scope.get("backend_type") or "DATABRICKS")
        for scope in answer.get("scopes") or []
    }


def acl(workspace: Workspace, scope: str) -> dict[str, str] | Unknown:
    """Rights on a scope by principal; to look at them needs the right MANAGE."""
    path = f"{_SECRETS}/acls/list?scope={quote(scope, safe='')}"
    try:
        answer = workspace.call("GET", path, doing=f"cannot list the rights on scope {scope}")
    except NotFound:
        return Unknown.MISSING
    except PermissionDenied:
        return Unknown.HIDDEN
    return {str(item["principal"]): str(item["permission"]) for item in answer.get("items") or []}


def keys(workspace: Workspace, scope: str) -> dict[str, int] | None:
    """Keys of a scope, each with the epoch milliseconds of its last change.

    Empty when there is no such scope; ``None`` when the caller may not look, which
    needs the right READ (REST API reference, GET /api/2.0/secrets/list).
    """
    try:
        answer = workspace.call(
            "GET",
            f"{_SECRETS}/list?scope={quote(scope, safe='')}",
            doing=f"cannot list the secrets of scope {scope}",
        )
    except NotFound:
        return {}
    except PermissionDenied:
        return None
    return {
        str(item["key"]): int(item.get("last_updated_timestamp") or 0)
        for item in answer.get("secrets") or []
    }
