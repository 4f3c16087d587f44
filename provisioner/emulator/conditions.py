"""Conditions: what ails an endpoint or one of its entities when it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import invalid

Kind = Literal[
    "provider_rejected_key", "provider_down", "provider_rate_limited", "workspace_rate_limited",
    "disabled", "cold", "slow", "wrong_shape", "not_ready", "stopped", "error", "cut_stream",
]  # fmt: skip

_KEYS = {"endpoint", "entity", "condition", "delay_seconds", "share", "times"}


@dataclass
class Condition:
    """One condition. ``document`` is what was sent; the counters are its own."""

    document: Json
    kind: Kind
    share: Fraction
    times: int | None
    seen: int = 0
    fired: int = 0

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What a later one with the same key takes the place of."""
        return self.document["endpoint"], self.document.get("entity"), self.kind

    @property
    def delay_seconds(self) -> float:
        """How long the answer is held back."""
        return float(self.document.get("delay_seconds", 0))

    @property
    def is_left(self) -> bool:
        """Whether it may still hit."""
        return self.times is None or self.fired < self.times

    def applies(self, endpoint: str, entity: str) -> bool:
        """Whether it is about this entity; one without an entity is about all."""
        return self.document["endpoint"] == endpoint and self.document.get("entity") in (
            None,
            entity,
        )

    def fires(self) -> bool:
        """Count a request, and say whether it is hit: every k-th, never by chance."""
        self.seen += 1
        due = int(self.seen * self.share) - int((self.seen - 1) * self.share)
        if not due or not self.is_left:
            return False
        self.fired += 1
        return True


@dataclass
class Conditions:
    """All conditions, oldest first."""

    rules: list[Condition] = field(default_factory=list)

    def add(self, document: Json) -> None:
        """Set a condition, or refuse it with what is wrong."""
        new = _read(document)
        self.rules = [old for old in self.rules if old.key != new.key] + [new]

    def firing(self, endpoint: str, entity: str) -> list[Condition]:
        """Those that hit this request; all that apply have counted it."""
        found = [one for one in self.rules if one.applies(endpoint, entity)]
        return [one for one in found if one.fires()]

    def is_cold(self, endpoint: str, entity: str) -> bool:
        """Whether an entity is scaled to zero until somebody asks."""
        return any(
            one.kind == "cold" and one.applies(endpoint, entity) and one.is_left
            for one in self.rules
        )

    def view(self) -> list[Json]:
        """The conditions with their counters."""
        return [one.document | {"seen": one.seen, "fired": one.fired} for one in self.rules]


def _read(document: Json) -> Condition:
    if unknown := sorted(set(document) - _KEYS):
        raise invalid(f"unknown keys in a condition: {', '.join(unknown)}")
    if not isinstance(document.get("endpoint"), str):
        raise invalid("a condition needs the name of an endpoint")
    if not isinstance(document.get("entity"), str | None):
        raise invalid("entity is the name of a served entity, or null for all")
    kind: Any = document.get("condition")
    if kind not in get_args(Kind):
        raise invalid(f"condition is one of {', '.join(get_args(Kind))}, not {kind!r}")
    delay, share = document.get("delay_seconds", 0), document.get("share", 1)
    if not _is_number(delay) or delay < 0:
        raise invalid("delay_seconds must be a number, and not negative")
    if not _is_number(share) or not 0 <= share <= 1:
        raise invalid("share must be a number from 0 to 1")
    # An entity that was woken up stays awake.
    times = document.get("times", 1 if kind == "cold" else None)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 0):
        raise invalid("times must be a whole number, and not negative")
    return Condition(document, kind, Fraction(str(share)), times)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
