"""An endpoint as it was, as something to be wanted again."""

from __future__ import annotations

from typing import Any

from provisioner.fields import Document
from provisioner.plan import Desired
from provisioner.plan.desired import DEFAULT_TIMEOUT
from provisioner.record import Entry


def without_what_came(earlier: Document, later: Document) -> Document:
    """The earlier document, emptying the blocks that only the later one has.

    A block that is merely not declared would stay as it is.
    """
    came = {key: None for key in ("ai_gateway", "email_notifications") if key in later}
    rows: dict[str, Any] = {"permissions": {}} if later.get("permissions") else {}
    return {**came, **rows, **earlier}


def again(name: str, entry: Entry, document: Document) -> Desired:
    """An endpoint as it was, to be compared with how it is."""
    governed = entry.found is not None
    return Desired(
        name,
        "governed" if governed else "",
        document,
        governed=governed,
        create_timeout=DEFAULT_TIMEOUT,
        update_timeout=DEFAULT_TIMEOUT,
    )
