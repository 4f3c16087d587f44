"""The workspace document: kept in memory, and in one file where one is named.

The document that is exported, seeded and stored is the same one. A file is replaced as a whole,
so a process killed at any moment leaves the last acknowledged state behind.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from provisioner.emulator.errors import ApiError, StateUnusable, invalid
from provisioner.emulator.pristine import FORMAT, Json, model, pristine
from provisioner.emulator.regions import cloud_of

_LATER: Json = {"region": "us-east-1"}
"""Keys that documents of earlier versions lack."""


class Store:
    """Holds the workspace document; ``path`` None means memory only.

    A workspace stays in ``region`` when it is reset; empty = where it is.
    """

    def __init__(self, path: Path | None, region: str = "") -> None:
        self.path = path
        self._region = region
        self.workspace = pristine() if path is None or not path.exists() else _load(path)
        if region:
            self._move()
            try:
                self.save()
            except OSError as error:
                raise StateUnusable(f"cannot write the emulator's state {path}: {error}") from None

    def save(self) -> None:
        """Write the document, if it has a file.

        No fsync: the promise is about killed processes, not about power cuts.
        """
        if self.path is None:
            return
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.export())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def save_or_forget(self) -> None:
        """Write the document; where that fails it is again what was written last.

        Raises:
            ApiError: it could not be written, so what was asked for did not happen.
        """
        try:
            self.save()
        except OSError as error:
            there = self.path is not None and self.path.exists()
            self.workspace = _load(self.path) if there and self.path else pristine()
            self._move()
            message = f"the emulated workspace cannot store its state: {error.strerror}"
            raise ApiError(500, "INTERNAL_ERROR", message) from error

    def export(self) -> str:
        """The whole document as text; equal states give equal text."""
        return json.dumps(self.workspace, sort_keys=True, ensure_ascii=False)

    def reset(self) -> None:
        """Back to a new workspace."""
        self.workspace = pristine()
        self._move()

    def _move(self) -> None:
        if self._region:
            self.workspace["region"] = self._region
            self.workspace["cloud"] = cloud_of(self._region) or self.workspace["cloud"]

    def seed(self, document: Json) -> None:
        """Take a document in, or refuse it and change nothing.

        One with ``complete: true``, as exports are, replaces the workspace. Any other is merged
        over it by the rules of JSON Merge Patch (RFC 7396): null removes.
        """
        complete = bool(document.get("complete"))
        if problem := _problem(document, complete=complete):
            raise invalid(problem)
        workspace = copy.deepcopy(self.workspace)
        merged = _LATER | document if complete else _merge(workspace, document)
        _complete(merged)
        self.workspace = merged


def _load(path: Path) -> Json:
    advice = "name another one, or delete the file, if it is an emulator's, to start anew"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise StateUnusable(f"cannot read the emulator's state {path}: {error}; {advice}") from None
    problem = _problem(document, complete=True)
    if problem:
        raise StateUnusable(f"cannot use the emulator's state {path}: {problem}; {advice}")
    return _LATER | document  # type: ignore[no-any-return]


def _problem(document: Any, *, complete: bool) -> str:
    """Why a document is no workspace, or "" if it is one."""
    if not isinstance(document, dict):
        return "it is not a JSON object"
    if document.get("format", None if complete else FORMAT) != FORMAT:
        return f"its format is {document.get('format')!r}, this version reads {FORMAT}"
    shape = pristine()
    if unknown := sorted(set(document) - set(shape)):
        return f"unknown keys: {', '.join(unknown)}"
    if complete and (absent := sorted(set(shape) - set(document) - set(_LATER))):
        return f"missing keys: {', '.join(absent)}"
    for key, value in document.items():
        if type(value) is not type(shape[key]):
            return f"{key} has the wrong type"
    return ""


def _merge(base: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _complete(workspace: Json) -> None:
    """Fill in what a person leaves out of a seed; a full document stays as it is."""
    workspace["complete"] = True
    for name, endpoint in workspace["endpoints"].items():
        _complete_endpoint(workspace, name, endpoint)
    for scope in workspace["secrets"].values():
        scope.setdefault("backend_type", "DATABRICKS")
        scope.setdefault("acls", {})
        for key, secret in scope.setdefault("keys", {}).items():
            value = secret if isinstance(secret, dict) else {"value": secret}
            scope["keys"][key] = {"last_updated_timestamp": workspace["now_ms"]} | value
    models = workspace["unity_catalog"]["models"]
    for name in models:
        models[name] = model(0) | models[name]


def _complete_endpoint(workspace: Json, name: str, endpoint: Json) -> None:
    """Make a record of an endpoint, which may be an answer of GET that was pasted."""
    endpoint.setdefault("name", name)
    endpoint.setdefault("creation_timestamp", workspace["now_ms"])
    endpoint.setdefault("last_updated_timestamp", workspace["now_ms"])
    versions = [endpoint.get(k, {}).get("config_version", 0) for k in ("config", "pending_config")]
    endpoint.setdefault("config_versions", max(versions))
    state = endpoint.pop("state", {})
    # An update that is pasted while in progress never ends: nothing says how it would.
    endpoint.setdefault("update", {"state": state.get("config_update", "NOT_UPDATING")})
    if creator := endpoint.get("creator"):
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        direct = [{"user_name": creator, "permission_level": "CAN_MANAGE"}]
        workspace["permissions"].setdefault(endpoint.setdefault("id", digest), direct)
