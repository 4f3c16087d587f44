"""From a live endpoint to the YAML that declares it: what differs from the defaults, no more."""

from __future__ import annotations

from provisioner.importing.endpoint import Imported, declaration

__all__ = ["Imported", "declaration"]
