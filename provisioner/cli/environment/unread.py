"""What the caller may not read: noted, so that the rest can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.errors import PermissionDenied
from provisioner.fields import Document
from provisioner.plan import Desired
from provisioner.record import Record
from provisioner.wire.answers import Live
from provisioner.wire.document import without
from provisioner.workspace.gateway import Workspace


@dataclass
class Unread:
    """Collects refusals while endpoints are read in parallel."""

    endpoints: dict[str, str] = field(default_factory=dict)
    """Endpoints that nothing is known of, and why."""
    permissions: dict[str, str] = field(default_factory=dict)
    """Endpoints that were read without their permissions, and why."""

    def read(self, workspace: Workspace, name: str, rows: Mapping[str, Any] | None) -> Live | None:
        """One endpoint as far as the caller may see it; ``None`` also when that is not at all."""
        try:
            return workspace.read(name, rows)
        except PermissionDenied as refusal:
            if rows is None:
                self.endpoints[name] = str(refusal)
                return None
            live = self.read(workspace, name, None)
            if live is not None:
                self.permissions[name] = str(refusal)
            return live

    def readable(self, wanted: Iterable[Desired]) -> list[Desired]:
        """What can be compared of the declared endpoints."""
        return [
            replace(want, document=self._seen(want.name, want.document))
            for want in wanted
            if want.name not in self.endpoints
        ]

    def base(self, record: Record, name: str, live_id: str) -> Document | None:
        """What was applied last, in the fields that can be compared."""
        document = record.base(name, live_id)
        return None if document is None else self._seen(name, document)

    def _seen(self, name: str, document: Document) -> Document:
        return without(document, {"permissions"}) if name in self.permissions else document
