"""What a code means, for people: text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from textwrap import indent, wrap
from typing import Protocol

from provisioner.report.problems import page_width


class Explanation(Protocol):
    """One code with everything there is to say about it."""

    @property
    def code(self) -> str:
        """Its stable name."""
        ...

    @property
    def severity(self) -> str:
        """What its problems usually are."""
        ...

    @property
    def title(self) -> str:
        """The rule in one line."""
        ...

    @property
    def why(self) -> str:
        """Why it is so."""
        ...

    @property
    def fix(self) -> str:
        """What to do."""
        ...

    @property
    def bad(self) -> str:
        """An example that has the problem."""
        ...

    @property
    def good(self) -> str:
        """The same without it."""
        ...

    @property
    def edits(self) -> bool:
        """Whether `validate --fix` can do it."""
        ...

    @property
    def adjustable(self) -> bool:
        """Whether environments can change what it weighs."""
        ...


def text(one: Explanation) -> str:
    """Everything about one code in 80 columns."""
    paragraphs = [
        f"{one.code}  ({one.severity})",
        _wrapped(one.title),
        _wrapped(one.why),
        _wrapped(f"Fix: {one.fix}"),
        f"Wrong:\n{indent(one.bad.rstrip(), '    ')}",
        f"Right:\n{indent(one.good.rstrip(), '    ')}",
        _wrapped(_handling(one)),
    ]
    return "\n\n".join(filter(None, paragraphs))


def markdown(one: Explanation) -> str:
    """Everything about one code as Markdown."""
    paragraphs = [
        f"## `{one.code}` ({one.severity})",
        f"**{one.title}**",
        one.why.strip(),
        f"**Fix:** {one.fix.strip()}",
        f"Wrong:\n\n```yaml\n{one.bad.rstrip()}\n```",
        f"Right:\n\n```yaml\n{one.good.rstrip()}\n```",
        _handling(one),
    ]
    return "\n\n".join(filter(None, paragraphs))


def overview(all_of_them: Iterable[Explanation]) -> str:
    """Every code with its line, in 80 columns."""
    rows = list(all_of_them)
    width = max(len(one.code) for one in rows)
    lines = []
    for one in rows:
        head = f"{one.code.ljust(width)}  {one.severity.ljust(7)}  "
        first, *rest = wrap(one.title, page_width() - len(head)) or [""]
        lines += [head + first, *(" " * len(head) + line for line in rest)]
    return "\n".join(lines)


def overview_markdown(all_of_them: Iterable[Explanation]) -> str:
    """Every code with its line, as a table."""
    rows = (f"| `{one.code}` | {one.severity} | {one.title} |" for one in all_of_them)
    return "\n".join(["| code | severity | rule |", "|---|---|---|", *rows])


def to_json(all_of_them: Iterable[Explanation]) -> str:
    """Codes with everything about them, by code."""
    keys = ("severity", "title", "why", "fix", "bad", "good", "edits", "adjustable")
    found = {one.code: {key: getattr(one, key) for key in keys} for one in all_of_them}
    return json.dumps(
        {"format_version": 1, "codes": found}, indent=2, sort_keys=True, ensure_ascii=False
    )


def _handling(one: Explanation) -> str:
    edits = "`provisioner validate --fix` writes the fix where it is certain."
    can_edit = edits if one.edits else ""
    can_change = (
        f"An environment may change what it weighs: `rules: {{{one.code}: ...}}`."
        if one.adjustable
        else ""
    )
    return " ".join(filter(None, (can_edit, can_change)))


def _wrapped(words: str) -> str:
    return "\n".join(wrap(words, page_width(), break_long_words=False, break_on_hyphens=False))
