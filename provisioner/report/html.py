"""Summaries as one HTML file that needs nothing else: no request, no script, no font.

Imported only by those who ask for it, since the template engine takes its time.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from provisioner import __version__
from provisioner.report import fleet
from provisioner.report.inert import sentence
from provisioner.report.problems import printable
from provisioner.report.summary import Item, Line, Summary, counted

OPEN = 12
"""Up to how many endpoints are shown with their details unfolded."""


def page(summaries: Sequence[Summary]) -> str:
    """The report on one environment or on several."""
    return (
        _pages()
        .get_template("report.html.j2")
        .render(
            summaries=summaries,
            rows=fleet.rows(summaries),
            totals=fleet.totals(summaries),
            timeline=fleet.timeline(summaries),
            title=_title(summaries),
            unfolded=sum(len(summary.told) for summary in summaries) <= OPEN,
            style=Markup(_style()),  # noqa: S704 - ships beside this file
            style_hash=_hash(_style()),
            version=__version__,
        )
    )


def _title(summaries: Sequence[Summary]) -> str:
    first = summaries[0]
    if len(summaries) == 1:
        return f"{first.title} {first.environment}"
    return f"{first.title} {counted(len(summaries), 'environment')}"


@lru_cache(maxsize=1)
def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("provisioner.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    pages.filters["prose"] = _prose
    pages.filters["blocks"] = _blocks
    pages.filters["counted"] = counted
    pages.filters["anchor"] = _anchor
    return pages


def _shown(value: Any) -> Any:
    """Text from outside cannot reorder or hide what is around it."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _prose(text: str) -> Markup:
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(_shown(part)) if odd else _shown(part) for part, odd in sentence(text)
    )


def _anchor(name: str) -> str:
    """A name that can be an id, and the target of a link, whatever is in it."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f".{ord(found.group()):x}.", name)


def _blocks(item: Item) -> list[tuple[str, list[Line]]]:
    """The lines of an endpoint by the block that they are in."""
    return [(block, list(lines)) for block, lines in groupby(item.lines, lambda line: line.block)]


@lru_cache(maxsize=1)
def _style() -> str:
    return files("provisioner.report").joinpath("pages/style.css").read_text("utf-8")


def _hash(style: str) -> str:
    """What the content security policy allows: exactly this style sheet."""
    digest = hashlib.sha256(f"\n{style}".encode()).digest()
    return f"sha256-{b64encode(digest).decode()}"
