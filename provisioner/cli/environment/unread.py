"""What could not be read: noted, so that the rest can be compared or told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.errors import AuthenticationFailed, ExitCode, PermissionDenied, WorkspaceError
from provisioner.fields import Document
from provisioner.plan import Desired
from provisioner.plan.standing import Withheld
from provisioner.record import Record
from provisioner.wire.answers import Live
from provisioner.wire.document import without
from provisioner.workspace.gateway import Workspace


@dataclass
class Unread:
    """Collects what went wrong while endpoints were read in parallel."""

    endpoints: dict[str, Withheld] = field(default_factory=dict)
    """Endpoints that nothing is known of."""
    permissions: dict[str, Withheld] = field(default_factory=dict)
    """Endpoints that were read without their permissions."""

    def read(
        self, workspace: Workspace, name: str, rows: Mapping[str, Any] | None = None
    ) -> Live | None:
        """One endpoint as far as it can be read; ``None`` also when that is not at all.

        Raises:
            AuthenticationFailed: nothing more can be read at all.
        """
        try:
            return workspace.read(name, rows)
        except AuthenticationFailed:
            raise
        except WorkspaceError as failure:
            withheld = Withheld(str(failure), failure.code)
            if rows is None:
                self.endpoints[name] = withheld
                return None
            live = self.read(workspace, name, None)
            if live is not None:
                self.permissions[name] = withheld
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


def code_of(unread: Iterable[str]) -> ExitCode:
    """The exit code for codes of errors, those that are empty left out."""
    codes = set(filter(None, unread))
    if not codes:
        return ExitCode.OK
    return ExitCode.AUTH if codes == {PermissionDenied.code} else ExitCode.FAILED
