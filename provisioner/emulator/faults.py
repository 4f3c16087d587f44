"""Faults: answers that go wrong on purpose, chosen by request."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.errors import invalid

Effect = Literal["before", "after", "none"]

_KEYS = {
    "match", "skip", "times", "probability", "seed", "effect", "status", "error_code", "message",
    "headers", "body", "delay_seconds", "drop",
}  # fmt: skip


@dataclass
class Fault:
    """One rule. ``document`` is what was posted; the counters are its own."""

    document: Json
    effect: Effect
    pattern: re.Pattern[str]
    dice: random.Random
    seen: int = 0
    fired: int = 0

    @property
    def delay_seconds(self) -> float:
        """How long the answer is held back."""
        return float(self.document.get("delay_seconds", 0))

    @property
    def drop(self) -> bool:
        """Whether the connection is closed without an answer."""
        return bool(self.document.get("drop", False))

    @property
    def headers(self) -> dict[str, str]:
        """Headers to add to the answer."""
        return {str(k): str(v) for k, v in self.document.get("headers", {}).items()}

    def answer(self) -> Answer:
        """The answer that replaces the handler's."""
        if "body" in self.document:
            status, text = int(self.document.get("status", 200)), str(self.document["body"])
            return Answer(text, status, self.headers, media_type="application/json")
        status = int(self.document.get("status", 503))
        body = {
            "error_code": self.document.get("error_code", "TEMPORARILY_UNAVAILABLE"),
            "message": self.document.get("message", "fault injected by the emulator"),
        }
        return Answer(body, status, self.headers)

    def fires(self, method: str, path: str) -> bool:
        """Count a request, and say whether it is hit."""
        wanted = self.document.get("match", {}).get("method", method)
        if wanted.upper() != method or not self.pattern.fullmatch(path):
            return False
        self.seen += 1
        times = self.document.get("times")
        if self.seen <= self.document.get("skip", 0) or (times is not None and self.fired >= times):
            return False
        if self.dice.random() >= self.document.get("probability", 1):
            return False
        self.fired += 1
        return True

    def view(self) -> Json:
        """The rule with its counters."""
        return self.document | {"seen": self.seen, "fired": self.fired}


@dataclass
class Faults:
    """All rules, oldest first; the first that fires takes the request."""

    rules: list[Fault] = field(default_factory=list)

    def add(self, document: Json) -> None:
        """Accept a rule, or refuse it with what is wrong."""
        if unknown := sorted(set(document) - _KEYS):
            raise invalid(f"unknown keys in a fault: {', '.join(unknown)}")
        answers = {"status", "error_code", "message", "body", "drop"} & set(document)
        effect: Any = document.get("effect", "before" if answers else "none")
        if effect not in get_args(Effect):
            raise invalid(f"effect is one of {', '.join(get_args(Effect))}, not {effect!r}")
        try:
            pattern = re.compile(document.get("match", {}).get("path", ".*"))
        except re.error as error:
            raise invalid(f"match.path is no regular expression: {error}") from None
        dice = random.Random(document.get("seed", 0))  # noqa: S311 - repeatable, not secret
        self.rules.append(Fault(document, effect, pattern, dice))

    def take(self, method: str, path: str) -> Fault | None:
        """The rule that hits this request; every rule before it has counted it."""
        return next((rule for rule in self.rules if rule.fires(method, path)), None)

    def view(self) -> list[Json]:
        """The rules with their counters."""
        return [rule.view() for rule in self.rules]
