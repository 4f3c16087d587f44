"""Secrets that no text has by chance, not even in part, and the search for them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from ..conftest import Run

SLICE = 8
_KEY = "-----BEGIN PRIVATE KEY-----\n{}\n  {}\n-----END-----\n"
_TOLD_BY_ALL = "-----BEGIN PRIVATE KEY----- -----END-----"


def canary(name: str) -> str:
    """A secret, with what other notations have to escape at its end."""
    return token(name) + '"\\x'


def token(name: str) -> str:
    """A secret that may stand in a header."""
    return b64encode(sha256(name.encode()).digest()).decode()


def key_file(name: str) -> str:
    """A secret of several lines."""
    return _KEY.format(canary(f"{name}, one"), canary(f"{name}, two"))


def forms(value: str) -> list[str]:
    """A secret as services repeat it: plain, in JSON, percent-encoded, in base64 anywhere."""
    return [
        value,
        json.dumps(value)[1:-1],
        quote(value, safe=""),
        *(b64encode(b"\0" * n + value.encode()).decode()[4 * bool(n) : -4] for n in range(3)),
    ]


def echo(values: Iterable[str]) -> str:
    """What a service says that repeats secrets in all of their forms."""
    said = [f"{form} is refused" for value in values for form in forms(value)]
    whole = [b64encode(f"user:{value}".encode()).decode() for value in values]
    return " and ".join([*said, *whole])


def needles(values: Iterable[str]) -> set[str]:
    """All slices of secrets, in all forms."""
    every = {form for value in values for form in forms(value)}
    found = {form[at : at + SLICE] for form in every for at in range(len(form) - SLICE + 1)}
    return {part for part in found if part not in _TOLD_BY_ALL}


def leaks(wanted: set[str], texts: Iterable[str]) -> list[str]:
    """The slices that texts have."""
    return sorted(
        {text[at : at + SLICE] for text in texts for at in range(len(text) - SLICE + 1)} & wanted
    )


def everything(root: Path, runs: Iterable[Run], *without: Path) -> Iterator[str]:
    """What commands printed, and all files of the project but those that hold secrets."""
    for run in runs:
        yield run.out
        yield run.err
    for path in root.rglob("*"):
        if path.is_file() and path not in without:
            yield path.read_text("utf-8", "replace")
