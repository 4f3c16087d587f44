"""Asking a workspace where it is, when that decides what a plan makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provisioner.errors import Problem, error
from provisioner.plan import Action, EndpointPlan, Plan
from provisioner.plan.preflight import Unknown
from provisioner.project import Declared, Loaded
from provisioner.rules.judged import Setting, bare
from provisioner.rules.levels import weighed
from provisioner.rules.regions import offered_here, undecided
from provisioner.wire.answers import Live


@dataclass(frozen=True)
class Judgement:
    """What an answer of the workspace comes to."""

    problems: tuple[Problem, ...] = ()
    settled: frozenset[Problem] = frozenset()
    """What the rules said offline, for want of the answer."""
    unknown: tuple[str, ...] = ()
    """What stays open, in words."""


@dataclass(frozen=True)
class Whereabouts:
    """What the region of a workspace has to do with what a plan makes."""

    loaded: Loaded
    host: str
    """URL of the workspace that is asked."""
    made: tuple[Declared, ...]
    """The endpoints that are made or rolled out, or that should have been there."""
    serving: frozenset[str]
    """Those that serve already: that a table lacks what they are is disproved by that."""

    @classmethod
    def of(cls, plan: Plan, loaded: Loaded, host: str, live: Mapping[str, Live]) -> Whereabouts:
        """For one plan; ``live`` is what exists."""
        names = {entry.name for entry in plan.endpoints if _is_placed(entry, live)}
        made = tuple(one for one in loaded.endpoints if one.name in names)
        serving = frozenset(name for name, one in live.items() if one.version)
        return cls(loaded, host, made, serving)

    @property
    def matters(self) -> bool:
        """Whether the region has to be known: it is pinned, or decides something."""
        pinned = self.made and self.loaded.spec.workspace.region
        return bool(pinned) or any(self._open())

    def judged(self, region: str | Unknown) -> Judgement:
        """What the region rules out or makes doubtful, and what it settles."""
        if isinstance(region, Unknown):
            return Judgement(unknown=tuple(dict.fromkeys(self._open())))
        spec = self.loaded.spec.workspace
        if spec.region is None:
            offline = self._found(Setting(host=spec.host or "", facts=self.loaded.facts))
            now = self._found(Setting(host=self.host, facts=self.loaded.facts, region=region))
            news = tuple(problem for problem in now if problem not in offline)
            return Judgement(news, frozenset(offline) - frozenset(now))
        if spec.region == region:
            return Judgement()  # the rules have judged by it
        where = self.loaded.where("workspace.region")
        summary = f"the workspace is in {region}, and the environment names {spec.region}"
        hint = "check the host and the credentials, or correct `workspace.region`"
        return Judgement((error("wrong-region", summary, hint, where),))

    def _found(self, setting: Setting) -> list[Problem]:
        """What the rule finds, at the environment's levels."""
        levels = self.loaded.spec.rules
        found = (
            weighed(problem, endpoint.name, levels)
            for endpoint in self.made
            for problem in map(bare, offered_here(endpoint, setting))
            if problem.code != "unsupported-region" or endpoint.name not in self.serving
        )
        return [problem for problem in found if problem]

    def _open(self) -> Iterator[str]:
        if self.loaded.spec.workspace.region is None:
            for endpoint in self.made:
                yield from undecided(endpoint, Setting(host=self.host, facts=self.loaded.facts))


def _is_placed(entry: EndpointPlan, live: Mapping[str, Live]) -> bool:
    """Whether the region may decide whether the service takes it."""
    if entry.action is Action.BLOCKED:
        return entry.name not in live  # governed, and not there
    makes = entry.action in {Action.CREATE, Action.REPLACE}
    return makes or any(step.call.endswith("/config") for step in entry.steps)
