"""The catalog's rules of requests, by their ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.catalog import Catalog, RequestRule
from provisioner.errors import Problem, error, notice, warning
from provisioner.query.targets import Entity


@dataclass(frozen=True)
class Facts:
    """The rules of requests by their id."""

    source: Catalog

    def __getitem__(self, name: str) -> RequestRule:
        return next(rule for rule in self.source.request_rules if rule.id == name)

    def most(self, name: str) -> int:
        """The largest number that a rule allows."""
        return int(self[name].max or 0)

    def weigh(self, name: str, entity: Entity) -> Callable[..., Problem]:
        """How to tell that a rule is broken by a request to an entity.

        An error where the service holds to it; a warning where the catalog is not sure, or where
        it is advice; a notice where it is said of other models than this one.
        """
        rule = self[name]
        if rule.modes and entity.mode not in rule.modes:
            return notice
        certain = rule.binding and rule.provenance.confidence != "low"
        return error if certain else warning
