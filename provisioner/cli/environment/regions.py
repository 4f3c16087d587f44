"""Asking a workspace where it is, when that decides what a plan makes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provisioner.errors import Problem, error
from provisioner.plan import Action, EndpointPlan, Plan
from provisioner.plan.preflight import Unknown
from provisioner.project import Declared, Loaded
from provisioner.rules.judged import Setting
from provisioner.rules.levels import weighed
from provisioner.rules.regions import offered_here, undecided


@dataclass(frozen=True)
class Whereabouts:
    """What the region of a workspace has to do with what a plan makes."""

    loaded: Loaded
    host: str
    """URL of the workspace that is asked."""
    made: tuple[Declared, ...]
    """The endpoints that are made or rolled out, or that should have been there."""

    @classmethod
    def of(cls, plan: Plan, loaded: Loaded, host: str, live: Collection[str]) -> Whereabouts:
        """For one plan; ``live`` are the names of what exists."""
        names = {entry.name for entry in plan.endpoints if _is_placed(entry, live)}
        made = tuple(one for one in loaded.endpoints if one.name in names)
        return cls(loaded, host, made)

    @property
    def matters(self) -> bool:
        """Whether the region has to be known: it is pinned, or decides something."""
        pinned = self.made and self.loaded.spec.workspace.region
        return bool(pinned) or any(self._open())

    def judged(self, region: str | Unknown) -> tuple[Problem, ...]:
        """What the region rules out, or makes doubtful."""
        if isinstance(region, Unknown):
            return ()
        pin = self.loaded.spec.workspace.region
        if pin is None:
            return tuple(self._found(region))
        if pin == region:
            return ()  # the rules have judged by it
        where = self.loaded.where("workspace.region")
        summary = f"the workspace is in {region}, and the environment names {pin}"
        hint = "check the host and the credentials, or correct `workspace.region`"
        return (error("wrong-region", summary, hint, where),)

    def unknown(self, region: str | Unknown) -> tuple[str, ...]:
        """What stays open, in words."""
        return tuple(dict.fromkeys(self._open())) if isinstance(region, Unknown) else ()

    def _setting(self, region: str = "") -> Setting:
        return Setting(host=self.host, facts=self.loaded.facts, region=region)

    def _found(self, region: str) -> Iterator[Problem]:
        levels = self.loaded.spec.rules
        for endpoint in self.made:
            for problem in offered_here(endpoint, self._setting(region)):
                if kept := weighed(problem, endpoint.name, levels):
                    yield kept

    def _open(self) -> Iterator[str]:
        if self.loaded.spec.workspace.region is None:
            for endpoint in self.made:
                yield from undecided(endpoint, self._setting())


def _is_placed(entry: EndpointPlan, live: Collection[str]) -> bool:
    """Whether the region may decide whether the service takes it."""
    if entry.action is Action.BLOCKED:
        return entry.name not in live  # governed, and not there
    makes = entry.action in {Action.CREATE, Action.REPLACE}
    return makes or any(step.call.endswith("/config") for step in entry.steps)
