"""Tags: a set keyed by name, sorted when it comes back."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import invalid

MAX_TAGS, MAX_KEY, MAX_VALUE = 20, 127, 255
"""Usual limits of billing tags; the documents give none here: confidence low."""


def add_tags(current: list[Json], added: list[Json], removed: Iterable[str] = ()) -> list[Json]:
    """The tags after a change; removal comes first, adding replaces the value."""
    gone = set(removed)
    tags = {tag["key"]: tag for tag in current if tag["key"] not in gone}
    for tag in added:
        key, value = tag.get("key"), tag.get("value", "")
        if not key or len(key) > MAX_KEY or len(value) > MAX_VALUE:
            raise invalid(f"Invalid tag '{key}'.")
        tags[key] = {name: tag[name] for name in ("key", "value") if name in tag}
    if len(tags) > MAX_TAGS:
        raise invalid(f"At most {MAX_TAGS} tags can be set.")
    return [tags[key] for key in sorted(tags)]
