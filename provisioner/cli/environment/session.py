"""A project, its workspace and the plan between them: what plan, apply and drift share."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from provisioner import policy
from provisioner.cli import output
from provisioner.cli.environment.lookups import Lookups
from provisioner.cli.environment.memory import Memory
from provisioner.cli.environment.preflight import look
from provisioner.cli.environment.regions import Judgement
from provisioner.cli.environment.unread import Unread
from provisioner.cli.options import Selection
from provisioner.errors import Problem, warning
from provisioner.plan import EMBEDDED, Desired, Plan, Target, WorkspaceRef, build, desired
from provisioner.plan.lookups import Facts, checked, with_refresh
from provisioner.plan.namesakes import namesakes
from provisioner.plan.preflight import Answers, Preflight, not_known
from provisioner.plan.principals import with_principals
from provisioner.plan.quotas import Others, others
from provisioner.plan.rollout import in_rollout, rollout_problems
from provisioner.plan.standing import InRollout
from provisioner.plan.versions import with_versions
from provisioner.project import Loaded
from provisioner.record import Record, sealed
from provisioner.wire.answers import Live, is_hosted
from provisioner.wire.document import OWNER_TAG
from provisioner.workspace.gateway import Identity, Workspace

_MODEL_PAUSE = 10.0
"""Seconds between two looks for a model version."""


@dataclass(frozen=True)
class Session:
    """One environment, connected: everything that was read before anything is decided."""

    loaded: Loaded
    workspace: Workspace
    identity: Identity
    memory: Memory
    record: Record
    """Empty when there is none that can be read."""
    listed: tuple[dict[str, Any], ...]
    """Summaries of all endpoints that the caller may see."""

    @property
    def target(self) -> Target:
        """Whose plan is made, and where for."""
        spec = self.loaded.spec
        host = EMBEDDED if spec.workspace.emulator else self.workspace.host
        return Target(
            project=spec.project,
            environment=self.loaded.environment,
            workspace=WorkspaceRef(host, self.identity.workspace_id),
            caller=self.identity.principal,
            minutes={} if host == EMBEDDED else self.loaded.facts.deployment_minutes,
        )

    def compare(
        self,
        selection: Selection,
        *,
        refresh_secrets: bool = False,
        at_once: Container[str] = (),
        unread: Unread | None = None,
        preflight: Preflight = Preflight.EXISTENCE,
    ) -> tuple[Plan, dict[str, Live]]:
        """Read the selected endpoints and make the plan.

        The traffic of endpoints ``at_once`` moves without a rollout.
        The environment may switch ``preflight`` off whatever is asked for.
        With ``unread`` what could not be read is left out and noted there, instead of
        raising its error.
        """
        preflight = preflight if self.loaded.spec.preflight else Preflight.OFF
        wanted = [self._sealed(want) for want in self.declared(selection)]
        ask = Lookups(self.workspace, self.loaded, preflight)
        wanted, unknown = with_principals(wanted, ask.names(wanted))
        live = self._read(wanted, selection, unread)
        wanted = wanted if unread is None else unread.readable(wanted)
        versions = ask.versions(wanted, live)
        wanted, missing = with_versions(wanted, versions)
        facts = ask.facts(wanted, live, versions, refresh_secrets=refresh_secrets)
        wanted, found = checked(wanted, facts)
        wanted, stale = with_refresh(wanted, live, facts, refresh=refresh_secrets)
        base = self.record.base if unread is None else partial(unread.base, self.record)
        wanted = [replace(want, no_rollout=want.name in at_once) for want in wanted]
        plan = build(self.target, wanted, live, base)
        ahead = self._ahead(plan, wanted, live, facts, preflight)
        said = dict.fromkeys((*unknown, *missing, *found, *stale, *ahead.problems))
        return self._judged(plan, tuple(said), selection, ahead.settled), live

    def declared(self, selection: Selection) -> list[Desired]:
        """What the project wants, as written."""
        return [
            desired(endpoint.spec, self.target.owner, endpoint.where)
            for endpoint in self.loaded.endpoints
            if endpoint.name in selection
        ]

    def await_models(self, selection: Selection) -> None:
        """Wait for the model versions of endpoints that say so, as long as they say."""
        for endpoint in self.loaded.endpoints:
            if endpoint.name in selection and endpoint.spec.lifecycle.if_missing == "wait":
                want = desired(endpoint.spec, self.target.owner, endpoint.where)
                deadline = time.monotonic() + want.create_timeout
                ask = Lookups(self.workspace, self.loaded)
                while _pending(want, ask) and time.monotonic() < deadline:
                    output.note(f"{want.name}: waiting for its model")
                    time.sleep(min(_MODEL_PAUSE, max(deadline - time.monotonic(), 0)))

    def compare_with(self, wanted: list[Desired]) -> Plan:
        """The plan for endpoints as given, whatever the project declares."""
        live = self._read(wanted, Selection(only=tuple(want.name for want in wanted)))
        return self._judged(build(self.target, wanted, live, self.record.base), (), None)

    def managed(self, selection: Selection, unread: Unread) -> tuple[list[Live], list[str]]:
        """This environment's endpoints as they are, and names of those that are gone.

        What could not be read is noted in ``unread``.
        """
        listed = {summary["name"]: _owner(summary) for summary in self.listed}
        ours = {name for name, owner in listed.items() if owner == self.target.owner}
        # The list leaves out what the caller may not see; a GET tells that from what is gone.
        unlisted = {one.name for one in self.loaded.endpoints if one.name not in listed}
        names = sorted(name for name in ours | unlisted if name in selection)
        found = self.workspace.in_parallel(partial(unread.read, self.workspace), names)
        live = [one for one in found if one is not None and one.owner == self.target.owner]
        known = unread.endpoints.keys() | {one.name for one in found if one is not None}
        were_there = ours | self.record.endpoints.keys()
        return live, [name for name in names if name not in known and name in were_there]

    def rollout_of(self, want: Desired | None, live: Live) -> InRollout | None:
        """How far the declared rollout of an endpoint is."""
        if want is None or want.rollout is None:
            return None
        return in_rollout(self._sealed(want), live, self.record.base(live.name, live.id))

    def _no_longer_governed(self) -> Iterator[Problem]:
        declared = {endpoint.name for endpoint in self.loaded.endpoints}
        for name, entry in self.record.endpoints.items():
            if entry.found is not None and name not in declared:
                yield warning(
                    "no-longer-governed",
                    f"{name} is governed no more and keeps what was applied to it",
                    f"provisioner release {name} forgets it, with --restore as it was before",
                )

    def _ahead(
        self,
        plan: Plan,
        wanted: list[Desired],
        live: Mapping[str, Live],
        facts: Facts,
        preflight: Preflight,
    ) -> Judgement:
        if preflight is not Preflight.FULL:
            return Judgement(tuple(not_known(facts.unclear()) if facts.exists else ()))
        known = Answers(
            caller=self.identity.principal,
            groups=self.identity.groups,
            cloud=self.workspace.cloud,
            others=self._others(live),
            protected=self.loaded.spec.protected,
            hidden_scopes=facts.hidden_scopes,
            unknown=facts.unclear(said=facts.hidden_scopes),
        )
        ahead = look(self.workspace, known, plan, wanted, live, self.loaded)
        # What is declared may be too much by itself, which was said offline.
        said = any(problem.code == "workspace-concurrency" for problem in self.loaded.problems)
        kept = (one for one in ahead.problems if not (said and one.code == "concurrency-full"))
        return replace(ahead, problems=tuple(kept))

    def _others(self, live: Mapping[str, Live]) -> Others:
        """The endpoints of the workspace that were not read."""
        unread = {summary["name"] for summary in self.listed} - set(live)
        declared = [
            desired(endpoint.spec, self.target.owner)
            for endpoint in self.loaded.endpoints
            if endpoint.name in unread
        ]
        return others(self.listed, declared, live)

    def rest(self, selection: Selection) -> policy.Rest:
        """What the other shards of the same run are about."""
        if selection.shard is None:
            return policy.NO_REST
        declared = {endpoint.name for endpoint in self.loaded.endpoints}
        ours = {s["name"] for s in self.listed if _owner(s) == self.target.owner}
        others = {name for name in ours if name not in selection}
        return policy.Rest(len(others), tuple(sorted(others - declared)))

    def _judged(
        self,
        plan: Plan,
        found: Sequence[Problem],
        selection: Selection | None,
        settled: frozenset[Problem] = frozenset(),
    ) -> Plan:
        rest = policy.NO_REST if selection is None else self.rest(selection)
        judged = policy.judge(plan, self.loaded.spec.policy, rest)
        # What the workspace says of the same place is more than what could be said without it.
        said = {(problem.code, problem.where) for problem in found}
        kept = (
            problem
            for problem in self.loaded.problems
            if problem not in settled
            and (problem.code, problem.where) not in said
            and (selection is None or not problem.endpoint or problem.endpoint in selection)
        )
        known = (*kept, *self.memory.problems, *self._no_longer_governed())
        ends = (*self._namesakes(plan), *rollout_problems(plan.endpoints))
        problems = (*known, *found, *judged, *ends)
        return replace(plan, problems=problems)

    def _namesakes(self, plan: Plan) -> Iterator[Problem]:
        if self.memory.problems:
            return iter(())  # what could not be read may well know them
        declared = {endpoint.name for endpoint in self.loaded.endpoints}
        return namesakes(plan, declared, self.record.endpoints.keys())

    def _permission_rows(self, want: Desired) -> Mapping[str, Any] | None:
        """Declared rows; none of them, but read, when they were declared the last time."""
        entry = self.record.endpoints.get(want.name)
        managed_before = entry is not None and "permissions" in entry.document
        rows: Mapping[str, Any] | None = want.document.get("permissions")
        return {} if rows is None and managed_before else rows

    def _sealed(self, want: Desired) -> Desired:
        entry = self.record.endpoints.get(want.name)
        base = None if entry is None else entry.document
        document = sealed(want.document, self.record.salt, base, os.environ.get)
        return replace(want, document=document)

    def unmanaged(self, selection: Selection) -> list[str]:
        """Endpoints of other owners or of nobody, without those that Databricks provides."""
        declared = {endpoint.name for endpoint in self.loaded.endpoints}
        return [
            summary["name"]
            for summary in self.listed
            if summary["name"] in selection
            and summary["name"] not in declared
            and not is_hosted(summary)
            and _owner(summary) != self.target.owner
        ]

    def _read(
        self, wanted: list[Desired], selection: Selection, unread: Unread | None = None
    ) -> dict[str, Live]:
        existing = {summary["name"]: _owner(summary) for summary in self.listed}
        # The list leaves out what the caller may not see; a GET tells that from what is gone.
        known = self.record.endpoints
        rows: dict[str, Mapping[str, Any] | None] = {
            want.name: self._permission_rows(want)
            for want in wanted
            if want.name in existing or want.name in known or unread is not None
        }
        ours = {name for name, owner in existing.items() if owner == self.target.owner}
        applied = {name for name, entry in known.items() if entry.found is None}
        for name in ours | (applied - existing.keys()):
            if name in selection:
                rows.setdefault(name, None)
        read = self.workspace.read if unread is None else partial(unread.read, self.workspace)
        found = self.workspace.in_parallel(lambda item: read(*item), sorted(rows.items()))
        return {live.name: live for live in found if live is not None}


def _pending(want: Desired, ask: Lookups) -> bool:
    return bool(with_versions([want], ask.versions([want], {}))[0][0].pending)


def _owner(summary: Mapping[str, Any]) -> str:
    tags = summary.get("tags") or []
    return next((tag.get("value") or "" for tag in tags if tag["key"] == OWNER_TAG), "")
