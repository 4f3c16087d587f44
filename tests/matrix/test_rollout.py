"""A rollout can be killed anywhere, is taken back when it breaks a limit, and undoes nobody."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.apply.caller import Caller

from ..conftest import (
    ENDPOINTS,
    HANG,
    Cli,
    Emulator,
    Project,
    Run,
    custom,
    external,
    serving,
    until,
)
from .conftest import start

CONFIG = f"{ENDPOINTS}/e/config"
STEPS = (5, 25, 50, 100)
SHARES = (0, *STEPS, 100)
"""Of the new served entity after each call; the last one takes the old one away."""


@dataclass
class Rollout:
    """A project whose endpoint serves one model and declares another, and time at will."""

    project: Project
    cli: Cli
    emulator: Emulator
    passed: float = 0.0
    """Seconds that somebody waited."""
    each: list[Callable[[int], None]] = field(default_factory=list)
    """What happens while somebody waits, with the share of the new served entity."""
    outside: bool = False
    """Whether the models are external ones, which are there at once."""

    def begin(self, **rollout: Any) -> None:
        """Version 1 serves, version 2 is declared."""
        self.declare(1)
        self.cli.apply()
        self.emulator.forget()
        self.declare(2, **rollout)

    def declare(self, version: int, **rollout: Any) -> None:
        """Write the endpoint with one version, under a name of its own."""
        entity = custom(f"v{version}", str(version), scale_to_zero_enabled=False)
        if self.outside:
            entity = external(("gpt-4", "gpt-4o")[version - 1], f"v{version}")
        lifecycle = rollout.pop("lifecycle", {})
        block = {"steps": list(STEPS), "hold": 60, **rollout}
        self.project.endpoint("e", serving(entity), rollout=block, lifecycle=lifecycle)

    def apply(self, *more: str) -> Run:
        return self.cli("apply", "-e", "dev", "--auto-approve", *more)

    def routes(self) -> dict[str, int]:
        """Per cent of the traffic by served entity, as the service says."""
        found = self.emulator.endpoint("e")
        config = found.get("pending_config") or found["config"]
        return _routes(config)

    def share(self) -> int:
        return self.routes().get("v2", 0)

    def sent(self) -> list[dict[str, int]]:
        """The routes of every configuration that was accepted, in order."""
        return [
            _routes(entry["body"])
            for entry in self.emulator.writes()
            if entry["path"] == CONFIG and entry["status"] in {200, None}
        ]

    def holds_throughout(self) -> None:
        """Whatever was sent in all runs: whole, forwards, each step once, and done at the end."""
        sent = self.sent()
        assert all(sum(routes.values()) == 100 for routes in sent)
        assert [routes.get("v2", 0) for routes in sent] == list(SHARES)
        assert self.routes() == {"v2": 100}
        self.emulator.forget()
        assert self.apply().code == 0
        assert self.emulator.writes() == []

    def wait(self, seconds: float) -> None:
        """Time passes, here and in the workspace."""
        self.passed += seconds
        if self.emulator.admin("GET", "health")["clock"] == "manual":
            self.emulator.admin("POST", "clock", {"advance_seconds": seconds})
        for happening in self.each:
            happening(self.share())

    def ask(self, number: int) -> None:
        """Questions of the endpoint's users."""
        question = {"role": "user", "content": "Where is my order?"}
        for _ in range(number):
            self.emulator._session.post(
                f"{self.emulator.url}/serving-endpoints/e/invocations",
                json={"messages": [question]},
                headers={"Authorization": "Bearer t", "X-From": "test"},
                timeout=10,
            )

    def spoil(self, condition: str, **more: Any) -> None:
        """Let the new served entity go wrong from now on."""
        rule = {"endpoint": "e", "entity": "v2", "condition": condition, **more}
        self.emulator.admin("PUT", "conditions", rule)


def _routes(config: dict[str, Any]) -> dict[str, int]:
    routes = (config.get("traffic_config") or {}).get("routes") or ()
    found = {route["served_entity_name"]: route["traffic_percentage"] for route in routes}
    return found or {entity["name"]: 100 for entity in config["served_entities"]}


@pytest.fixture(params=["instant", pytest.param("manual", marks=pytest.mark.exhaustive)])
def rollout(
    request: pytest.FixtureRequest, project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> Rollout:
    """On a workspace without time, or on one whose time passes as somebody waits."""
    emulator = request.getfixturevalue({"instant": "emulator", "manual": "slow"}[request.param])
    return _timed(project, cli, emulator, signed_in)


@pytest.fixture
def by_the_minute(
    project: Project, cli: Cli, slow: Emulator, signed_in: pytest.MonkeyPatch
) -> Rollout:
    """On a workspace whose time passes as somebody waits, and whose metrics are by the minute."""
    found = _timed(project, cli, slow, signed_in)
    found.outside = True
    return found


def _timed(project: Project, cli: Cli, emulator: Emulator, patch: pytest.MonkeyPatch) -> Rollout:
    emulator.admin("DELETE", "conditions")
    project.host = emulator.url
    project.environment()
    found = Rollout(project, cli, emulator)
    patch.setattr(Caller, "pause", lambda _caller, seconds: found.wait(seconds))
    patch.setattr(Caller, "now", lambda _caller: found.passed)
    return found


# ------------------------------------------------------------ killed


def test_nothing_goes_wrong(rollout: Rollout) -> None:
    rollout.begin()
    run = rollout.apply()
    assert run.code == 0, run.out + run.err
    assert rollout.passed >= 60 * len(STEPS)
    rollout.holds_throughout()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[] if n == 2 else pytest.mark.exhaustive) for n in range(6)]
)
def test_killed_at_a_call(
    rollout: Rollout,
    kill: Callable[..., None],
    record_property: Callable[[str, object], None],
    number: int,
    when: str,
) -> None:
    rollout.begin()
    kill(rollout.apply, number, after=when == "after")
    held = rollout.passed
    assert len(rollout.sent()) == number + (when == "after")
    run = rollout.apply()
    assert run.code == 0, run.out + run.err
    # A step whose hold was cut off, or that was only just taken, is held again, and no other.
    left = sum(share > 0 for share in SHARES[max(number - (when == "before"), 0) : -1])
    assert rollout.passed - held >= 60 * left
    rollout.holds_throughout()
    record_property("matrix", f"rollout killed {when} a call")


@pytest.mark.parametrize(
    "number", [2, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (0, 1, 3, 4, 5))]
)
def test_killed_without_a_record(rollout: Rollout, kill: Callable[..., None], number: int) -> None:
    """Where the rollout stands is in the workspace, and nowhere else."""
    rollout.project.environment(record="record.json")
    rollout.begin()
    kill(rollout.apply, number, after=True)
    (rollout.project.root / "record.json").unlink()
    run = rollout.apply()
    assert run.code == 0, run.out + run.err
    rollout.holds_throughout()


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", range(6))
def test_a_process_killed_while_a_step_is_held(
    project: Project, cli: Cli, real: Emulator, number: int
) -> None:
    """With a real clock, a real process and a real signal."""
    project.host = real.url
    project.environment()
    rollout = Rollout(project, cli, real)
    rollout.begin(hold=1)
    run = start(project)
    until(lambda: len(rollout.sent()) > number, f"call {number}")
    run.kill()
    assert run.wait() == -signal.SIGKILL
    run.communicate()
    assert rollout.apply().code == 0
    rollout.holds_throughout()


@pytest.mark.parametrize("effect", ["after", pytest.param("before", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[] if n == 2 else pytest.mark.exhaustive) for n in range(6)]
)
def test_an_answer_that_is_lost(rollout: Rollout, number: int, effect: str) -> None:
    """What took effect is not sent twice, what did not is."""
    rollout.begin()
    rollout.emulator.fault("PUT", CONFIG, skip=number, times=1, effect=effect, drop=True)
    run = rollout.apply()
    assert run.code == 0, run.out + run.err
    assert len(rollout.emulator.writes()) == 6 + (effect == "before")
    accepted = [entry for entry in rollout.emulator.writes() if entry["status"] == 200]
    shares = [_routes(entry["body"]).get("v2", 0) for entry in accepted]
    wanted = list(SHARES)
    if effect == "after":
        del wanted[number]
    assert shares == wanted
    assert rollout.routes() == {"v2": 100}


def test_the_last_hold_is_made_up_for(rollout: Rollout, kill: Callable[..., None]) -> None:
    """Killed when the declared split was in force and not shown yet; then found wanting."""
    rollout.begin()
    entities = [custom(f"v{n}", str(n), scale_to_zero_enabled=False) for n in (1, 2)]
    block = {"steps": [10], "hold": 60, "probe_every": 10}
    rollout.project.endpoint("e", serving(*entities, v1=80, v2=20), rollout=block)
    kill(rollout.apply, 2, after=True)
    assert rollout.routes() == {"v1": 80, "v2": 20}
    assert rollout.cli.plan().entry("e")["action"] == "wait"
    rollout.cli("drift", "-e", "dev", expect=0)
    _spoiled_at(rollout, 20, "error")
    run = rollout.apply("-o", "json")
    assert run.code == 6, run.out + run.err
    assert run.entry("e")["opening"]["judgement"] == "breached"
    assert rollout.routes() == {"v1": 100, "v2": 0}
    rollout.each.clear()
    rollout.emulator.admin("DELETE", "conditions")
    assert rollout.apply().code == 0
    assert rollout.routes() == {"v1": 80, "v2": 20}
    assert rollout.cli.settled()


def test_ctrl_c_in_a_hold(project: Project, cli: Cli, emulator: Emulator) -> None:
    """It stops there and says how to go on."""
    rollout = Rollout(project, cli, emulator)
    rollout.begin(hold="10m")
    run = start(project)
    until(lambda: len(rollout.sent()) == 2, "the first step")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=HANG)
    assert run.returncode == 130, out + err
    assert "its rollout stands at 5 %" in " ".join(out.split())
    assert "apply goes on from there" in " ".join(out.split())
    assert "Traceback" not in out + err
    assert rollout.routes() == {"v1": 95, "v2": 5}
    plan = cli.plan().entry("e")
    assert plan["rollout"]["opening"]["hold_seconds"] == 600
    assert [step["gate"]["share"] for step in plan["steps"]] == [25, 50, 100, 100]
    drift = cli("drift", "-e", "dev", "-o", "json", expect=2)
    assert drift.entry("e")["config"] == "pending"


# ------------------------------------------------------------ limits


def _spoiled_at(rollout: Rollout, step: int, condition: str, **more: Any) -> None:
    def spoil(now: int) -> None:
        if now == step and not rollout.emulator.admin("GET", "conditions")["conditions"]:
            rollout.spoil(condition, **more)

    rollout.each.append(spoil)


@pytest.mark.parametrize(
    "share", [25, *(pytest.param(s, marks=pytest.mark.exhaustive) for s in (5, 50, 100))]
)
def test_a_probe_that_fails_leads_back(
    rollout: Rollout, record_property: Callable[[str, object], None], share: int
) -> None:
    rollout.begin(probe_every=10)
    _spoiled_at(rollout, share, "error")
    run = rollout.apply("-o", "json")
    assert run.code == 6, run.out + run.err
    _is_rolled_back(rollout, run, list(SHARES[: SHARES.index(share) + 1]))
    record_property("matrix", "rollout breached")


def _is_rolled_back(rollout: Rollout, run: Run, shares: list[int]) -> None:
    """After the steps to ``shares`` everything is as before, and can be tried again."""
    sent = rollout.sent()
    assert all(sum(routes.values()) == 100 for routes in sent)
    assert sent[-1] == rollout.routes() == {"v1": 100, "v2": 0}
    assert [routes["v2"] for routes in sent[:-1]] == shares
    [entry] = run.json["endpoints"]
    assert entry["result"] == "rolled_back"
    assert entry["restored"] == {"v1": 100, "v2": 0}
    broken = [step for step in entry["steps"] if step["result"] == "rolled_back"]
    assert [step["gate"]["share"] for step in broken] == shares[-1:]
    assert broken[0]["gate"]["judgement"] == "breached"
    assert {step["result"] for step in entry["steps"]} == {"done", "rolled_back", "not_reached"}
    # What was taken back is tried again from the start when somebody applies again.
    rollout.each.pop(0)
    rollout.emulator.admin("DELETE", "conditions")
    rollout.emulator.forget()
    assert rollout.apply().code == 0
    again = [routes.get("v2", 0) for routes in rollout.sent()]
    assert again[0] > 0
    assert again == sorted(again)
    assert rollout.routes() == {"v2": 100}


def test_a_check_that_fails_before_any_traffic(rollout: Rollout) -> None:
    rollout.begin()
    rollout.spoil("error")
    run = rollout.apply()
    assert run.code == 6, run.out + run.err
    assert rollout.sent() == [{"v1": 100, "v2": 0}]
    assert "rolled back" in run.out
    assert "at 0 %" in " ".join(run.out.split())


def test_a_build_that_fails_moves_nothing(rollout: Rollout) -> None:
    rollout.begin()
    rollout.emulator.build(match={"entity": "v2"}, times=1, outcome="failed", message="no memory")
    run = rollout.apply()
    assert run.code in {1, 8}, run.out + run.err
    assert rollout.emulator.endpoint("e")["config"]["served_entities"][0]["name"] == "v1"
    assert rollout.apply().code == 0
    assert rollout.routes() == {"v2": 100}


def test_a_way_back_that_is_barred_is_said(rollout: Rollout) -> None:
    rollout.begin(probe_every=10)
    _spoiled_at(rollout, 5, "error")
    rollout.emulator.fault("PUT", CONFIG, skip=2, times=1, status=400, error_code="BAD_REQUEST")
    run = rollout.apply()
    assert run.code == 8, run.out + run.err
    assert "the earlier routes could not be restored" in " ".join(run.out.split())
    assert rollout.routes() == {"v1": 95, "v2": 5}
    # The next run finds the same, and has a free way.
    assert rollout.apply().code == 6
    assert rollout.routes() == {"v1": 100, "v2": 0}


def test_who_cannot_ask_moves_nothing(rollout: Rollout) -> None:
    """It says nothing about the model that we may not ask it."""
    rollout.begin()
    path = "/serving-endpoints/e/served-models/.*"
    rollout.emulator.fault("POST", path, status=403, error_code="PERMISSION_DENIED")
    run = rollout.apply()
    assert run.code in {1, 8}, run.out + run.err
    assert "caller lacks right" in run.out
    assert rollout.routes() == {"v1": 100, "v2": 0}


@pytest.mark.exhaustive
@pytest.mark.parametrize("share", [5, 25, 50, 100])
def test_an_update_that_fails_in_the_middle(rollout: Rollout, share: int) -> None:
    """The service keeps what was in force; the next run goes on from there."""
    rollout.begin()
    before = SHARES[SHARES.index(share) - 1]

    def fail(now: int) -> None:
        if now == before and not rollout.emulator.admin("GET", "builds")["builds"]:
            rollout.emulator.build(match={"entity": "v1"}, times=1, outcome="failed")

    rollout.each.append(fail)
    if before == 0:
        fail(0)
        rollout.emulator.admin("DELETE", "builds")
        rollout.emulator.build(match={"entity": "v1"}, times=1, outcome="failed")
    run = rollout.apply()
    assert run.code in {1, 8}, run.out + run.err
    rollout.each.clear()
    rollout.emulator.admin("DELETE", "builds")
    assert rollout.apply().code == 0
    shares = [routes.get("v2", 0) for routes in rollout.sent()]
    assert shares == sorted(shares)
    assert rollout.routes() == {"v2": 100}


_LIMITS = {"steps": [50], "hold": 120, "min_requests": 4}


def _are_there_users(rollout: Rollout) -> None:
    """Ten questions a minute, as soon as the new served entity has traffic."""
    last = [0.0]

    def ask(share: int) -> None:
        if share and rollout.passed - last[0] >= 30:
            last[0] = rollout.passed
            rollout.ask(5)

    rollout.each.append(ask)


@pytest.mark.parametrize(
    ("limit", "condition", "words"),
    [
        ({"max_error_share": 0.2}, {"condition": "error", "share": 0.5}, "server errors"),
        pytest.param(
            {"max_latency_p99_ms": 400},
            {"condition": "slow", "delay_seconds": 1},
            "the latency (p99)",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
@pytest.mark.parametrize("share", [50, pytest.param(100, marks=pytest.mark.exhaustive)])
def test_a_limit_on_what_users_see_leads_back(
    by_the_minute: Rollout,
    record_property: Callable[[str, object], None],
    limit: Any,
    condition: Any,
    words: str,
    share: int,
) -> None:
    rollout = by_the_minute
    rollout.begin(**_LIMITS, **limit)
    _spoiled_at(rollout, share, **condition)
    _are_there_users(rollout)
    run = rollout.apply("-o", "json")
    assert run.code == 6, run.out + run.err
    assert words in run.entry("e")["error"]
    _is_rolled_back(rollout, run, [0, 50, 100][: 2 + (share == 100)])
    record_property("matrix", "rollout breached")


@pytest.mark.exhaustive
def test_limits_that_are_kept(by_the_minute: Rollout) -> None:
    rollout = by_the_minute
    rollout.begin(**_LIMITS, max_error_share=0.2, max_latency_p99_ms=2000)
    _are_there_users(rollout)
    run = rollout.apply("-o", "json")
    assert run.code == 0, run.out + run.err
    seen = [step["gate"]["seen"] for step in run.entry("e")["steps"][1:-1]]
    assert len(seen) == 2
    assert all(found["requests"] >= 4 and found["errors"] == 0 for found in seen)
    assert all(found["seconds"] >= 120 for found in seen)


def test_too_few_requests_are_no_proof(by_the_minute: Rollout) -> None:
    """Nothing is known against going on, and nothing for it: it stays, and exits with 9."""
    rollout = by_the_minute
    rollout.begin(**_LIMITS, lifecycle={"timeouts": {"update": 120}})
    run = rollout.apply()
    assert run.code == 9, run.out + run.err
    assert rollout.routes() == {"v1": 50, "v2": 50}
    assert "0 of 4 requests" in " ".join(run.out.split())
    _are_there_users(rollout)
    assert rollout.apply().code == 0


# ------------------------------------------------------------ others


def test_somebody_takes_the_traffic_back_by_hand(rollout: Rollout) -> None:
    """In an incident, say: the rollout does not move it again."""
    rollout.begin()

    def by_hand(share: int) -> None:
        settled = rollout.emulator.endpoint("e")["state"]["config_update"] == "NOT_UPDATING"
        if share == 25 and settled:
            body = next(e["body"] for e in rollout.emulator.writes() if e["path"] == CONFIG)
            rollout.emulator.call("PUT", CONFIG, body)

    rollout.each.append(by_hand)
    run = rollout.apply()
    assert run.code == 12, run.out + run.err
    assert "somebody else changed it" in " ".join(run.out.split())
    assert rollout.routes() == {"v1": 100, "v2": 0}


def test_two_at_once(project: Project, cli: Cli, emulator: Emulator) -> None:
    """One rolls out; the other finds that the endpoint is not what it planned for."""
    rollout = Rollout(project, cli, emulator)
    rollout.begin(steps=[50], hold=1)
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(run.code for run in pool.map(lambda _: _process(rollout.project), range(2)))
    assert codes[0] == 0, codes
    assert codes[1] in {0, 8, 12}, codes
    shares = [routes.get("v2", 0) for routes in rollout.sent()]
    assert shares == sorted(shares)
    assert rollout.routes() == {"v2": 100}


def _process(project: Project) -> Run:
    run = start(project)
    out, err = run.communicate(timeout=HANG)
    return Run(run.returncode, out, err)


def test_a_reviewed_plan_goes_on_where_it_was_killed(
    rollout: Rollout, kill: Callable[..., None]
) -> None:
    rollout.begin()
    file = rollout.project.root / "plan.json"
    rollout.cli("plan", "-e", "dev", "--out", file, expect=0)
    saved = ("apply", "-e", "dev", str(file))
    kill(lambda: rollout.cli(*saved), 2, after=True)
    run = rollout.cli(*saved, "--as-declared")
    assert run.code == 0, run.out + run.err
    rollout.holds_throughout()
    assert "applied already" in rollout.cli(*saved, expect=0).out


def test_a_reviewed_plan_makes_up_for_its_last_hold(
    rollout: Rollout, kill: Callable[..., None]
) -> None:
    """Nothing is left to be called, and something to be shown."""
    rollout.begin()
    entities = [custom(f"v{n}", str(n), scale_to_zero_enabled=False) for n in (1, 2)]
    block = {"steps": [10], "hold": 60}
    rollout.project.endpoint("e", serving(*entities, v1=80, v2=20), rollout=block)
    file = rollout.project.root / "plan.json"
    rollout.cli("plan", "-e", "dev", "--out", file, expect=0)
    kill(lambda: rollout.cli("apply", "-e", "dev", str(file)), 2, after=True)
    held = rollout.passed
    rollout.cli("apply", "-e", "dev", str(file), expect=0)
    assert rollout.passed - held >= 60
    assert "applied already" in rollout.cli("apply", "-e", "dev", str(file), expect=0).out


def test_a_reviewed_plan_with_other_limits_is_stale(
    rollout: Rollout, kill: Callable[..., None]
) -> None:
    """What goes on is what was reviewed, or nothing."""
    rollout.begin()
    file = rollout.project.root / "plan.json"
    rollout.cli("plan", "-e", "dev", "--out", file, expect=0)
    kill(lambda: rollout.cli("apply", "-e", "dev", str(file)), 2, after=True)
    rollout.declare(2, hold=1)
    before = rollout.sent()
    rollout.cli("apply", "-e", "dev", str(file), expect=12)
    assert rollout.sent() == before


def test_json_of_a_rollout(rollout: Rollout) -> None:
    rollout.begin(max_failed_probes=2, probe_every=30)
    entry = rollout.cli.plan().entry("e")
    gates = [step["gate"] for step in entry["steps"]]
    assert [gate["share"] for gate in gates] == list(SHARES)
    assert [gate["checks"] for gate in gates] == [True] + [False] * 5
    assert [gate["hold_seconds"] for gate in gates] == [0, 60, 60, 60, 60, 0]
    assert entry["rollout"]["expected_seconds"] == sum(gate["expected_seconds"] for gate in gates)
    assert entry["rollout"]["earlier"] == "live"
    back = entry["rollout"]["restore"]
    assert back["call"] == f"PUT {CONFIG}"
    assert _routes(back["body"]) == {"v1": 100, "v2": 0}
    assert json.dumps(back["gate"]["routes"])
