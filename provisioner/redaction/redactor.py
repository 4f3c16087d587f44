"""Hiding secrets that are known, in whatever form a text has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from provisioner.redaction.looks import HIDDEN

SLICE = 8
"""Characters of a secret that are never shown together."""
_SHORTEST = 4
"""Values below this are no secrets, and stand by chance in any text."""


class Redactor:
    """Knows secrets, and hides every part of them that is long enough to tell something.

    Plain, in one line, quoted as JSON, percent-encoded, and in base64 wherever it begins.
    Safe to use from several threads.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._forms = ""
        """Every form of every value, apart by a character that no message has."""
        self._short: tuple[str, ...] = ()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Take note of further secrets."""
        known = len(self._values)
        self._values |= {value for value in values if len(value) >= _SHORTEST}
        # Another thread may add some meanwhile: whoever is last has seen them all.
        while known < len(self._values):
            seen = tuple(self._values)
            forms = sorted({form for value in seen for form in _forms(value)})
            self._short = tuple(form for form in forms if len(form) < SLICE)
            self._forms = "\0".join(form for form in forms if len(form) >= SLICE)
            known = len(seen)

    def __call__(self, text: str) -> str:
        """``text`` with its secrets hidden."""
        telling = self._slices_in(text)
        if not telling and not any(form in text for form in self._short):
            return text
        parts: list[str] = []
        start = at = 0
        while at < len(text):
            end = self._end(text, at, telling)
            if end > at:
                parts += [text[start:at], HIDDEN]
                start = at = end
            else:
                at += 1
        return "".join([*parts, text[start:]])

    def within(self, value: Any) -> Any:
        """Plain data with the secrets in all of its texts hidden."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self.within(key): self.within(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.within(item) for item in value]
        return value

    def _slices_in(self, text: str) -> set[str]:
        """Slices that secrets and a text have in common; secrets may be as long as a file."""
        there = {text[at : at + SLICE] for at in range(len(text) - SLICE + 1)}
        forms = self._forms
        return {part for at in range(len(forms)) if (part := forms[at : at + SLICE]) in there}

    def _end(self, text: str, at: int, telling: set[str]) -> int:
        """Where the secret ends that begins here; ``at`` itself when none does."""
        end, begin = at, at
        while begin <= min(end, len(text) - SLICE):
            if text[begin : begin + SLICE] in telling:
                end = begin + SLICE
            begin += 1
        return max([end, *(at + len(form) for form in self._short if text.startswith(form, at))])


def _forms(value: str) -> Iterator[str]:
    import json  # most commands never hold a value
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote, quote_plus

    raw = value.encode("utf-8", "surrogatepass")
    yield from (value, " ".join(value.split()))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    # What base64 makes of a text depends on how many bytes stand before it.
    for before, first in enumerate((0, 2, 3)):
        last = (before + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * before + raw).decode()[first:last]
