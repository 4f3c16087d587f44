"""A run can be killed before and after every call; the next run goes on from there."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from ..conftest import ENDPOINTS, until
from .conftest import CALLS, GOVERNED, PERMITS, Scenario, fault, start

_QUICK = {2, 13}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=[] if n in _QUICK else pytest.mark.exhaustive)
        for n in range(len(CALLS))
    ],
)
def test_killed_at_a_call(
    scenario: Scenario,
    kill: Callable[..., None],
    record_property: Callable[[str, object], None],
    number: int,
    when: str,
) -> None:
    kill(scenario.apply, number, after=when == "after")
    done = scenario.emulator.calls()
    assert done == list(CALLS[: number + (when == "after")])
    scenario.converges()
    record_property("matrix", "kill")


@pytest.mark.exhaustive
@pytest.mark.parametrize("effect", ["before", "none"])
@pytest.mark.parametrize("number", range(0, len(CALLS), 3))
def test_a_process_killed_at_a_call(
    scenario: Scenario,
    record_property: Callable[[str, object], None],
    number: int,
    effect: str,
) -> None:
    """The same with a real process and a real signal, while the call is in flight."""
    emulator = scenario.emulator
    fault(emulator, number, times=1, delay_seconds=0.4, effect=effect, status=503)
    run = start(scenario.project, *PERMITS)
    until(lambda: len(emulator.writes()) > number, f"call {number}")
    run.kill()
    assert run.wait() == -signal.SIGKILL
    run.communicate()
    until(lambda: emulator.writes()[number]["status"], "the end of the call")
    assert emulator.calls() == list(CALLS[: number + 1])
    scenario.converges()
    record_property("matrix", "SIGKILL")


def _call(call: str) -> int:
    return CALLS.index(call)


def test_first_contact_is_remembered_although_killed(
    scenario: Scenario, kill: Callable[..., None]
) -> None:
    """What a governed endpoint had before is worth more than what we gave it."""
    limit = {"key": "user", "calls": 7, "renewal_period": "minute"}
    path = f"{ENDPOINTS}/{GOVERNED}/ai-gateway"
    scenario.emulator.call("PUT", path, {"rate_limits": [limit]})
    kill(scenario.apply, _call(f"PUT {path}"), after=True)
    scenario.converges()
    (scenario.project.root / "endpoints" / "governed.yaml").unlink()
    scenario.cli("release", "-e", "dev", GOVERNED, "--restore", "--auto-approve", expect=0)
    found = scenario.emulator.endpoint(GOVERNED)["ai_gateway"]["rate_limits"]
    assert found == [limit]


def test_a_tombstone_survives_a_kill(scenario: Scenario, kill: Callable[..., None]) -> None:
    """What a killed run retired can be restored all the same."""
    kill(scenario.apply, _call(f"DELETE {ENDPOINTS}/old"), after=True)
    scenario.converges()
    scenario.cli("restore", "-e", "dev", "old", "--auto-approve", expect=0)
    assert "old" in scenario.emulator.names()


def test_the_plan_has_every_kind_of_call() -> None:
    kinds = {call.split(" ")[0] + " " + call.rsplit("/", 1)[1] for call in CALLS}
    assert len(CALLS) == 19
    assert kinds >= {
        *("POST serving-endpoints", "POST pt", "DELETE old", "DELETE anew"),
        *("PUT config", "PUT ai-gateway", "PATCH tags", "PATCH notifications"),
        *("PATCH telemetry-config", "PATCH {id}", "PUT {id}"),
    }
