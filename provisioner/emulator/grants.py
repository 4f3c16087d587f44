"""Grants in Unity Catalog: who may execute a model, who may make tables in a schema.

Rights go down from catalogs and schemas, owners have all of theirs, and models are functions
to this API (databricks-sdk 0.156 and its clients; Databricks docs: Unity Catalog privileges).
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import denied, invalid, missing
from provisioner.emulator.identity import Principal, find_principal

BASE = "/api/2.1/unity-catalog"
EVERYBODY = "account users"
_PAGE = 150
_KINDS = {"CATALOG": 1, "SCHEMA": 2, "FUNCTION": 3}
"""Types of securables, with the number of parts of their names."""


def permissions(call: Call) -> Json:
    """What was granted on the object itself."""
    name = _securable(call)
    direct = _grants(call.workspace).get(name, {})
    assignments = [{"principal": who, "privileges": rights} for who, rights in direct.items()]
    return _page(call, assignments)


def change(call: Call) -> Json:
    """Add and remove privileges."""
    name = _securable(call)
    on = call.workspace["unity_catalog"].setdefault("grants", {}).setdefault(name, {})
    for one in call.json().get("changes", []):
        held = [
            right for right in on.get(one["principal"], []) if right not in one.get("remove", [])
        ]
        held += [right for right in one.get("add", []) if right not in held]
        on[one["principal"]] = held
    return permissions(call)


def effective(call: Call) -> Json:
    """What holds on the object, with where it comes from."""
    name = _securable(call)
    rights: dict[str, list[Json]] = {}
    for above, kind in _line(name):
        for who, privileges in _grants(call.workspace).get(above, {}).items():
            for privilege in privileges:
                row: Json = {"privilege": privilege}
                if above != name:
                    row |= {"inherited_from_type": kind, "inherited_from_name": above}
                rights.setdefault(who, []).append(row)
    return _page(call, [{"principal": who, "privileges": rights[who]} for who in sorted(rights)])


def _page(call: Call, assignments: list[Json]) -> Json:
    """A page, for those who ask in pages; the first may well be empty (databricks-sdk 0.156)."""
    if who := call.query.get("principal"):
        assignments = [one for one in assignments if one["principal"].lower() == who.lower()]
    if "max_results" not in call.query:
        return {"privilege_assignments": assignments}
    if "page_token" not in call.query:
        return {"next_page_token": "0"}
    start = int(call.query["page_token"])
    answer: Json = {"privilege_assignments": assignments[start : start + _PAGE]}
    if start + _PAGE < len(assignments):
        answer["next_page_token"] = str(start + _PAGE)
    return answer


def _securable(call: Call) -> str:
    kind, name = call.params["kind"].upper(), call.params["name"]
    if len(name.split(".")) != _KINDS.get(kind):
        raise invalid(f"'{name}' is not the name of a {kind}.")
    catalog = call.workspace["unity_catalog"]
    known = {"CATALOG": "catalogs", "SCHEMA": "schemas", "FUNCTION": "models"}[kind]
    if name.lower() not in {one.lower() for one in catalog[known]}:
        raise missing(f"{kind} '{name}' does not exist.")
    return name.lower()


def _line(name: str) -> Iterator[tuple[str, str]]:
    """An object and what it is in, each with its type."""
    parts = name.lower().split(".")
    kinds = {count: kind for kind, count in _KINDS.items()}
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count]), kinds[count]


def _grants(workspace: Json) -> Json:
    return workspace["unity_catalog"].get("grants", {})  # type: ignore[no-any-return]


def may(workspace: Json, who: Principal, privilege: str, name: str) -> bool:
    """Whether somebody has a right; a workspace without grants knows no limits."""
    if "grants" not in workspace["unity_catalog"]:
        return True
    models = workspace["unity_catalog"]["models"]
    owner = models.get(name, {}).get("owner", "")
    names = {who.name.lower(), EVERYBODY, *(group.lower() for group in who.groups)}
    if owner.lower() in names:
        return True
    return any(
        {privilege, "ALL_PRIVILEGES"} & set(rights)
        for above, _ in _line(name)
        for principal, rights in _grants(workspace).get(above, {}).items()
        if principal.lower() in names
    )


def require_rights(workspace: Json, creator: str, config: Json, gateway: Json) -> None:
    """Refuse what the creator of an endpoint may not use; the words are a guess."""
    who = find_principal(workspace, creator)
    for entity in config.get("served_entities", ()) if who else ():
        name = str(entity.get("entity_name") or "")
        if who and name.count(".") == 2 and not may(workspace, who, "EXECUTE", name):
            raise denied(f"{creator} does not have EXECUTE on Routine or Model '{name}'.")
    tables = gateway.get("inference_table_config", {})
    if who and tables.get("enabled"):
        schema = f"{tables['catalog_name']}.{tables['schema_name']}"
        if not may(workspace, who, "CREATE_TABLE", schema):
            raise denied(f"{creator} does not have CREATE TABLE on Schema '{schema}'.")


ROUTES = (
    Route("GET", f"{BASE}/permissions/{{kind}}/{{name}}", permissions),
    Route("PATCH", f"{BASE}/permissions/{{kind}}/{{name}}", change),
    Route("GET", f"{BASE}/effective-permissions/{{kind}}/{{name}}", effective),
)
