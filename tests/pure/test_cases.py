"""The comparison and the plan, case by case; each case is a document in ``cases/``.

A document holds what is declared (``want``, as in an endpoint's file), the answer of the
service (``live``), what was applied last (``base``, as declared then; without it there is
no memory), and what comes of it: the ``action``, the ``changes`` as lines

    path: [before, after, effect, cause, reason]

and the ``calls`` with their bodies, both in full. ``mirror`` cases are also read backwards:
what is declared and what is live change places, and additions become removals.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.diff import Effect, compare
from provisioner.plan import Desired, EndpointPlan, Target, WorkspaceRef, build, desired
from provisioner.spec import EndpointSpec
from provisioner.wire.answers import live_endpoint

FOLDER = Path(__file__).parent / "cases"
OWNER = "shop/dev"
TARGET = Target("shop", "dev", WorkspaceRef("http://w", "1"), "user:me@example.com")
UNSET = "(unset)"


def _load() -> list[Any]:
    return [
        pytest.param(
            case,
            id=f"{path.stem}: {case['case']}",
            marks=[pytest.mark.xfail(strict=True, reason=case["fails"])] if "fails" in case else [],
        )
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.safe_load_all(path.read_text("utf-8"))
    ]


CASES = _load()
MIRRORED = [case for case in CASES if case.values[0].get("mirror")]


def declared(data: dict[str, Any]) -> Desired:
    """An endpoint as its file declares it."""
    return desired(EndpointSpec.model_validate({"name": "e", **data}), OWNER)


def answered(case: dict[str, Any]) -> dict[str, Any]:
    """The answer of GET, with everything that every case would have to repeat."""
    live: dict[str, Any] = {
        "name": "e",
        "id": "0a1b",
        "creator": "me@example.com",
        "description": "",
        "route_optimized": False,
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "tags": [{"key": "provisioner", "value": OWNER}],
        **case["live"],
    }
    live["tags"] = [*case["live"].get("add_tags", []), *live["tags"]]
    return {key: value for key, value in live.items() if value is not None}


def planned(case: dict[str, Any]) -> EndpointPlan:
    """The part of a plan about the endpoint of the case."""
    base = declared(case["base"]).document if "base" in case else None
    wanted = [declared(case["want"])] if case["want"] is not None else []
    live = {}
    if case["live"] is not None:
        rows = wanted[0].document.get("permissions") if wanted else None
        acl = case.get("permissions")
        permissions = {"access_control_list": acl} if acl is not None else None
        live = {"e": live_endpoint(answered(case), permissions, TARGET.caller, rows or ())}
    [entry] = build(TARGET, wanted, live, lambda _name, _id: base).endpoints
    return entry


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    entry = planned(case)
    changes = {
        change.path: [
            UNSET if change.before is None else change.before,
            UNSET if change.after is None else change.after,
            change.effect.value,
            change.cause.value,
            change.reason.value,
        ]
        for change in entry.changes
    }
    assert entry.action.value == case["action"]
    assert changes == case.get("changes", {})
    assert [[step.call, step.body] for step in entry.steps] == case.get("calls", [])
    for key in ("blocked_by", "permit", "impact"):
        if key in case:
            assert getattr(entry, key) == case[key]


@pytest.mark.parametrize("case", [case for case in CASES if not case.marks])
def test_every_change_that_is_promised_has_its_call(case: dict[str, Any]) -> None:
    entry = planned(case)
    made = {path for step in entry.steps for path in step.changes}
    if entry.action.value in {"update", "adopt"}:
        promised = {
            change.path for change in entry.changes if change.effect in {Effect.SET, Effect.REMOVE}
        }
        assert made == promised


@pytest.mark.parametrize("case", MIRRORED)
def test_the_other_way_round(case: dict[str, Any]) -> None:
    """Both sides are whole declarations: what one direction adds, the other removes."""
    one, two = declared(case["want"]), declared(case["base"])
    there = compare(one.document, two.document, two.document, one.scope).differences
    back = compare(two.document, one.document, one.document, two.scope).differences
    opposite = {Effect.SET: Effect.SET, Effect.REMOVE: Effect.SET}
    assert [(d.path, d.before, d.after) for d in there] == [
        (d.path, d.after, d.before) for d in back
    ]
    for here, other in zip(there, back, strict=True):
        if here.after is None:
            assert (here.effect, other.effect) == (Effect.REMOVE, opposite[here.effect])
        if here.before is None:
            assert (here.effect, other.effect) == (Effect.SET, Effect.REMOVE)


def test_there_are_enough() -> None:
    assert len(CASES) >= 40
    assert len(MIRRORED) >= 6
