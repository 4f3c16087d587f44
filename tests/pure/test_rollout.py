"""Traffic in steps: whatever the split and the steps, and wherever a run was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.plan import Desired, EndpointPlan, Step, Target, WorkspaceRef, build, desired
from provisioner.plan.gates import Gate, Judgement, Seen, judge
from provisioner.plan.model import Known, Skipped
from provisioner.plan.rollout import rollout_problems
from provisioner.plan.traffic import apportion, split
from provisioner.spec import EndpointSpec
from provisioner.wire.answers import live_endpoint

Json = dict[str, Any]
OWNER = "shop/dev"
TARGET = Target("shop", "dev", WorkspaceRef("http://w", "1"), "user:me@example.com")
_STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def _entity(name: str, version: str = "1") -> Json:
    return {
        "name": name,
        "entity_name": "main.ml.churn",
        "entity_version": version,
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
    }


def _config(routes: Mapping[str, int], versions: Mapping[str, str] | None = None) -> Json:
    """A configuration in which each served entity is a model of its own."""
    versions = versions or {}
    return {
        "served_entities": [_entity(name, versions.get(name, "1")) for name in sorted(routes)],
        "traffic_config": {
            "routes": [
                {"served_entity_name": name, "traffic_percentage": share}
                for name, share in sorted(routes.items())
            ]
        },
    }


def _declared(routes: Mapping[str, int], *steps: int, **more: Any) -> Desired:
    rollout = {"steps": list(steps), "hold": "10m", **more.pop("rollout", {})}
    data = {"name": "e", "config": _config(routes, more.pop("versions", None)), **more}
    return desired(EndpointSpec.model_validate({**data, "rollout": rollout}), OWNER)


def _plan(
    want: Desired, live: Json, base: Desired | None, *, updating: bool = False
) -> EndpointPlan:
    state = {"ready": "READY", "config_update": "IN_PROGRESS" if updating else "NOT_UPDATING"}
    answer: Json = {"name": "e", "id": "1", "state": state, "config": live}
    if updating:
        answer |= {"config": {}, "pending_config": live}
    answer["tags"] = [{"key": "provisioner", "value": OWNER}]
    found = live_endpoint(answer)
    document = base.document if base else None
    [entry] = build(TARGET, [want], {"e": found}, lambda _name, _id: document).endpoints
    return entry


def _gate(step: Step) -> Gate:
    assert step.gate is not None
    return step.gate


def _routes(body: Json | None) -> dict[str, int]:
    """The routes of a call; those of a single served entity are the service's to fill in."""
    assert body is not None
    routes = {
        route["served_entity_name"]: route["traffic_percentage"]
        for route in (body.get("traffic_config") or {}).get("routes", ())
    }
    names = [entity["name"] for entity in body["served_entities"]]
    routes = routes or dict.fromkeys(names, 100)
    assert routes.keys() == set(names)
    return routes


# ------------------------------------------------------------ arithmetic

_WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), min_size=1)


@_STEADY
@given(_WEIGHTS.filter(lambda weights: sum(weights.values()) > 0))
def test_more_is_never_less_for_anybody(weights: dict[str, int]) -> None:
    total = sum(weights.values())
    steps = [apportion(weights, part) for part in range(total + 1)]
    for part, shares in enumerate(steps):
        assert sum(shares.values()) == part
        assert all(0 <= shares[name] <= weights[name] for name in weights)
    for before, after in pairwise(steps):
        assert all(after[name] >= before[name] for name in weights)
    assert steps[-1] == weights


@st.composite
def _splits(draw: st.DrawFn, names: str = "abcd") -> dict[str, int]:
    """Per cent of the traffic of one to four served entities."""
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    weights = {name: draw(st.integers(0, 9)) for name in chosen}
    weights[chosen[0]] += 1
    return apportion(weights, 100)


@_STEADY
@given(_splits(), _splits("cdefg"))
def test_a_split_goes_straight_to_its_end(live: dict[str, int], declared: dict[str, int]) -> None:
    rising = [name for name in declared if declared[name] > live.get(name, 0)]
    if not rising:
        return
    start = sum(live.get(name, 0) for name in rising)
    end = sum(declared[name] for name in rising)
    steps = [split(live, declared, rising, share) for share in range(start, end + 1)]
    for share, routes in enumerate(steps, start):
        assert sum(routes.values()) == 100
        assert sum(routes[name] for name in rising) == share
    for before, after in pairwise(steps):
        for name in before:
            forward = declared.get(name, 0) >= live.get(name, 0)
            assert after[name] >= before[name] if forward else after[name] <= before[name]
    names = live.keys() | declared.keys()
    assert steps[0] == {name: live.get(name, 0) for name in names}
    assert steps[-1] == {name: declared.get(name, 0) for name in names}


# ------------------------------------------------------------ the steps of a plan

_STEPS = st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True).map(sorted)


@_STEADY
@given(_splits(), _splits("cdefg"), _STEPS, st.booleans(), st.booleans())
def test_a_rollout_can_be_cut_off_anywhere(
    live: dict[str, int], declared: dict[str, int], steps: list[int], known: bool, updating: bool
) -> None:
    base, want = _declared(live, 50), _declared(declared, *steps)
    entry = _plan(want, _config(live), base if known else None)
    calls = [step.body for step in entry.steps]
    if entry.rollout is None:
        assert len(calls) <= 1
        return
    watched = entry.rollout.entities
    path = [live, *map(_routes, calls)]
    shares = [sum(routes.get(name, 0) for name in watched) for routes in path]
    assert shares == sorted(shares)
    assert all(sum(routes.values()) == 100 for routes in path)
    for step, routes in zip(entry.steps, path[1:], strict=True):
        assert _gate(step).routes == routes
        assert _gate(step).share == sum(routes.get(name, 0) for name in watched)
    assert _routes(calls[-1]) == declared
    for done in range(1, len(calls)):
        body = calls[done - 1]
        assert body is not None
        again = _plan(want, body, base if known else None, updating=updating)
        left = list(map(_routes, [step.body for step in again.steps]))
        if known:
            assert [step.body for step in again.steps] == calls[done:]
        assert [sum(routes.get(name, 0) for name in watched) for routes in left] == shares[
            done + 1 :
        ]
        assert _goes_on([path[done], *left], declared)
        assert again.rollout is not None
        assert again.rollout.opening is not None
        assert again.rollout.opening.routes == path[done]
        back = again.rollout.restore
        assert back is not None
        routes = _routes(back.body)
        assert sum(routes.values()) == 100
        if known or shares[done] == 0:
            assert {name: share for name, share in routes.items() if share} == {
                name: share for name, share in live.items() if share
            }
        if known:
            assert again.rollout.earlier is not Known.ESTIMATED


def _goes_on(path: list[dict[str, int]], declared: dict[str, int]) -> bool:
    """Whether every served entity comes nearer to its share from step to step."""
    names = {name for routes in path for name in routes}
    away = [{n: abs(declared.get(n, 0) - r.get(n, 0)) for n in names} for r in path]
    return all(after[n] <= before[n] for before, after in pairwise(away) for n in names)


def _shares(entry: EndpointPlan) -> list[dict[str, int]]:
    return [_routes(step.body) for step in entry.steps]


@pytest.mark.parametrize(
    ("live", "declared", "steps", "expected"),
    [
        pytest.param(
            {"old": 100},
            {"new": 100},
            [5, 50],
            [
                {"old": 100, "new": 0},
                {"old": 95, "new": 5},
                {"old": 50, "new": 50},
                {"old": 0, "new": 100},
                {"new": 100},
            ],
            id="one for another",
        ),
        pytest.param(
            {"a": 60, "b": 40},
            {"a": 40, "b": 30, "c": 30},
            [10, 30, 80],
            [
                {"a": 60, "b": 40, "c": 0},
                {"a": 53, "b": 37, "c": 10},
                {"a": 40, "b": 30, "c": 30},
            ],
            id="one beside others: steps end with its share",
        ),
        pytest.param(
            {"old": 100},
            {"x": 75, "y": 25},
            [4, 50],
            [
                {"old": 100, "x": 0, "y": 0},
                {"old": 96, "x": 3, "y": 1},
                {"old": 50, "x": 38, "y": 12},
                {"old": 0, "x": 75, "y": 25},
                {"x": 75, "y": 25},
            ],
            id="two for one",
        ),
        pytest.param(
            {"a": 90, "b": 10},
            {"a": 40, "b": 60},
            [5, 30],
            [{"a": 70, "b": 30}, {"a": 40, "b": 60}],
            id="more for one that is there",
        ),
        pytest.param(
            {"a": 50, "b": 50},
            {"a": 100},
            [60],
            [{"a": 60, "b": 40}, {"a": 100, "b": 0}, {"a": 100}],
            id="one goes, and the other gets its share",
        ),
    ],
)
def test_the_steps(
    live: dict[str, int],
    declared: dict[str, int],
    steps: list[int],
    expected: list[dict[str, int]],
) -> None:
    entry = _plan(_declared(declared, *steps), _config(live), _declared(live, 50))
    assert _shares(entry) == expected
    assert entry.rollout is not None
    assert entry.rollout.restore is not None
    assert entry.rollout.earlier in {Known.LIVE, Known.APPLIED}
    assert _routes(entry.rollout.restore.body) == dict.fromkeys(expected[0], 0) | live


@pytest.mark.parametrize(
    ("live", "declared"),
    [
        pytest.param({"a": 75, "b": 25}, {"a": 100}, id="taken back in the middle"),
        pytest.param({"a": 60, "b": 40}, {"a": 100}, id="changed by hand"),
        pytest.param({"a": 100}, {"a": 100, "b": 0}, id="something without traffic comes"),
    ],
)
def test_the_way_back_and_the_way_of_no_traffic_are_one_call(
    live: dict[str, int], declared: dict[str, int]
) -> None:
    entry = _plan(_declared(declared, 5, 50), _config(live), _declared({"a": 100}, 50))
    assert _shares(entry) == [declared]
    assert entry.rollout is None


def test_what_an_earlier_run_left_is_watched_before_the_next_step() -> None:
    base, want = _declared({"old": 100}, 50), _declared({"new": 100}, 5, 50)
    at_5, at_0, at_100 = (
        _plan(want, _config({"old": 100 - share, "new": share}), base) for share in (5, 0, 100)
    )
    for entry, hold in ((at_5, 600), (at_0, 0), (at_100, 600)):
        assert entry.rollout is not None
        assert entry.rollout.opening is not None
        assert entry.rollout.opening.hold_seconds == hold
    assert _shares(at_100) == [{"new": 100}]


def test_a_share_that_was_applied_is_not_watched_again() -> None:
    """Ten per cent since last month need no hold of ten minutes before they become sixty."""
    live = {"a": 90, "b": 10}
    entry = _plan(_declared({"a": 40, "b": 60}, 30), _config(live), _declared(live, 50))
    assert entry.rollout is not None
    assert entry.rollout.opening is not None
    assert entry.rollout.opening.hold_seconds == 0


def test_other_changes_come_with_the_last_call() -> None:
    base = _declared({"a": 100}, 50, versions={"a": "1"})
    want = _declared({"a": 50, "b": 50}, 10)
    config = want.document["config"]
    entities = {**config["served_entities"]}
    entities["a"] = {**entities["a"], "workload_size": "Large"}
    config = {**config, "served_entities": entities}
    want = Desired(**{**vars(want), "document": {**want.document, "config": config}})
    entry = _plan(want, _config({"a": 100}), base)
    sizes = [
        next(e["workload_size"] for e in (step.body or {})["served_entities"] if e["name"] == "a")
        for step in entry.steps
    ]
    assert sizes == ["Small", "Small", "Small", "Large"]
    assert [bool(step.changes) for step in entry.steps] == [False, False, False, True]


def test_another_model_under_the_same_name_cannot_be_divided() -> None:
    base = _declared({"a": 100}, 50)
    want = _declared({"a": 100}, 50, versions={"a": "2"})
    entry = _plan(want, _config({"a": 100}), base)
    [problem] = rollout_problems([entry])
    assert problem.is_error
    assert problem.code == "rollout-in-place"
    assert "from 1 to 2" in problem.summary


def test_another_model_under_the_same_name_may_come_while_it_has_no_traffic() -> None:
    """As after a rollout that was taken back, and a correction."""
    base = _declared({"a": 100}, 50)
    want = _declared({"b": 100}, 50, versions={"b": "3"})
    entry = _plan(want, _config({"a": 100, "b": 0}, {"b": "2"}), base)
    assert not list(rollout_problems([entry]))
    assert _shares(entry)[0] == {"a": 100, "b": 0}
    body = entry.steps[0].body
    assert body is not None
    assert [e["entity_version"] for e in body["served_entities"]] == ["1", "3"]


def test_a_reviewed_plan_is_reviewed_with_its_limits() -> None:
    """Other limits are another plan; another guess of how long it takes is not."""

    def fingerprint(minutes: float = 1, **rollout: Any) -> str:
        want = _declared({"new": 100}, 50, rollout=rollout)
        target = replace(TARGET, minutes={"traffic": minutes})
        answer: Json = {"name": "e", "id": "1", "config": _config({"old": 100})}
        answer["tags"] = [{"key": "provisioner", "value": OWNER}]
        live = {"e": live_endpoint(answer)}
        return build(target, [want], live, lambda _name, _id: {}).fingerprint

    assert fingerprint() == fingerprint(minutes=5)
    assert fingerprint() != fingerprint(hold="9m")
    assert fingerprint() != fingerprint(max_error_share=0.5)


def test_what_nobody_remembers_is_said() -> None:
    entry = _plan(_declared({"c": 100}, 50), _config({"a": 57, "b": 38, "c": 5}), None)
    assert entry.rollout is not None
    assert entry.rollout.earlier is Known.ESTIMATED
    [problem] = rollout_problems([entry])
    assert not problem.is_error
    assert problem.code == "earlier-routes-unknown"
    assert "a 60 %, b 40 %, c 0 %" in problem.summary


def test_the_last_hold_is_made_up_for() -> None:
    """Nothing goes, so no call is left; what was cut off is watched all the same."""
    base, want = _declared({"a": 100}, 50), _declared({"a": 80, "b": 20}, 10)
    entry = _plan(want, _config({"a": 80, "b": 20}), base)
    assert entry.steps == ()
    assert entry.action.value == "wait"
    assert entry.rollout is not None
    assert entry.rollout.opening is not None
    assert entry.rollout.opening.hold_seconds == 600
    assert entry.rollout.restore is not None
    assert _routes(entry.rollout.restore.body) == {"a": 100, "b": 0}
    for remembered in (want, None):
        entry = _plan(want, _config({"a": 80, "b": 20}), remembered)
        assert entry.action.value == "none"
        assert entry.rollout is None


@pytest.mark.parametrize("no_rollout", [False, True])
def test_a_new_endpoint_and_one_on_request_are_made_at_once(no_rollout: bool) -> None:
    want = _declared({"new": 100}, 50)
    want = Desired(**{**vars(want), "no_rollout": no_rollout})
    if no_rollout:
        entry = _plan(want, _config({"old": 100}), _declared({"old": 100}, 50))
    else:
        [entry] = build(TARGET, [want], {}, lambda _name, _id: None).endpoints
    assert entry.rollout is not None
    assert entry.rollout.skipped is (Skipped.ON_REQUEST if no_rollout else Skipped.NEW_ENDPOINT)
    assert len(entry.steps) == 1
    assert entry.steps[0].gate is None


# ------------------------------------------------------------ gates

_LIMITS = Gate(
    share=5,
    entities=("new",),
    routes={"old": 95, "new": 5},
    hold_seconds=600,
    min_requests=100,
    max_error_share=0.02,
    max_client_error_share=0.1,
    max_latency_p99_ms=2000,
    probe_every_seconds=30,
    max_failed_probes=1,
)


@pytest.mark.parametrize(
    ("seen", "expected", "words"),
    [
        (Seen(600, 100, 2, 10, 2000.0, 20, 1), Judgement.PASSED, ""),
        (Seen(599, 100, 2, 10, 2000.0, 20, 1), Judgement.WAIT, "1 s of the hold"),
        (Seen(900, 99, 99, 99, 9000.0, 5), Judgement.WAIT, "99 of 100 requests"),
        (Seen(900, None, probes=5), Judgement.WAIT, "metrics do not tell"),
        (Seen(900, 100, 0, 0, None, 5), Judgement.WAIT, "latency"),
        (
            Seen(1, 100, 3, 0, 1.0),
            Judgement.BREACHED,
            "3 of 100 requests were answered with server errors",
        ),
        (Seen(1, 100, 0, 11, 1.0), Judgement.BREACHED, "max_client_error_share allows 10.0%"),
        (Seen(1, 100, 0, 0, 2001.0), Judgement.BREACHED, "2001 ms"),
        (Seen(1, None, probes=5, failed_probes=2), Judgement.BREACHED, "2 of 5 checks failed"),
    ],
)
def test_a_gate(seen: Seen, expected: Judgement, words: str) -> None:
    verdict = judge(_LIMITS, seen)
    assert verdict.judgement is expected
    assert words in verdict.reason


def test_a_gate_without_limits_only_takes_time() -> None:
    gate = Gate(5, ("new",), {}, hold_seconds=60)
    assert judge(gate, Seen(59)).judgement is Judgement.WAIT
    assert judge(gate, Seen(60)).judgement is Judgement.PASSED


def test_a_limit_without_a_single_request_is_not_passed() -> None:
    gate = Gate(5, ("new",), {}, max_error_share=0.5)
    assert judge(gate, Seen(60, 0)).judgement is Judgement.WAIT
    assert judge(gate, Seen(60, 1)).judgement is Judgement.PASSED
