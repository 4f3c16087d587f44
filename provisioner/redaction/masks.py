"""What stands where a secret should be: masks of tools, placeholders of examples."""

from __future__ import annotations

import re

from provisioner.redaction.looks import SECRETIVE

_MASK = re.compile(
    r"\*{3,}|[•●]{3,}|REDACTED|change[-_ ]?me"
    r"|(?i:[\[<({*]+(?:redacted|masked|hidden|censored|secret|your[-_ ][\w -]+)[\])>}*]+)"
)
"""A mask whatever holds it."""
_LONGEST_MASK = 100
_MASK_BEGINS = frozenset("*•●[<({cR")
_PLACEHOLDER = re.compile(
    r"x{4,}|redacted|masked|hidden|censored|todo|tbd"
    r"|(?:your|my)[-_ ][\w -]*(?:key|secret|token|password)[\w -]*",
    re.IGNORECASE,
)
"""A mask in what is named like a secret; elsewhere it may be a name."""


def is_mask(key: str, text: str) -> bool:
    """Whether a text only stands for a secret; ``key`` is the name of what holds it."""
    if len(text) > _LONGEST_MASK:
        return False
    if text[:1] in _MASK_BEGINS and _MASK.fullmatch(text):
        return True
    return bool(SECRETIVE.search(key) and _PLACEHOLDER.fullmatch(text))
