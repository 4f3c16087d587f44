"""Plans, comparisons and outcomes from short descriptions, and Markdown as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt
from pydantic import TypeAdapter

from provisioner.plan import Plan
from provisioner.plan.drift import Drift, Sync
from provisioner.plan.model import Action
from provisioner.plan.outcome import Outcome, Result
from provisioner.plan.verification import Verification
from provisioner.report import (
    summary_of_drift,
    summary_of_outcome,
    summary_of_plan,
    summary_of_verification,
    words,
)
from provisioner.report.summary import Summary

_KINDS: Mapping[str, tuple[Any, str, Any, Callable[[Any], Summary]]] = {
    "plan": (Plan, "action", Action, summary_of_plan.summary),
    "drift": (Drift, "config", Sync, summary_of_drift.summary),
    "outcome": (Outcome, "result", Result, summary_of_outcome.summary),
    "verify": (Verification, "", (), summary_of_verification.summary),
}


def value(kind: str, data: Mapping[str, Any]) -> Any:
    """A plan, drift or outcome; what every description would repeat is filled in."""
    made, key, words, _ = _KINDS[kind]
    endpoints = [{"live_fingerprint": "f", **entry} for entry in data["endpoints"]]
    counts = {word.value: sum(e[key] == word.value for e in endpoints) for word in words}
    more = {"fingerprint": "0f1e2d3c4b5a69788796a5b4", "summary": counts}
    found = TypeAdapter(made).validate_python({**more, **data, "endpoints": endpoints})
    assert isinstance(found, made)
    return found


def summary(kind: str, data: Mapping[str, Any]) -> Summary:
    """The summary of what `value` makes."""
    return _KINDS[kind][3](value(kind, data))


_MARKS = {
    f"{mark.symbol} {mark.word}"
    for table in (words.ACTIONS, words.SYNCS, words.RESULTS, words.HEALTHS)
    for mark in table.values()
}


_WORDS = frozenset(
    ["on", "action", "impact", "effect", "cause", "reason", "severity", "health", "result", "cause"]
)


def with_values(data: Any, text: str) -> Any:
    """A description in which every text is another one, but for those that are words of ours."""
    if isinstance(data, dict):
        return {
            key: value if _is_word(key, value) else with_values(value, text)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [with_values(value, text) for value in data]
    return text if isinstance(data, str) else data


def _is_word(key: str, value: Any) -> bool:
    return key in _WORDS or (key == "config" and isinstance(value, str))


class Page(HTMLParser):
    """HTML taken apart: elements with their attributes, and texts by whether they are code."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.running: list[str] = []
        """Texts outside of code, where forges look for mentions, references and addresses."""
        self.code: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in {"br", "hr", "img", "meta", "link", "input"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data in _MARKS and self._open[-1:] == ["b"]:
            return
        if {"code", "pre"} & set(self._open):
            self.code.append(data)
        else:
            self.running.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


OURS = set("h3 p strong code pre ul li details summary b sub blockquote".split())  # noqa: SIM905
LINKS = re.compile(r"@\w|\w@|#\d|GH-\d|://|www\.|\b[0-9a-f]{7,}\b|!\d|\$|:\w+:|[`<>|*_~\[\]]")
"""What forges make links, mentions, formulas and pictures of, outside of code."""


def rendered(markdown: str) -> Page:
    """Markdown as forges show it: raw HTML counts, tables and strikethrough do."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    page = Page(reader.render(markdown))
    # The mark of a box is for forges that know it.
    page.running = [text.replace("[!CAUTION]", "") for text in page.running]
    return page


def only_ours(page: Page) -> list[str]:
    """What of a page did not come from the report itself, and is not plain text."""
    wrong = [element for element in page.elements if element not in OURS]
    wrong += [
        str(pair)
        for pair in page.attributes
        if pair not in {("class", "language-diff"), ("class", "language-text")}
    ]
    return wrong + [text for text in page.running if LINKS.search(text)]
