"""Every way in which a call can go wrong, at every call: nothing is lost, the next run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, Run, external, serving
from .conftest import CALLS, Scenario, fault

_CONFLICT = {"status": 409, "error_code": "RESOURCE_CONFLICT"}
_LIMITED = {"status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED"}
_BROKEN = {"status": 500, "error_code": "INTERNAL_ERROR"}
_AWAY = {"status": 503, "error_code": "TEMPORARILY_UNAVAILABLE"}
FAULTS: dict[str, dict[str, Any]] = {
    "conflict": {**_CONFLICT, "effect": "before"},
    "limited-now": {**_LIMITED, "effect": "before", "headers": {"Retry-After": "0"}},
    "limited-a-second": {**_LIMITED, "effect": "before", "headers": {"Retry-After": "1"}},
    "broken": {**_BROKEN, "effect": "before"},
    "broken-after-effect": {**_BROKEN, "effect": "after"},
    "away": {**_AWAY, "effect": "before"},
    "dropped": {"drop": True, "effect": "before"},
    "dropped-after-effect": {"drop": True, "effect": "after"},
    "feature-disabled": {"status": 404, "error_code": "FEATURE_DISABLED", "effect": "before"},
    "forbidden": {"status": 403, "error_code": "PERMISSION_DENIED", "effect": "before"},
}
"""A timeout looks like a dropped connection to the caller, only later."""
_FINAL = {
    "feature-disabled": "invalid-request",
    "forbidden": "permission-denied",
}
_LASTING = {
    "conflict": "update-in-progress",
    "dropped": "answer-lost",
    "forbidden": "permission-denied",
}
_QUICK = {("dropped", 4), ("broken-after-effect", 14), ("forbidden", 12), ("conflict", 10)}
_BUILDS = ("anew", "fresh", "theirs", "upd")


def _cases(faults: Any) -> list[Any]:
    return [
        pytest.param(kind, n, marks=[] if (kind, n) in _QUICK else pytest.mark.exhaustive)
        for kind in faults
        for n in range(len(CALLS))
    ]


def _failed(run: Run) -> dict[str, Any]:
    """The endpoints that failed; nothing stops the others."""
    results = {entry["name"]: entry["result"] for entry in run.json["endpoints"]}
    assert set(results.values()) <= {"done", "failed"}, results
    return {entry["name"]: entry for entry in run.json["endpoints"] if entry["result"] == "failed"}


@pytest.mark.parametrize(("kind", "number"), _cases(FAULTS))
def test_once(
    scenario: Scenario, record_property: Callable[[str, object], None], kind: str, number: int
) -> None:
    """What passes is got over within the run; what cannot be helped fails one endpoint only."""
    fault(scenario.emulator, number, times=1, **FAULTS[kind])
    run = scenario.apply("-o", "json")
    rule = scenario.emulator.admin("GET", "faults")["faults"][1]
    assert rule["fired"] == 1
    failed = _failed(run)
    if kind in _FINAL:
        assert [entry["error_code"] for entry in failed.values()] == [_FINAL[kind]]
        assert run.code == 8
    else:
        assert failed == {}
        assert run.code == 0
    scenario.converges()
    record_property("matrix", f"fault once: {kind}")


@pytest.mark.parametrize(("kind", "number"), _cases(_LASTING))
def test_for_the_whole_run(
    scenario: Scenario, record_property: Callable[[str, object], None], kind: str, number: int
) -> None:
    """A call that goes wrong as often as it is made fails its endpoint, and no other."""
    method, path = CALLS[number].split(" ")
    pattern = path.replace("{id}", "[0-9a-f]+")
    earlier = CALLS[:number].count(CALLS[number])
    if (method, path) != ("POST", ENDPOINTS) and "{id}" not in path:
        earlier = 0
    scenario.emulator.fault(method, pattern, skip=earlier, **FAULTS[kind])
    run = scenario.apply("-o", "json")
    assert run.code == 8
    failed = _failed(run)
    assert failed
    assert {entry["error_code"] for entry in failed.values()} == {_LASTING[kind]}
    assert all(CALLS[number] in map(_called, entry["steps"]) for entry in failed.values())
    scenario.converges()
    record_property("matrix", f"fault lasting: {kind}")


def _called(step: dict[str, Any]) -> str:
    return re.sub(rf"{PERMISSIONS}/[0-9a-f]+$", f"{PERMISSIONS}/{{id}}", step["call"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_an_outage_from_a_call_on(
    scenario: Scenario, record_property: Callable[[str, object], None], number: int
) -> None:
    """Nothing can be written any more, reads go on."""
    fault(scenario.emulator, number, **FAULTS["dropped"])
    run = scenario.apply("-o", "json")
    assert run.code == (8 if any(_steps(run, "done")) else 1)
    assert _failed(run)
    scenario.converges()
    record_property("matrix", "outage")


def _steps(run: Run, result: str) -> list[Any]:
    steps = [step for entry in run.json["endpoints"] for step in entry["steps"]]
    return [step for step in steps if step["result"] == result]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "upd" else pytest.mark.exhaustive) for n in _BUILDS]
)
def test_a_build_that_fails(
    scenario: Scenario, record_property: Callable[[str, object], None], name: str
) -> None:
    """The endpoint stays as it is; the next run tries again."""
    scenario.emulator.build(match={"endpoint": name}, outcome="failed", message="out of memory")
    run = scenario.apply("-o", "json")
    failed = _failed(run)
    assert [*failed] == [name]
    assert failed[name]["error_code"] == "endpoint-failed"
    assert "out of memory" in failed[name]["error"]
    assert run.code == 8
    assert name in scenario.emulator.names()
    scenario.converges()
    record_property("matrix", "UPDATE_FAILED")


_ALONE = {"forbidden": 3, "feature-disabled": 1, "conflict": 1, "limited-now": 1, "dropped": 1}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("kind", _ALONE)
@pytest.mark.parametrize("stage", [pytest.param("create", marks=pytest.mark.exhaustive), "update"])
def test_the_exit_code_of_a_lone_endpoint(
    project: Project, cli: Cli, emulator: Emulator, kind: str, stage: str
) -> None:
    project.endpoint("e", serving(external()), tags={"v": "1"})
    if stage == "update":
        cli.apply()
        project.endpoint("e", serving(external()), tags={"v": "2"})
    fault(emulator, **FAULTS[kind])
    cli.apply(expect=_ALONE[kind])
    emulator.admin("DELETE", "faults")
    cli.apply()
    assert cli.settled()
