"""Looking things up in a workspace: model versions, how throughput is sold, principals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from provisioner.errors import (
    AuthenticationFailed,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    WorkspaceError,
)
from provisioner.plan.lookups import Throughput
from provisioner.plan.preflight import Account, Grants, Securable, Unknown
from provisioner.plan.versions import Found, Lack, Missing, Model, Unclear
from provisioner.wire.document import is_application_id, principal
from provisioner.wire.requests import ENDPOINTS
from provisioner.workspace.gateway import Workspace

_CATALOG = "/api/2.1/unity-catalog"
_MODELS = f"{_CATALOG}/models"
_OBJECTS = {"FUNCTION": f"{_MODELS}/{{}}", "SCHEMA": f"{_CATALOG}/schemas/{{}}"}
"""Where an object tells its owner, by what it is to the grants API: models are functions."""
_SCIM = "/api/2.0/preview/scim/v2"
_SOURCES = {
    "user": ("Users", "userName"),
    "group": ("Groups", "displayName"),
    "service_principal": ("ServicePrincipals", "applicationId"),
}

_NOT_READY = {"PENDING_REGISTRATION": Lack.PENDING, "FAILED_REGISTRATION": Lack.FAILED}


def version(workspace: Workspace, model: Model) -> Found:
    """The number of a ready version, by number or by ``@alias``, or why there is none.

    Without a version it is looked up whether there is such a model, which would need one.
    """
    name, wanted = model
    try:
        if not wanted:
            return _without_version(workspace, name)
        place = f"aliases/{wanted[1:]}" if wanted.startswith("@") else f"versions/{wanted}"
        answer = workspace.call(
            "GET", f"{_MODELS}/{name}/{place}", doing=f"cannot look up model {name} {wanted}"
        )
    except NotFound:
        return _no_such_version(workspace, name)
    except PermissionDenied:
        return Unclear()
    found, status = answer.get("version", answer.get("version_num")), answer.get("status")
    if status in _NOT_READY:
        return Missing(_NOT_READY[status])
    if found is None or status not in {None, "READY"}:
        return Unclear(f"its status is {status}" if status else "")
    return str(found)


def _without_version(workspace: Workspace, name: str) -> Found:
    try:
        model = workspace.call("GET", f"{_MODELS}/{name}", doing=f"cannot look up model {name}")
    except NotFound:
        return ""
    aliases = (str(one.get("alias_name")) for one in model.get("aliases") or [])
    return Missing(Lack.WRITTEN, tuple(aliases))


def _no_such_version(workspace: Workspace, name: str) -> Missing:
    """Whether it is the model that is missing; and which there are beside it."""
    try:
        workspace.call("GET", f"{_MODELS}/{name}", doing=f"cannot look up model {name}")
    except NotFound:
        return Missing(Lack.MODEL, _models_beside(workspace, name))
    except PermissionDenied:
        pass
    return Missing(Lack.VERSION)


def _models_beside(workspace: Workspace, name: str) -> tuple[str, ...]:
    """Models of the same schema, to suggest one; empty when they cannot be listed."""
    parts = dict(zip(("catalog_name", "schema_name"), name.split("."), strict=False))
    doing = f"cannot list the models beside {name}"
    try:
        answer = workspace.call("GET", f"{_MODELS}?{urlencode(parts)}", doing=doing)
    except (InvalidRequest, NotFound, PermissionDenied):
        return ()
    return tuple(str(one.get("full_name")) for one in answer.get("registered_models") or [])


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


def account(workspace: Workspace, who: str) -> Account | Unknown:
    """A user or a service principal, whether it is active and which groups it is in."""
    kind, _, name = who.partition(":")
    source, attribute = _SOURCES[kind]
    found = _scim(workspace, source, f'{attribute} eq "{_quoted(name)}"')
    if not found:
        return Unknown.HIDDEN if found is None else Unknown.MISSING
    groups = frozenset(str(group.get("display")) for group in found[0].get("groups") or [])
    return Account(found[0].get("active") is not False, groups)


def grants(workspace: Workspace, what: Securable) -> Grants | Unknown:
    """Who may do what with a model or a schema, inherited rights and the owner included."""
    path = f"{_CATALOG}/effective-permissions/{what.kind}/{what.name}?max_results=0"
    doing = f"cannot look up the grants on {what.name}"
    rights: dict[str, frozenset[str]] = {}
    try:
        owner = workspace.call("GET", _OBJECTS[what.kind].format(what.name), doing=doing)
        token = ""
        while True:
            answer = workspace.call("GET", path + token, doing=doing)
            for row in answer.get("privilege_assignments") or []:
                held = frozenset(str(one.get("privilege")) for one in row.get("privileges") or [])
                who = str(row.get("principal")).lower()
                rights[who] = rights.get(who, frozenset()) | held
            if not answer.get("next_page_token"):
                return Grants(str(owner.get("owner") or ""), rights)
            token = f"&page_token={quote(str(answer['next_page_token']), safe='')}"
    except NotFound:
        return Unknown.MISSING
    except (PermissionDenied, InvalidRequest):
        return Unknown.HIDDEN


def region(workspace: Workspace) -> str | Unknown:
    """Where the workspace is, as its cloud writes it.

    That is the region of its metastore: one of another region cannot be attached (Unity
    Catalog best practices). Every user may read it as far as known: no right is documented, and
    MLflow's tracing asks it for all (2026). It is worth knowing and no more, so no failure of
    this call stops a command.
    """
    doing = "cannot look up the region"
    try:
        answer = workspace.call("GET", f"{_CATALOG}/metastore_summary", doing=doing)
    except AuthenticationFailed:
        raise
    except NotFound:
        return Unknown.MISSING
    except WorkspaceError:  # METASTORE_DOES_NOT_EXIST among them, as a 404 with a code of its own
        return Unknown.HIDDEN
    whole = str(answer.get("global_metastore_id") or "").split(":")  # cloud:region:id
    told = str(answer.get("region") or (whole[1] if len(whole) > 2 else "")).strip().lower()
    return told or Unknown.HIDDEN


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
