"""Where the record is kept: in the workspace's file store, or in a local file."""

from __future__ import annotations

import os
from pathlib import Path

from provisioner import record
from provisioner.errors import Problem, ProvisionerError, RecordUnusable, warning
from provisioner.record import Record
from provisioner.workspace.gateway import Workspace

_STORE = ("/Workspace/", "/Shared/", "/Users/", "/Repos/")


class Memory:
    """Reads and writes the record of one environment."""

    def __init__(self, workspace: Workspace, root: Path, path: str) -> None:
        self._workspace = workspace
        self._remote = path.startswith(_STORE)
        self._name = path
        self._path = path if self._remote else str(root / path)
        self._content: bytes | None = None
        self.shared = False
        """Whether other runs may write the same record at the same time."""
        self.problems: list[Problem] = []

    def load(self) -> Record | None:
        """The record; ``None``, with a warning, when there is none that can be read."""
        try:
            self._content = self._read()
            return None if self._content is None else record.parse(self._content)
        except (RecordUnusable, ProvisionerError, OSError) as failure:
            self.problems.append(
                warning(
                    "record-unusable",
                    f"cannot use the record {self._name}: {failure}",
                    "the plan is made without it, so it cannot tell who changed a value",
                )
            )
            return None

    def save(self, value: Record) -> Problem | None:
        """Write the record if it changed; a failure is only a warning."""
        content = record.dump(value)
        if content == self._content:
            return None
        try:
            if self.shared:
                content = record.dump(self._with_others(value))
            self._write(content)
            self._content = content
        except (ProvisionerError, OSError) as failure:
            return warning(
                "record-not-written",
                f"cannot write the record {self._name}: {failure}",
                "the endpoints are as planned; only the memory of it is missing",
            )
        return None

    def _with_others(self, value: Record) -> Record:
        """Ours, with what other runs remembered since this one began."""
        current = self._read()
        if current is None or current == self._content:
            return value
        began = record.parse(self._content) if self._content else Record()
        return record.together(began, value, record.parse(current))

    def _read(self) -> bytes | None:
        if self._remote:
            return self._workspace.read_file(self._path)
        path = Path(self._path)
        return path.read_bytes() if path.exists() else None

    def _write(self, content: bytes) -> None:
        if self._remote:
            self._workspace.write_file(self._path, content)
            return
        path = Path(self._path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)
