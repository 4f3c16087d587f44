"""Names of several endpoints in one line."""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 3


def listed(names: Sequence[str]) -> str:
    """The first few names in their order, and how many more there are."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(sorted(names)[:_MOST]) + more
