"""What secrets look like: keys of known providers, passwords in addresses, random characters."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

HIDDEN = "[hidden]"

SECRETIVE = re.compile(
    r"(?:^|_)(?:secret|token|password|passwd|pwd|api_?key|access_?key|private_?key|credentials?)$",
    re.IGNORECASE,
)
"""How secrets are named."""

_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<OpenAI_key>sk-(?:proj|svcacct|admin)-[\w-]{16,}|sk-[A-Za-z0-9]{20,})"
    r"|(?P<Anthropic_key>sk-ant-[\w-]{10,})"
    r"|(?P<Databricks_key>(?:dapi|dose|dkea)[0-9a-f]{24,}(?:-[0-9]+)?)"
    r"|(?P<AWS_key>A[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z]))"
    r"|(?P<GitHub_key>gh[pousr]_\w{20,}|github_pat_\w{20,})"
    r"|(?P<GitLab_key>glpat-[\w-]{16,})"
    r"|(?P<Google_key>AIza[\w-]{30,}|ya29\.[\w-]{16,})"
    r"|(?P<HuggingFace_key>hf_[A-Za-z0-9]{20,})"
    r"|(?P<Slack_key>xox[abeoprs]-[\w-]{10,})"
    r"|(?P<Stripe_key>[rs]k_live_\w{16,})"
    r"|(?P<Azure_key>AccountKey=[\w+/=]{20,})"
    r"|(?P<signed_token>eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)+)"
    r")|(?P<private_key>-----BEGIN [A-Z ]*PRIVATE KEY-----[\w\s+/=\\:,-]*)"
)
_LONG = re.compile(r"[\w+/=-]{14}|-----")
"""What every known key has; most texts are through after this."""
_PASSWORD = re.compile(
    r"(?P<before>(?<![\w+.-])[A-Z][\w+.-]*://"
    r"(?:[^\s/@:\[\]]{0,200}:|[^\s\"'`<>]{0,500}[?&;](?:password|passwd|pwd)=))"
    r"(?P<password>(?<=:)(?!\d{1,5}[,;?#])[^\s/\"'`]{1,1000}(?=@)|(?<==)[^\s&;\"'`]+)",
    re.IGNORECASE,
)
"""Of an address: ``scheme://user:password@host`` or ``scheme://host?password=...``."""
_STANDS_FOR_ONE = re.compile(
    r"[\W_x]+|\.{3}|…|\[.*\]|<.*>|\{.*\}|[$%].*"
    r"|(?:(?:your|my|the)[-_]?)?(?:password|passwd|pass|pwd|secret)|change[-_]?me",
    re.IGNORECASE,
)
"""What is written for a password where none should be seen."""
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_SHORTEST_RUN = 32
_LONGEST_REST = 128
_WITHIN = re.compile(r"[/=]")
_PIECE = re.compile(r"[A-Za-z0-9+=]{12}")
"""Names have parts, as in DeepSeek-R1-Distill-Qwen-32B; a key has a longer piece."""
_ENTROPY = 4.2
"""Bits a character; words and ids of models stay below, random keys are above."""

_VARIABLE = re.compile(r"(?:^|\.)environment_vars\[(.*)\]$")
_LONG_RUN = re.compile(r"(?=[^\s/]*\d)(?=[^\s/]*[A-Za-z])[A-Za-z0-9+=_-]{20,}")


def look_of(text: str) -> str:
    """What kind of secret a text seems to hold, in words; empty = none."""
    if _LONG.search(text) and (known := _KNOWN.search(text)):
        return (known.lastgroup or "").replace("_", " ")
    if "://" in text and any(_is_password(found) for found in _PASSWORD.finditer(text)):
        return "a password in an address"
    if len(text) >= _SHORTEST_RUN:
        # A reference names a scope and a key, either of which may be a secret by mistake.
        runs = text.replace("/", " ") if "{{" in text else text
        if any(_random_in(run) for run in _RUN.findall(runs)):
            return "a random key"
    return ""


def without_keys(text: str) -> str:
    """A text in which what looks like a secret is hidden; words, names and ids stay."""
    if _LONG.search(text):
        text = _KNOWN.sub(HIDDEN, text)
        text = _RUN.sub(lambda run: _without_random(run[0]), text)
    if "://" in text:
        text = _PASSWORD.sub(_without_password, text)
    return text


def without_secret(path: str, value: Any) -> Any:
    """A value that a workspace showed, hidden where it seems to be a secret in the open.

    Only environment variables of models come back as they were set; by its name or its
    look one may be a secret that somebody did not put into a scope.
    """
    found = _VARIABLE.search(path)
    if found is None or not isinstance(value, str) or "{{secrets/" in value or not value:
        return value
    if SECRETIVE.search(found[1]) or _LONG_RUN.search(value) or look_of(value):
        return HIDDEN
    return value


def in_the_open(path: str, value: Any) -> bool:
    """Whether a value that a workspace showed is or holds a secret, as `without_secret` tells."""
    if isinstance(value, Mapping):
        member = "{}[{}]" if path.endswith("environment_vars") else "{}.{}"
        return any(in_the_open(member.format(path, key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(in_the_open(path, item) for item in value)
    return bool(value == HIDDEN or without_secret(path, value) == HIDDEN)


def _is_password(found: re.Match[str]) -> bool:
    return not _STANDS_FOR_ONE.fullmatch(found["password"])


def _without_password(found: re.Match[str]) -> str:
    return found["before"] + (HIDDEN if _is_password(found) else found["password"])


def _without_random(run: str) -> str:
    """A run of characters without what is random in it."""
    for part in _random_in(run):
        run = run.replace(part, HIDDEN)
    return run


def _random_in(run: str) -> list[str]:
    """What is random: the whole run, or else the rest or single parts of a path."""
    if _is_random(run):
        return [run]
    ends = [found.end() for found in _WITHIN.finditer(run)]
    for start in ends:
        if _SHORTEST_RUN <= len(run) - start <= _LONGEST_REST and _is_random(run[start:]):
            return [run[start:]]
    return [part for part in _WITHIN.split(run) if len(part) >= _SHORTEST_RUN and _is_random(part)]


def _is_random(run: str) -> bool:
    """Whether letters, capitals and digits are mixed as no name mixes them."""
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in run if c.isalnum()]
    if len(set(kinds)) < 3 or not _PIECE.search(run):
        return False
    changes = sum(a != b for a, b in pairwise(kinds))
    counts = Counter(run).values()
    entropy = -sum(n / len(run) * math.log2(n / len(run)) for n in counts)
    return entropy >= _ENTROPY and changes * 3 >= len(kinds)
