"""Moving traffic in steps to served entities that are not known to carry it well.

Nothing is remembered of a rollout. Where it stands is read off the routes in force:
steps that are not above them are left out, so that a run that was killed anywhere is
gone on with and neither repeated nor taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from provisioner.diff import Comparison, Effect, compare
from provisioner.errors import Problem, error, warning
from provisioner.fields import Call, Document, pattern_of, table
from provisioner.plan.gates import Gate
from provisioner.plan.model import Desired, EndpointPlan, Known, RolloutPlan, Step, Target
from provisioner.plan.standing import InRollout
from provisioner.plan.traffic import (
    WHOLE,
    Routes,
    apportion,
    entities_of,
    in_words,
    raw_routes,
    routes_of,
    split,
)
from provisioner.spec import Rollout
from provisioner.wire import requests
from provisioner.wire.answers import Live

_MODEL = (
    "entity_name",
    "entity_version",
    "external_model.provider",
    "external_model.name",
    "external_model.task",
)
"""What makes a served entity another model, and not the same with other settings."""


def plan_rollout(
    target: Target, want: Desired, found: Comparison, base: Document | None
) -> tuple[RolloutPlan | None, tuple[Step, ...]]:
    """How traffic moves, and the calls for it, instead of the one that does all at once.

    Nothing is planned where no rollout is declared, or nothing gets more traffic than the
    last apply gave it. Found ``in_place`` changes leave everything to one call, too.
    """
    if want.rollout is None:
        return None, ()
    move = _Move(want, found, base or {})
    if in_place := tuple(move.in_place()):
        return RolloutPlan(in_place=in_place), ()
    return _Stages(want.rollout, move, target.minutes).plan() if move.moves else (None, ())


def in_rollout(want: Desired, live: Live, base: Document | None) -> InRollout | None:
    """How far the declared rollout of an endpoint is, by the routes in force.

    ``None`` = none is declared, or it did not begin, or it is over.
    """
    rollout = want.rollout
    if rollout is None:
        return None
    want = replace(want, document=_pinned(want.document, live.document))
    found = compare(want.document, live.document, base, want.scope)
    move = _Move(want, found, base or {})
    begun = move.moves and set(move.watched) <= move.known.keys()
    if not begun or any(move.in_place()):
        return None
    return InRollout(move.watched, move.share(move.now), tuple(move.ahead(rollout.steps)))


def _pinned(document: Document, live: Document) -> Document:
    """The document with the versions in force in the place of aliases, which nobody looked up."""
    served = entities_of(live)
    entities = {
        name: {**entity, "entity_version": served.get(name, {}).get("entity_version")}
        if str(entity.get("entity_version", "")).startswith("@")
        else entity
        for name, entity in entities_of(document).items()
    }
    return {**document, "config": {**(document.get("config") or {}), "served_entities": entities}}


@dataclass(frozen=True)
class _Move:
    """From which routes to which, of which served entities."""

    want: Desired
    found: Comparison
    base: Document
    """Empty = nothing is remembered."""

    @cached_property
    def known(self) -> dict[str, Any]:
        """Served entities as they are."""
        return entities_of(self.found.known)

    @cached_property
    def target(self) -> dict[str, Any]:
        """Served entities as they should be."""
        return entities_of(self.found.target)

    @cached_property
    def now(self) -> dict[str, int]:
        """Routes in force."""
        return routes_of(self.found.known)

    @cached_property
    def then(self) -> dict[str, int]:
        """Routes as declared; empty where they are left alone."""
        return routes_of(self.found.target)

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """Served entities that get more than the last apply shows that they carry."""
        unshown = [name for name, share in sorted(self.then.items()) if not self.shown(name, share)]
        rising = tuple(name for name in unshown if self.then[name] > self.now.get(name, 0))
        if not self.base:
            return rising or tuple(unshown)
        applied = routes_of(self.base)
        return tuple(n for n in unshown if n in rising or self.then[n] > applied.get(n, 0))

    @property
    def rises(self) -> bool:
        """Whether they do not have all of it yet."""
        return self.share(self.then) > self.share(self.now)

    def shown(self, name: str, share: int) -> bool:
        """Whether the last apply gave a served entity, as it is declared, that much."""
        if share == 0:
            return True
        applied = entities_of(self.base).get(name)
        same = applied is not None and applied == entities_of(self.want.document).get(name)
        return same and routes_of(self.base).get(name, 0) >= share

    @property
    def moves(self) -> bool:
        """Whether there is traffic to be moved, or the end of a move to be watched."""
        # Without memory only what comes or goes tells that a move was begun.
        begun = bool(self.base) or self.known.keys() != self.target.keys()
        return bool(self.now and self.then and self.watched) and (self.rises or begun)

    def ahead(self, steps: Iterable[int]) -> list[int]:
        """The shares that are still to come."""
        start, end = self.share(self.now), self.share(self.then)
        return [*(share for share in steps if start < share < end), end] if self.rises else []

    @property
    def calls(self) -> bool:
        """Whether anything of the configuration is to be changed."""
        return any(
            found.field.call is Call.CONFIG and found.effect is not Effect.NONE
            for found in self.found.differences
        )

    @property
    def is_new(self) -> bool:
        """Whether a call has to bring what is watched before traffic can move."""
        return any(self.known.get(name) != self.target[name] for name in self.watched)

    def share(self, routes: Routes) -> int:
        """What those that are watched have together."""
        return sum(routes.get(name, 0) for name in self.watched)

    def on_the_way(self, share: int) -> dict[str, int]:
        """The routes at which those that are watched have ``share`` together."""
        before, _ = self.earlier
        start = before if self._comes_from(before) else self.now
        routes = split(start, self.then, self.watched, share)
        return {name: part for name, part in routes.items() if name in self._staged}

    @property
    def _staged(self) -> set[str]:
        """Everything that serves now or is watched."""
        return self.known.keys() | set(self.watched)

    def in_place(self) -> Iterator[str]:
        """Paths at which the model of a served entity with traffic changes."""
        for name in sorted(self.known.keys() & self.target.keys()):
            if self.now.get(name, 0) > 0:
                for key in _MODEL:
                    path = f"config.served_entities[{name}].{key}"
                    field = table().get(pattern_of(path))
                    was, will = _at(self.known[name], key), _at(self.target[name], key)
                    if not field.same(was, will):
                        yield path

    @cached_property
    def earlier(self) -> tuple[dict[str, int], Known]:
        """The routes before the rollout began, and how far they are known."""
        nothing = dict.fromkeys(sorted(self._staged), 0)
        if self.share(self.now) == 0:
            return nothing | self.now, Known.LIVE
        applied = routes_of(self.base)
        if applied and applied.keys() <= self.now.keys() and self._comes_from(nothing | applied):
            return nothing | applied, Known.APPLIED
        rest = {name: part for name, part in self.now.items() if name not in self.watched}
        known_as_new = bool(self.base) and not applied.keys() & set(self.watched)
        certain = len(rest) == 1 and known_as_new
        weights = rest if any(rest.values()) else dict.fromkeys(rest, 1)
        scaled = apportion(weights, WHOLE) if weights else self.now
        return nothing | scaled, Known.APPLIED if certain else Known.ESTIMATED

    def _comes_from(self, before: Routes) -> bool:
        """Whether the routes in force lie on the way from earlier ones to the declared."""
        grown = [self.then[name] - before[name] for name in self.watched]
        share = self.share(self.now)
        if min(grown) < 0 or not sum(grown) or not self.share(before) <= share:
            return before == self.now
        routes = split(before, self.then, self.watched, min(share, self.share(self.then)))
        return {name: part for name, part in routes.items() if name in self.now} == self.now

    def body(self, routes: Routes) -> requests.Request:
        """The call with everything that serves now or is watched."""
        known, target = self.found.known["config"], self.found.target["config"]
        watched = {name: self.target[name] for name in self.watched}
        shares = raw_routes(target) | raw_routes(known)
        config = {
            **known,
            "served_entities": {**self.known, **watched},
            "traffic_config": {
                **(known.get("traffic_config") or {}),
                "routes": {
                    name: {**shares.get(name, {}), "traffic_percentage": routes[name]}
                    for name in sorted(self._staged)
                },
            },
        }
        if "fallback_order" in known:
            come = [name for name in target.get("fallback_order") or () if name not in self.known]
            config["fallback_order"] = [*known["fallback_order"], *come]
        written = {name: self._written(name) for name in self._staged}
        return requests.update_config(
            self.want.name,
            {**self.found.known, "config": config},
            {"config": {**config, "served_entities": written}},
        )

    def _written(self, name: str) -> Document:
        """A served entity with the keys that somebody wrote, of which only these are sent back."""
        declared = entities_of(self.want.document).get(name) or {}
        applied = entities_of(self.base).get(name)
        if applied is None and not declared:
            # Nobody remembers; a size that the server filled in goes with nothing else.
            live = self.known.get(name) or {}
            return {} if any(key in live for key in _SIZED) else live
        return {**(applied or {}), **declared}


_SIZED = (
    "max_provisioned_throughput",
    "provisioned_model_units",
    "max_provisioned_concurrency",
)


@dataclass(frozen=True)
class _Stages:
    """The steps of one move."""

    rollout: Rollout
    move: _Move
    minutes: Mapping[str, float]

    def plan(self) -> tuple[RolloutPlan, tuple[Step, ...]]:
        """The rollout and its calls."""
        move = self.move
        opening, steps = self._opening(), tuple(self._steps()) if move.calls else ()
        routes, earlier = move.earlier
        gates = (opening, *(step.gate for step in steps))
        rollout = RolloutPlan(
            entities=move.watched,
            opening=opening,
            restore=self._step(self._gate(routes)),
            earlier=earlier,
            expected_seconds=sum(gate.expected_seconds for gate in gates if gate),
        )
        return rollout, steps

    def _steps(self) -> Iterator[Step]:
        move, last = self.move, self._last()
        if move.is_new:
            gate = self._gate(dict.fromkeys(move.watched, 0) | move.now)
            yield self._step(replace(gate, checks=True, expected_seconds=self._deployment()))
        for share in move.ahead(self.rollout.steps):
            step = self._step(self._held(move.on_the_way(share)))
            if step.body == last.body:
                last = step
            else:
                yield step
        yield last

    def _last(self) -> Step:
        """The declared configuration, without what is not declared."""
        want, found = self.move.want, self.move.found
        request = requests.update_config(want.name, found.target, want.document)
        return _step(request, self._gate(self.move.then))

    def _opening(self) -> Gate | None:
        """What is left to be shown of those that are watched where they are now."""
        move = self.move
        if move.is_new:
            return None
        if all(move.shown(name, move.now[name]) for name in move.watched):
            return replace(self._gate(move.now), checks=True)
        return self._held(move.now)

    def _gate(self, routes: Routes) -> Gate:
        """A gate that only waits until the endpoint has settled."""
        seconds = self.minutes.get("traffic", 0) * 60.0
        share = self.move.share(routes)
        return Gate(share, self.move.watched, dict(routes), expected_seconds=seconds)

    def _held(self, routes: Routes) -> Gate:
        """A gate with everything that the rollout asks for."""
        limits, gate = self.rollout, self._gate(routes)
        return replace(
            gate,
            hold_seconds=float(limits.hold),
            min_requests=limits.min_requests,
            max_error_share=limits.max_error_share,
            max_client_error_share=limits.max_client_error_share,
            max_latency_p99_ms=limits.max_latency_p99_ms,
            probe_every_seconds=float(limits.probe_every or 0),
            max_failed_probes=limits.max_failed_probes,
            expected_seconds=gate.expected_seconds + limits.hold,
        )

    def _deployment(self) -> float:
        """How long it should take until a new served entity is up, in seconds."""
        return self.minutes.get(self.move.want.kind, 0) * 60.0

    def _step(self, gate: Gate) -> Step:
        return _step(self.move.body(gate.routes), gate)


def _step(request: requests.Request, gate: Gate) -> Step:
    return Step(f"{request.method} {request.path}", dict(request.body or {}), (), gate=gate)


def _at(entity: Document, key: str) -> Any:
    value: Any = entity
    for part in key.split("."):
        value = (value or {}).get(part)
    return value


def rollout_problems(entries: Iterable[EndpointPlan]) -> Iterator[Problem]:
    """What forbids a rollout, or is worth knowing before it begins."""
    for entry in entries:
        rollout = entry.rollout
        for path in rollout.in_place if rollout else ():
            yield _in_place(entry, path)
        if rollout and rollout.earlier is Known.ESTIMATED and rollout.restore:
            gate = rollout.restore.gate
            routes = in_words(gate.routes if gate else {})
            yield warning(
                "earlier-routes-unknown",
                f"{entry.name}: nobody remembers how traffic was divided before the rollout; "
                f"a breach would lead to {routes}",
                "it is estimated from the routes in force",
            )


def _in_place(entry: EndpointPlan, path: str) -> Problem:
    change = next(change for change in entry.changes if change.path == path)
    entity = path.partition("[")[2].partition("]")[0]
    return error(
        "rollout-in-place",
        f"cannot roll out {entry.name}: {path} would change from {change.before} to "
        f"{change.after} while it carries traffic, which cannot be divided",
        f"give the new model a served entity with a name of its own beside `{entity}`, "
        "or apply with --no-rollout",
        change.source,
    )
