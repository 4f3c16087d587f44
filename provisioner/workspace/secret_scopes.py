"""Secret scopes: which keys there are, and putting values into them; values are never read."""

from __future__ import annotations

from urllib.parse import quote

from provisioner.errors import AlreadyExists, NotFound, PermissionDenied
from provisioner.workspace.gateway import Workspace

_SECRETS = "/api/2.0/secrets"


def keys(workspace: Workspace, scope: str) -> dict[str, int] | None:
    """Keys of a scope, each with the epoch milliseconds of its last change.

    Empty when there is no such scope; ``None`` when the caller may not look.
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


def put(workspace: Workspace, scope: str, key: str, value: str) -> None:
    """Set a secret; the scope is made if there is none."""
    body = {"scope": scope, "key": key, "string_value": value}
    doing = f"cannot put the secret {scope}/{key}"
    try:
        workspace.call("POST", f"{_SECRETS}/put", body, doing=doing)
    except NotFound:
        _create(workspace, scope)
        workspace.call("POST", f"{_SECRETS}/put", body, doing=doing)


def _create(workspace: Workspace, scope: str) -> None:
    doing = f"cannot create the secret scope {scope}"
    try:
        workspace.call("POST", f"{_SECRETS}/scopes/create", {"scope": scope}, doing=doing)
    except AlreadyExists:
        return  # somebody was faster
