"""Asking endpoints: pure parts. Building requests, holding them to the rules, judging answers.

`target_of` reads what an endpoint serves, `checks_for` makes the questions that prove it, and
`judge` says what an answer makes of one. Who sends them is another room's business.
"""

from __future__ import annotations

from provisioner.query.checks import Check, checks_for
from provisioner.query.judging import asks_again, is_starting, judge
from provisioner.query.targets import Entity, Target, architectures_of, target_of, target_of_spec

__all__ = [
    "Check",
    "Entity",
    "Target",
    "architectures_of",
    "asks_again",
    "checks_for",
    "is_starting",
    "judge",
    "target_of",
    "target_of_spec",
]
