"""The metastore, models, versions, aliases and schemas, as far as serving depends on them."""

from __future__ import annotations

import uuid

from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import ApiError, exists, invalid, missing
from provisioner.emulator.pristine import model as new_model

BASE = "/api/2.1/unity-catalog"
MLFLOW = "/api/2.0/mlflow"
MAX_PAGE = 1000


def metastore_summary(call: Call) -> Json:
    """The metastore, which is of the workspace's own region; every user may read this.

    Fields: databricks-sdk 0.156, GetMetastoreSummaryResponse. The refusal: terraform-provider
    issues 1632 and 2061, databricks-sdk-java's tests; confidence high.
    """
    workspace = call.workspace
    if not workspace["unity_catalog"].get("metastore", True):
        message = "No metastore assigned for the current workspace."
        raise ApiError(404, "METASTORE_DOES_NOT_EXIST", message)
    cloud, region = workspace["cloud"].lower(), workspace["region"]
    metastore = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cloud}:{region}"))
    return {
        "name": f"metastore-{region}",
        "metastore_id": metastore,
        "global_metastore_id": f"{cloud}:{region}:{metastore}",
        "cloud": cloud,
        "region": region,
        "owner": workspace["identity"]["default_user"],
        "privilege_model_version": "1.0",
        "delta_sharing_scope": "INTERNAL",
    }


def list_models(call: Call) -> Json:
    """Models, of one schema if catalog and schema are given."""
    wanted = [call.query.get("catalog_name"), call.query.get("schema_name")]
    names = [
        name
        for name in sorted(_models(call))
        if all(part in (None, own) for part, own in zip(wanted, name.split("."), strict=False))
    ]
    page, token = _page(call, names)
    return {"registered_models": [_model_view(call, name) for name in page]} | token


def create_model(call: Call) -> Json:
    """Register a model without versions."""
    body = call.json()
    parts = [str(body.get(key, "")) for key in ("catalog_name", "schema_name", "name")]
    name = ".".join(parts)
    if not all(parts):
        raise invalid("catalog_name, schema_name and name are required.")
    _require_schema(call, ".".join(parts[:2]))
    if name in _models(call):
        raise exists(f"Registered model '{name}' already exists.")
    document = new_model(0) | {
        "owner": call.principal.name,
        "comment": body.get("comment", ""),
        "created_at": call.world.now_ms(),
    }
    _models(call)[name] = document
    return _model_view(call, name)


def get_model(call: Call) -> Json:
    """One model with its aliases."""
    _model(call)
    return _model_view(call, call.params["model"])


def delete_model(call: Call) -> Json:
    """Delete a model."""
    _model(call)
    del _models(call)[call.params["model"]]
    return {}


def list_versions(call: Call) -> Json:
    """Versions, newest first, in pages."""
    numbers = sorted(_model(call)["versions"], key=int, reverse=True)
    page, token = _page(call, numbers)
    return {"model_versions": [_version_view(call, number) for number in page]} | token


def create_version(call: Call) -> Json:
    """Add a version; an emulator's shortcut, the service takes them from MLflow."""
    versions = _model(call)["versions"]
    number = str(max((int(version) for version in versions), default=0) + 1)
    versions[number] = {"status": call.json().get("status", "READY")}
    return _version_view(call, number)


def get_version(call: Call) -> Json:
    """One version; its number is an integer here, and text in serving."""
    return _version_view(call, call.params["version"])


def get_alias(call: Call) -> Json:
    """The version behind an alias."""
    aliases = _model(call)["aliases"]
    if call.params["alias"] not in aliases:
        raise missing(f"Alias '{call.params['alias']}' does not exist.")
    return _version_view(call, str(aliases[call.params["alias"]]))


def put_alias(call: Call) -> Json:
    """Move or create an alias."""
    model, number = _model(call), call.json().get("version_num")
    if str(number) not in model["versions"]:
        raise missing(f"Model version {number} does not exist.")
    model["aliases"][call.params["alias"]] = number
    return {"alias_name": call.params["alias"], "version_num": number}


def delete_alias(call: Call) -> Json:
    """Remove an alias."""
    if _model(call)["aliases"].pop(call.params["alias"], None) is None:
        raise missing(f"Alias '{call.params['alias']}' does not exist.")
    return {}


def get_schema(call: Call) -> Json:
    """Whether a schema exists; inference tables need one."""
    name = call.params["schema"]
    _require_schema(call, name)
    catalog, _, schema = name.partition(".")
    owner = call.workspace["identity"]["default_user"]
    return {"full_name": name, "catalog_name": catalog, "name": schema, "owner": owner}


def get_catalog(call: Call) -> Json:
    """Whether a catalog exists."""
    name = call.params["catalog"]
    if name not in call.workspace["unity_catalog"]["catalogs"]:
        raise missing(f"Catalog '{name}' does not exist.")
    return {"name": name, "full_name": name}


def workspace_model(call: Call) -> Json:
    """A model of the workspace registry, whose names have no dots."""
    name = call.query.get("name", "")
    if name not in call.workspace["workspace_models"]:
        raise missing(f"RegisteredModel '{name}' does not exist.")
    return {"registered_model_databricks": {"name": name}}


def workspace_model_version(call: Call) -> Json:
    """A version of such a model."""
    name, version = call.query.get("name", ""), call.query.get("version", "")
    model = call.workspace["workspace_models"].get(name, {"versions": {}})
    if version not in model["versions"]:
        raise missing(f"ModelVersion '{name}' version {version} does not exist.")
    status = model["versions"][version]["status"]
    return {"model_version": {"name": name, "version": version, "status": status}}


def _models(call: Call) -> Json:
    return call.workspace["unity_catalog"]["models"]  # type: ignore[no-any-return]


def _model(call: Call) -> Json:
    name = call.params["model"]
    if name not in _models(call):
        raise missing(f"Registered model '{name}' does not exist.")
    return _models(call)[name]  # type: ignore[no-any-return]


def _require_schema(call: Call, name: str) -> None:
    if name not in call.workspace["unity_catalog"]["schemas"]:
        raise missing(f"Schema '{name}' does not exist.")


def _model_view(call: Call, full_name: str) -> Json:
    model = _models(call)[full_name]
    catalog, schema, name = full_name.split(".", 2)
    view = {key: model[key] for key in ("owner", "comment", "created_at")}
    aliases = sorted(model["aliases"].items())
    return view | {
        "full_name": full_name,
        "catalog_name": catalog,
        "schema_name": schema,
        "name": name,
        "aliases": [{"alias_name": alias, "version_num": number} for alias, number in aliases],
    }


def _version_view(call: Call, number: str) -> Json:
    model, full_name = _model(call), call.params["model"]
    if number not in model["versions"]:
        raise missing(f"Model version '{full_name}' {number} does not exist.")
    catalog, schema, name = full_name.split(".", 2)
    named = [alias for alias, version in sorted(model["aliases"].items()) if str(version) == number]
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "model_name": name,
        "version": int(number),
        "status": model["versions"][number]["status"],
        "aliases": [{"alias_name": alias, "version_num": int(number)} for alias in named],
    }


def _page(call: Call, items: list[str]) -> tuple[list[str], Json]:
    start = int(call.query.get("page_token") or 0)
    size = min(int(call.query.get("max_results") or MAX_PAGE) or MAX_PAGE, MAX_PAGE)
    end = start + size
    return items[start:end], {"next_page_token": str(end)} if end < len(items) else {}


_MODEL = f"{BASE}/models/{{model}}"

ROUTES = (
    Route("GET", f"{BASE}/metastore_summary", metastore_summary),
    Route("GET", f"{BASE}/models", list_models),
    Route("POST", f"{BASE}/models", create_model),
    Route("GET", _MODEL, get_model),
    Route("DELETE", _MODEL, delete_model),
    Route("GET", f"{_MODEL}/versions", list_versions),
    Route("POST", f"{_MODEL}/versions", create_version),
    Route("GET", f"{_MODEL}/versions/{{version}}", get_version),
    Route("GET", f"{_MODEL}/aliases/{{alias}}", get_alias),
    Route("PUT", f"{_MODEL}/aliases/{{alias}}", put_alias),
    Route("DELETE", f"{_MODEL}/aliases/{{alias}}", delete_alias),
    Route("GET", f"{BASE}/schemas/{{schema}}", get_schema),
    Route("GET", f"{BASE}/catalogs/{{catalog}}", get_catalog),
    Route("GET", f"{MLFLOW}/databricks/registered-models/get", workspace_model),
    Route("GET", f"{MLFLOW}/model-versions/get", workspace_model_version),
)
