"""Facts of the catalog as text, Markdown and JSON: sheets in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from click import style

from provisioner import __version__
from provisioner.catalog import Provenance
from provisioner.report.problems import page_width, printable

_COLORS = {"retired": "red", "retiring": "yellow", "uncertain": "yellow", "legacy": "yellow"}


@dataclass(frozen=True)
class Said:
    """One thing that is said of an entry."""

    label: str
    """The heading of its column in a table."""
    value: str
    phrase: str | None = None
    """In running text; without one, label and value."""
    alone: bool = False
    """Whether it has a line of its own in text."""
    extra: bool = False
    """Whether text shows it only when few entries were asked for."""

    @property
    def text(self) -> str:
        """The words in running text."""
        return f"{self.label} {self.value}" if self.phrase is None else self.phrase


@dataclass(frozen=True)
class Row:
    """One entry."""

    name: str
    status: str
    """One word, or nothing."""
    said: tuple[Said, ...]
    provenance: Provenance
    age: int
    """Days since the last check."""
    stale: bool
    data: dict[str, Any]
    """All of it, for scripts."""
    aliases: tuple[str, ...] = ()
    """Other words to find it by."""


@dataclass(frozen=True)
class Sheet:
    """The entries of one kind on one day."""

    kind: str
    """As the command is called, a plural."""
    date: str
    stale_after_days: int
    columns: tuple[str, ...]
    """Labels that are columns of the Markdown table."""
    rows: tuple[Row, ...]
    note: str = ""
    """What the rows do not say of the day."""


def text(sheet: Sheet, *, full: bool) -> str:
    """Entries for people, at most 80 columns wide; ``full`` leaves nothing out."""
    lines = [f"{sheet.kind} as of {sheet.date}, {_count(len(sheet.rows), 'entry', 'entries')}"]
    for row in sheet.rows:
        lines += ["", *_entry(row, full=full)]
    if sheet.note:
        lines += ["", *wrap(sheet.note, page_width())]
    if any(row.stale for row in sheet.rows):
        stale = sum(row.stale for row in sheet.rows)
        words = _count(stale, "entry was", "entries were")
        lines += ["", f"{words} not checked for more than {sheet.stale_after_days} days."]
    return "\n".join(lines)


def markdown(sheet: Sheet) -> str:
    """Entries as one table."""
    has_status = any(row.status for row in sheet.rows)
    heads = ["name", *(["status"] if has_status else []), *sheet.columns, "checked", "confidence"]
    lines = [f"**{sheet.kind}** as of {sheet.date}", ""]
    lines += [_cells(heads), _cells(["---"] * len(heads))]
    for row in sheet.rows:
        said = {one.label: one.value for one in row.said}
        checked = f"{row.provenance.checked} (stale)" if row.stale else row.provenance.checked
        status = [row.status] if has_status else []
        cells = [row.name, *status, *(said.get(label, "") for label in sheet.columns), checked]
        cells.append(row.provenance.confidence)
        lines.append(_cells([escaped(cell) for cell in cells]))
    lines += ["", sheet.note] if sheet.note else []
    return "\n".join(lines)


def as_json(sheet: Sheet) -> str:
    """Entries for scripts, with everything that is known."""
    rows = []
    for row in sheet.rows:
        status = {"status": row.status} if row.status else {}
        rows.append({**row.data, **status, "age_days": row.age, "stale": row.stale})
    document = {
        "format_version": 1,
        "tool_version": __version__,
        "as_of": sheet.date,
        "stale_after_days": sheet.stale_after_days,
        sheet.kind: rows,
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


def escaped(cell: str) -> str:
    """Text that stays one cell of a Markdown table, and is not markup."""
    cell = printable(" ".join(cell.split()))
    return "".join(f"\\{char}" if char in "\\`*_|<>[]" else char for char in cell)


def _cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _entry(row: Row, *, full: bool) -> Iterator[str]:
    status = style(row.status, fg=_COLORS.get(row.status, "green")) if row.status else ""
    yield f"{style(printable(row.name), bold=True)}  {status}".rstrip()
    shown = [one for one in row.said if (full or not one.extra) and one.text]
    if running := [one.text for one in shown if not one.alone]:
        yield from _wrapped("; ".join(running))
    for one in shown:
        if one.alone:
            yield from _wrapped(one.text, hanging=True)
    if full:
        for source in row.provenance.source:
            yield from _wrapped(f"source: {source}", hanging=True)
        ago = f" ({_count(row.age, 'day', 'days')} before)" if row.age >= 0 else ""
        checked = f"checked {row.provenance.checked}{ago}"
        yield from _wrapped(f"{checked}; confidence {row.provenance.confidence}")
    if row.stale:
        yield from _wrapped(style(f"not checked for {row.age} days", fg="yellow"))


def _wrapped(line: str, *, hanging: bool = False) -> list[str]:
    return wrap(
        printable(line) if "\x1b" not in line else line,
        page_width(),
        initial_indent="    ",
        subsequent_indent="        " if hanging else "    ",
        break_on_hyphens=False,
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
