"""Secret scopes; values go in and never come out.

Rights, limits and errors: Databricks REST API reference, Secret and Secret Acl (Nov 2026).
"""

from __future__ import annotations

import re

from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import ApiError, denied, exists, invalid, missing

BASE = "/api/2.0/secrets"
MAX_BYTES, MAX_KEYS = 128 * 1024, 1000

_NAMES = {
    "scope": re.compile(r"[A-Za-z0-9_.@-]{1,128}"),
    "key": re.compile(r"[A-Za-z0-9_.-]{1,128}"),
}
_ACL_LEVELS = ("READ", "WRITE", "MANAGE")
"""Weakest first."""


def list_scopes(call: Call) -> Json:
    """All scopes."""
    scopes = call.workspace["secrets"]
    return {"scopes": [{"name": n, "backend_type": scopes[n]["backend_type"]} for n in scopes]}


def create_scope(call: Call) -> Json:
    """Create an empty scope that its creator manages."""
    body = call.json()
    name = _read_name(body, "scope")
    if name in call.workspace["secrets"]:
        raise exists(f"Scope {name} already exists!")
    manager = body.get("initial_manage_principal", call.principal.name)
    backend = body.get("scope_backend_type", "DATABRICKS")
    call.workspace["secrets"][name] = {
        "backend_type": backend,
        "keys": {},
        "acls": {manager: "MANAGE"},
    }
    return {}


def delete_scope(call: Call) -> Json:
    """Delete a scope with everything in it."""
    name = call.json().get("scope", "")
    _scope(call, name, "MANAGE")
    del call.workspace["secrets"][name]
    return {}


def list_secrets(call: Call) -> Json:
    """Names and times of the secrets of a scope."""
    keys = _scope(call, call.query.get("scope", ""), "READ")["keys"]
    return {
        "secrets": [
            {"key": key, "last_updated_timestamp": keys[key]["last_updated_timestamp"]}
            for key in sorted(keys)
        ]
    }


def put_secret(call: Call) -> Json:
    """Set a value, new or not."""
    body = call.json()
    scope, key = _writable(call, body), _read_name(body, "key")
    given = [name for name in ("string_value", "bytes_value") if name in body]
    if len(given) != 1:
        raise invalid("Exactly one of string_value and bytes_value must be specified.")
    value = body[given[0]]
    if len(value.encode()) > MAX_BYTES:
        raise invalid(f"The secret is larger than {MAX_BYTES} bytes.")
    # Names of secrets are the same in any case (Azure Databricks docs: Secrets).
    key = next((known for known in scope["keys"] if known.lower() == key.lower()), key)
    if key not in scope["keys"] and len(scope["keys"]) >= MAX_KEYS:
        message = f"A scope cannot have more than {MAX_KEYS} secrets."
        raise ApiError(400, "RESOURCE_LIMIT_EXCEEDED", message)
    scope["keys"][key] = {"value": value, "last_updated_timestamp": call.world.now_ms()}
    return {}


def delete_secret(call: Call) -> Json:
    """Delete one secret."""
    body = call.json()
    scope, key = _writable(call, body), body.get("key", "")
    if key not in scope["keys"]:
        raise missing(f"Secret {key} does not exist in scope {body['scope']}.")
    del scope["keys"][key]
    return {}


def list_acls(call: Call) -> Json:
    """Who may use a scope."""
    acls = _scope(call, call.query.get("scope", ""), "MANAGE")["acls"]
    return {"items": [{"principal": p, "permission": acls[p]} for p in sorted(acls)]}


def get_acl(call: Call) -> Json:
    """One principal's right."""
    acls, principal = _acl(call, dict(call.query))
    return {"principal": principal, "permission": acls[principal]}


def put_acl(call: Call) -> Json:
    """Grant a right."""
    body = call.json()
    acls = _scope(call, body.get("scope", ""), "MANAGE")["acls"]
    if body.get("permission") not in _ACL_LEVELS or not body.get("principal"):
        raise invalid(f"principal and a permission of {', '.join(_ACL_LEVELS)} are required.")
    acls[body["principal"]] = body["permission"]
    return {}


def delete_acl(call: Call) -> Json:
    """Take a right away."""
    acls, principal = _acl(call, call.json())
    del acls[principal]
    return {}


def _acl(call: Call, given: Json) -> tuple[dict[str, str], str]:
    acls = _scope(call, given.get("scope", ""), "MANAGE")["acls"]
    principal = given.get("principal", "")
    if principal not in acls:
        raise missing(f"ACL for {principal} does not exist.")
    return acls, principal


def _scope(call: Call, name: str, level: str) -> Json:
    """A scope, for a caller who holds at least that right; admins hold all."""
    scope: Json | None = call.workspace["secrets"].get(name)
    if scope is None:
        raise missing(f"Scope {name} does not exist!")
    caller = call.principal
    who = {caller.name.lower(), *(group.lower() for group in caller.groups)}
    held = {right for principal, right in scope["acls"].items() if principal.lower() in who}
    enough = _ACL_LEVELS[_ACL_LEVELS.index(level) :]
    if not caller.is_admin and not held.intersection(enough):
        raise denied(f"User {caller.name} does not have {level} permission on scope {name}.")
    return scope


def _writable(call: Call, body: Json) -> Json:
    name = body.get("scope", "")
    scope = _scope(call, name, "WRITE")
    if scope["backend_type"] != "DATABRICKS":
        message = f"Cannot write secrets to Azure KeyVault-backed scope {name}."
        raise ApiError(400, "BAD_REQUEST", message)
    return scope


def _read_name(body: Json, field: str) -> str:
    name = body.get(field)
    if not isinstance(name, str) or not _NAMES[field].fullmatch(name):
        raise invalid(f"Invalid {field} '{name}'.")
    return name


ROUTES = (
    Route("GET", f"{BASE}/scopes/list", list_scopes),
    Route("POST", f"{BASE}/scopes/create", create_scope),
    Route("POST", f"{BASE}/scopes/delete", delete_scope),
    Route("GET", f"{BASE}/list", list_secrets),
    Route("POST", f"{BASE}/put", put_secret),
    Route("POST", f"{BASE}/delete", delete_secret),
    Route("GET", f"{BASE}/acls/list", list_acls),
    Route("GET", f"{BASE}/acls/get", get_acl),
    Route("POST", f"{BASE}/acls/put", put_acl),
    Route("POST", f"{BASE}/acls/delete", delete_acl),
)
