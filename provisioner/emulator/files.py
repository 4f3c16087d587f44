"""The workspace's file store: folders, and files of any bytes."""

from __future__ import annotations

import base64
import binascii

from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.errors import ApiError, exists, invalid, missing

BASE = "/api/2.0/workspace"


def get_status(call: Call) -> Json:
    """What is at a path."""
    path = call.query.get("path", "")
    return _view(path, _object(call, path))


def list_folder(call: Call) -> Json:
    """What is directly inside a folder; the key is absent when it is empty."""
    given = call.query.get("path", "")
    folder, files = _key(given), call.workspace["files"]
    if _object(call, given)["object_type"] != "DIRECTORY":
        return {"objects": [_view(given, files[folder])]}
    inside = [path for path in sorted(files) if path != "/" and _parent(path) == folder]
    shown = given.rstrip("/")
    rows = [_view(f"{shown}/{path.rpartition('/')[2]}", files[path]) for path in inside]
    return {"objects": rows} if rows else {}


def mkdirs(call: Call) -> Json:
    """Create a folder and those above it; one that exists is fine."""
    path = _key(call.json().get("path", ""))
    while path != "/":
        found = call.workspace["files"].get(path)
        if found and found["object_type"] != "DIRECTORY":
            raise exists(f"Path ({path}) already exists and is not a folder.")
        path = _parent(path)
    path = _key(call.json()["path"])
    while path not in call.workspace["files"]:
        _put(call, path, {"object_type": "DIRECTORY"})
        path = _parent(path)
    return {}


def import_file(call: Call) -> Json:
    """Write a file from the raw body (paths seen in databricks/cli's file client)."""
    overwrite = call.query.get("overwrite", "false").lower() == "true"
    _write(call, call.params["path"], call.raw, overwrite=overwrite)
    return {}


def import_content(call: Call) -> Json:
    """Write a file from base64 in JSON."""
    body = call.json()
    try:
        content = base64.b64decode(body.get("content", ""), validate=True)
    except binascii.Error:
        raise invalid("content must be base64.") from None
    _write(call, body.get("path", ""), content, overwrite=bool(body.get("overwrite", False)))
    return {}


def _write(call: Call, given: str, content: bytes, *, overwrite: bool) -> None:
    path, files = _key(given), call.workspace["files"]
    if files.get(_parent(path), {}).get("object_type") != "DIRECTORY":
        raise missing(f"The parent folder ({_parent(path)}) does not exist.")
    found = files.get(path)
    if found and (not overwrite or found["object_type"] == "DIRECTORY"):
        raise exists(f"Path ({path}) already exists.")
    text = base64.b64encode(content).decode()
    _put(call, path, {"object_type": "FILE", "content": text})


def export(call: Call) -> Answer | Json:
    """Read a file: raw with ``direct_download=true``, else as base64."""
    path = call.query.get("path", "")
    found = _object(call, path)
    if found["object_type"] == "DIRECTORY":
        raise ApiError(400, "BAD_REQUEST", f"Path ({path}) is a folder.")
    if call.query.get("direct_download", "").lower() == "true":
        content = base64.b64decode(found["content"])
        return Answer(content, media_type="application/octet-stream")
    return {"content": found["content"], "file_type": path.rpartition(".")[2]}


def delete(call: Call) -> Json:
    """Delete a file, or a folder; a filled one only if ``recursive``."""
    body = call.json()
    path, files = _key(body.get("path", "")), call.workspace["files"]
    _object(call, body.get("path", ""))
    inside = [other for other in files if other.startswith(f"{path.rstrip('/')}/")]
    if inside and not body.get("recursive"):
        raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
    for gone in [*inside, path]:
        files.pop(gone, None)
    return {}


def _put(call: Call, path: str, document: Json) -> None:
    files, now = call.workspace["files"], call.world.now_ms()
    before = files.get(path, {})
    number = before.get("object_id") or 1000 + call.world.new_number()
    files[path] = document | {"object_id": number, "modified_at": now}


def _object(call: Call, given: str) -> Json:
    found: Json | None = call.workspace["files"].get(_key(given))
    if found is None:
        raise missing(f"Path ({given}) doesn't exist.")
    return found


def _view(path: str, found: Json) -> Json:
    view = {key: found[key] for key in ("object_type", "object_id", "modified_at")}
    if "content" in found:
        view["size"] = len(base64.b64decode(found["content"]))
    return view | {"path": path, "resource_id": str(found["object_id"])}


def _key(given: str) -> str:
    """A path as it is stored: ``/Workspace`` in front means the same as nothing."""
    path = "/" + given.strip("/")
    if not given or "//" in path:
        raise invalid(f"Path ({given}) must be absolute.")
    if path == "/Workspace" or path.startswith("/Workspace/"):
        path = path.removeprefix("/Workspace") or "/"
    return path


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


ROUTES = (
    Route("GET", f"{BASE}/get-status", get_status),
    Route("GET", f"{BASE}/list", list_folder),
    Route("POST", f"{BASE}/mkdirs", mkdirs),
    Route("POST", "/api/2.0/workspace-files/import-file/{path:path}", import_file),
    Route("POST", f"{BASE}/import", import_content),
    Route("GET", f"{BASE}/export", export),
    Route("POST", f"{BASE}/delete", delete),
)
