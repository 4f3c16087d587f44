"""One entry of the catalog as a row of a sheet, and the ways of saying something of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provisioner.catalog import View, plain
from provisioner.report.facts import Row, Said


def row(view: View, entry: Any, name: str, said: Iterable[Said | None], **more: Any) -> Row:
    """An entry on a day; what is ``None`` is not said."""
    return Row(
        name=name,
        status=more.pop("status", ""),
        said=tuple(one for one in said if one is not None),
        provenance=entry.provenance,
        age=view.age(entry.provenance),
        stale=view.is_stale(entry.provenance),
        data=flat(plain(entry)) | more.pop("data", {}),
        aliases=more.pop("aliases", ()),
    )


def flat(data: dict[str, Any]) -> dict[str, Any]:
    """Where a fact comes from stands beside it, as in the files."""
    provenance = data.pop("provenance")
    return {**data, **provenance}


def maybe(label: str, value: Any, phrase: str | None = None, **how: bool) -> Said | None:
    """One thing, with its ``phrase`` for running text; nothing where there is no value."""
    return Said(label, str(value), phrase, **how) if value not in (None, "", ()) else None


def listed(label: str, values: Iterable[Any], **how: bool) -> Said | None:
    """Values in a line of their own; nothing where there are none."""
    items = [str(value) for value in values]
    text = ("; " if any("," in item for item in items) else ", ").join(items)
    return Said(label, text, f"{label}: {text}", alone=True, **how) if text else None


def sentence(label: str, value: str | None, title: str = "", **how: bool) -> Said | None:
    """A text in a line of its own, under its title; nothing where there is none."""
    return Said(label, value, f"{title}{value}", alone=True, **how) if value else None
