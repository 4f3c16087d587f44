"""Where the record is kept: in the workspace's file store, or in a local file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from provisioner import record
from provisioner.cli.environment.replacing import LocalFiles, Replacing, Store
from provisioner.errors import (
    NoRecord,
    Problem,
    ProvisionerError,
    RecordNewer,
    RecordUnusable,
    warning,
)
from provisioner.record import Record
from provisioner.workspace.gateway import Workspace

_STORE = ("/Workspace/", "/Shared/", "/Users/", "/Repos/")


class Memory:
    """Reads and writes the record of one environment.

    Others may write it at the same time, as the shards of one pipeline do: only what
    was changed here is written, over whatever is there by then.
    """

    def __init__(self, workspace: Workspace, root: Path, path: str) -> None:
        remote = path.startswith(_STORE)
        store: Store = workspace if remote else LocalFiles()
        self._file = Replacing(store, path if remote else str(root / path))
        self._name = path
        self._content: bytes | None = None
        self._began = Record()
        """What the values that are saved here were made from."""
        self.salt = ""
        """Key of the digests in the record as it was seen last; empty = it has none."""
        self.loaded_at = 0
        """When, in epoch milliseconds; what is planned with it is planned later."""
        self.problems: list[Problem] = []

    @property
    def text(self) -> str:
        """The record as it was read; empty when there is none."""
        return (self._content or b"").decode("utf-8", "replace")

    def load(self) -> Record | None:
        """The record; ``None``, with a warning, when there is none that can be read."""
        self.loaded_at = int(time.time() * 1000)
        try:
            self._content = self._file.store.read_file(self._file.path)
            if self._content is None:
                return None
            self._began = record.parse(self._content)
        except (RecordUnusable, ProvisionerError, OSError) as failure:
            self.problems.append(
                warning(
                    "record-unusable",
                    f"cannot use the record {self._name}: {failure}",
                    "the plan is made without it, so it cannot tell who changed a value",
                )
            )
            return None
        self.salt = self._began.salt
        return self._began

    def save(self, value: Record) -> Problem | None:
        """Write what changed since the last time; a failure is only a warning."""
        if value == self._began:
            return None
        try:
            self._content = self._file.replace(self._content, self._laying(value))
        except (ProvisionerError, OSError) as failure:
            return warning(
                "record-not-written",
                f"cannot write the record {self._name}: {failure}",
                "the endpoints are as planned; only the memory of it is missing",
            )
        self._began, self.salt = value, record.parse(self._content).salt
        return None

    def _laying(self, ours: Record) -> Callable[[bytes | None], bytes]:
        """What we changed, over a record as it is by then."""

        def laid(content: bytes | None) -> bytes:
            there = _there(content)
            found = record.together(self._began, ours, there)
            return record.dump(replace(found, revision=there.revision + 1))

        return laid


def _there(content: bytes | None) -> Record:
    """What is written over: nothing, where it is damaged.

    Raises:
        RecordNewer: a newer tool remembers more than we could keep.
        NoRecord: it is somebody's file, or the answer of somebody else.
    """
    if content is None:
        return Record()
    try:
        return record.parse(content)
    except (RecordNewer, NoRecord):
        raise
    except RecordUnusable:
        return Record()
