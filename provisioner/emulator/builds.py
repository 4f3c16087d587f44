"""Build rules: how the deployments of chosen entities go."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import invalid

Outcome = Literal["ready", "failed", "never"]

_KEYS = {"match", "times", "outcome", "message", "logs", "seconds"}


@dataclass
class BuildRule:
    """One rule; ``left`` counts down, None means for ever."""

    document: Json
    left: int | None


@dataclass
class Builds:
    """All rules, oldest first; the first that matches an entity decides on it."""

    rules: list[BuildRule] = field(default_factory=list)

    def add(self, document: Json) -> None:
        """Accept a rule, or refuse it with what is wrong."""
        if unknown := sorted(set(document) - _KEYS):
            raise invalid(f"unknown keys in a build rule: {', '.join(unknown)}")
        if document.get("outcome", "ready") not in get_args(Outcome):
            raise invalid(f"outcome is one of {', '.join(get_args(Outcome))}")
        self.rules.append(BuildRule(document, document.get("times")))

    def take(self, endpoint: str, entity: str) -> Json:
        """The rule for an entity that begins to deploy, ``{}`` for none."""
        for rule in self.rules:
            match = rule.document.get("match", {})
            if rule.left == 0 or not (
                fnmatchcase(endpoint, match.get("endpoint", "*"))
                and fnmatchcase(entity, match.get("entity", "*"))
            ):
                continue
            if rule.left is not None:
                rule.left -= 1
            return rule.document
        return {}

    def view(self) -> list[Json]:
        """The rules with what is left of them."""
        return [rule.document | {"left": rule.left} for rule in self.rules]
