"""Hiding secrets in texts: by what they look like, and by what they are known to be."""

from __future__ import annotations

from provisioner.redaction.looks import (
    HIDDEN,
    SECRETIVE,
    in_the_open,
    look_of,
    without_keys,
    without_secret,
)
from provisioner.redaction.masks import is_mask
from provisioner.redaction.redactor import SLICE, Redactor

__all__ = [
    "HIDDEN",
    "SECRETIVE",
    "SLICE",
    "Redactor",
    "in_the_open",
    "is_mask",
    "look_of",
    "without_keys",
    "without_secret",
]
