"""The record: what was applied last, by endpoint.

One JSON document per environment. It is a memory and never a condition: without
it plans are made all the same, they only cannot tell who moved. It holds
references and placeholders, never a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner import __version__
from provisioner.errors import RecordUnusable
from provisioner.fields import Document

FORMAT_VERSION = 1
FOLDER = "/Workspace/Shared/.provisioner"


@dataclass(frozen=True)
class Entry:
    """What is remembered of one endpoint."""

    id: str
    """The service's id; another one later means deleted and made anew by somebody else."""
    document: Document
    """The declared document as it was applied."""


@dataclass(frozen=True)
class Record:
    """What is remembered of one environment."""

    endpoints: Mapping[str, Entry] = field(default_factory=dict)

    def documents(self) -> dict[str, Document]:
        """Base documents for the three-way comparison."""
        return {name: entry.document for name, entry in self.endpoints.items()}

    def with_entry(self, name: str, entry: Entry | None) -> Record:
        """A copy in which ``name`` is remembered so, or forgotten for ``None``."""
        kept = {key: value for key, value in self.endpoints.items() if key != name}
        return Record(kept if entry is None else {**kept, name: entry})


def default_path(project: str, environment: str) -> str:
    """Where a record is kept in the workspace's file store."""
    return f"{FOLDER}/{project}/{environment}.json"


def parse(content: bytes) -> Record:
    """Read a record.

    Raises:
        RecordUnusable: it is damaged, or written by a newer tool.
    """
    try:
        data = json.loads(content)
        version = data["format_version"]
        if version != FORMAT_VERSION:
            raise RecordUnusable(
                f"the record has format {version}, this tool reads {FORMAT_VERSION}"
            )
        return Record({name: _entry(entry) for name, entry in data["endpoints"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise RecordUnusable("the record is damaged") from failure


def _entry(data: Mapping[str, Any]) -> Entry:
    document = data["document"]
    if not isinstance(document, dict):
        raise TypeError("a document is a mapping")
    return Entry(id=str(data["id"]), document=document)


def dump(record: Record) -> bytes:
    """Write a record; the same memory gives the same bytes."""
    data = {
        "format_version": FORMAT_VERSION,
        "tool_version": __version__,
        "endpoints": {
            name: {"id": entry.id, "document": entry.document}
            for name, entry in record.endpoints.items()
        },
    }
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False).encode()
