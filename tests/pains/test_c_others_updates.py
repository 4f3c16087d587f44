"""Group C, continued: somebody else's update, waiting later, and what build logs say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

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


@pytest.fixture
def unhurried(slow: Emulator, project: Project) -> Project:
    """The same project on the workspace whose clock stands still."""
    project.host = slow.url
    project.environment()
    return project


def _later(slow: Emulator, seconds: int = 3600) -> None:
    slow.admin("POST", "clock", {"advance_seconds": seconds})


@contextmanager
def _in_the_background(run: Callable[[], Run]) -> Iterator[list[Run]]:
    """A command in a thread of its own; its answer is there afterwards."""
    found: list[Run] = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    try:
        yield found
    finally:
        thread.join(timeout=HANG)
    assert found, "the command did not end"


def _looked(slow: Emulator, name: str = "e") -> int:
    path = f"{ENDPOINTS}/{name}"
    return sum((r["method"], r["path"]) == ("GET", path) for r in slow.requests())


def _served(*versions: str) -> dict[str, Any]:
    return {"served_entities": [custom(version=version) for version in versions]}


def _refused_once(slow: Emulator) -> None:
    """The next roll-out is refused as if another one had begun a moment before."""
    slow.fault(
        "PUT",
        f"{ENDPOINTS}/e/config",
        times=1,
        status=409,
        error_code="RESOURCE_CONFLICT",
        message="Endpoint e is currently updating.",
    )


def test_c1_an_update_that_changed_nothing_of_ours_is_waited_for(
    unhurried: Project, cli: Cli, slow: Emulator
) -> None:
    unhurried.endpoint("e", serving(custom()))
    cli.apply("--no-wait")
    _later(slow)
    unhurried.endpoint("e", serving(custom(version="2")))
    saved = unhurried.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    # Somebody sends the same configuration again, which takes a while.
    slow.call("PUT", f"{ENDPOINTS}/e/config", _served("1"))
    slow.forget()
    with _in_the_background(lambda: cli("apply", "-e", "dev", saved, "--no-wait")) as ended:
        until(lambda: len(slow.writes()) == 1, "a call")
        assert slow.writes()[0]["status"] == 409
        _later(slow)
    [run] = ended
    assert run.code == 0, run.out + run.err
    assert "waiting for another update to finish" in run.err
    assert [entry["status"] for entry in slow.writes()] == [409, 200]
    _later(slow)
    [entity] = slow.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "2"
    assert cli.settled()


def test_c1_a_conflict_that_passes_costs_one_more_call(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    project.endpoint("e", serving(external("gpt-4o")))
    _refused_once(emulator)
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [f"PUT {ENDPOINTS}/e/config"] * 2
    assert cli.settled()


def test_c1_an_update_that_changed_the_configuration_stops_ours(
    unhurried: Project, cli: Cli, slow: Emulator
) -> None:
    unhurried.endpoint("e", serving(custom()), tags={"a": "1"})
    cli.apply("--no-wait")
    _later(slow)
    unhurried.endpoint("e", serving(custom(version="2")), tags={"a": "1"})
    # Ours is refused; while we wait, somebody else's has the endpoint.
    _refused_once(slow)
    slow.fault("GET", f"{ENDPOINTS}/e", skip=2, times=1, delay_seconds=1.0)
    slow.forget()
    with _in_the_background(lambda: cli.apply("--no-wait", expect=12)) as ended:
        until(lambda: len(slow.writes()) == 1, "a call")
        slow.call("PUT", f"{ENDPOINTS}/e/config", _served("3"))
        _later(slow)
    [run] = ended
    assert "somebody else's update changed its configuration" in " ".join(run.out.split())
    assert [entry["status"] for entry in slow.writes()] == [409]
    [entity] = slow.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "3"


def test_c1_their_update_before_the_plan_is_what_the_plan_is_about(
    unhurried: Project, cli: Cli, slow: Emulator
) -> None:
    unhurried.endpoint("e", serving(custom()))
    cli.apply("--no-wait")
    _later(slow)
    slow.call("PUT", f"{ENDPOINTS}/e/config", _served("3"))
    [change] = cli.plan().changes("e").values()
    assert (change["before"], change["after"], change["effect"]) == ("3", "1", "set")
    drift = cli("drift", "-e", "dev", "-o", "json", expect=2).entry("e")
    assert (drift["config"], drift["health"]) == ("drifted", "updating")


def test_c2_no_wait_returns_and_wait_resumes(unhurried: Project, cli: Cli, slow: Emulator) -> None:
    unhurried.endpoint("e", serving(custom()))
    run = cli.apply("--no-wait", "-o", "json", expect=0)
    assert run.entry("e")["result"] == "in_progress"
    assert cli("status", "-e", "dev", "-o", "json", expect=0).entry("e")["health"] == "updating"
    slow.forget()
    timed_out = cli("wait", "-e", "dev", "--timeout", "0.1", expect=9)
    assert "error[still-in-progress]" in timed_out.err
    before = _looked(slow)
    with _in_the_background(lambda: cli("wait", "-e", "dev", "e")) as ended:
        until(lambda: _looked(slow) >= before + 2, "a look")
        _later(slow)
    [resumed] = ended
    assert (resumed.code, resumed.err.splitlines()[-1]) == (0, "e: ready")
    assert slow.writes() == []
    assert cli("status", "-e", "dev", "-o", "json", expect=0).entry("e")["health"] == "ready"
    assert cli.settled()


@pytest.mark.parametrize("way", ["no-wait", "timeout"])
def test_c2_resuming_sends_nothing_again(
    unhurried: Project, cli: Cli, slow: Emulator, signed_in: pytest.MonkeyPatch, way: str
) -> None:
    signed_in.setenv("KEY", "value")
    key: dict[str, Any] = {"openai_api_key": None, "openai_api_key_plaintext": "${env:KEY}"}
    spec = serving(external(**key)) | {"lifecycle": {"timeouts": {"create": "1s"}}}
    unhurried.endpoint("e", spec, tags={"a": "1", "b": "2"})
    if way == "timeout":
        cli.apply(expect=9)
    else:
        cli.apply("--no-wait")
    _later(slow)
    cli("wait", "-e", "dev", expect=0)
    slow.forget()
    assert cli.settled(), cli.plan().changes("e")
    cli.apply()
    assert slow.writes() == []
    unhurried.endpoint("e", spec, tags={"a": "1"})
    [change] = cli.plan().changes("e").values()
    assert (change["path"], change["effect"]) == ("tags[b]", "remove")


@pytest.mark.parametrize("way", ["no-wait", "timeout"])
def test_c2_what_was_accepted_is_remembered_before_it_serves(
    unhurried: Project, cli: Cli, slow: Emulator, signed_in: pytest.MonkeyPatch, way: str
) -> None:
    signed_in.setenv("KEY", "first")
    key: dict[str, Any] = {"openai_api_key": None, "openai_api_key_plaintext": "${env:KEY}"}
    spec = serving(external(**key)) | {"lifecycle": {"timeouts": {"create": "1s"}}}
    unhurried.endpoint("e", spec, tags={"a": "1", "b": "2"})
    if way == "timeout":
        cli.apply(expect=9)
    else:
        cli.apply("--no-wait")
    _later(slow)
    cli("wait", "-e", "dev", expect=0)
    signed_in.setenv("KEY", "second")
    unhurried.endpoint("e", spec, tags={"a": "1"})
    changes = cli.plan().changes("e")
    assert {path.rpartition(".")[2]: change["effect"] for path, change in changes.items()} == {
        "openai_api_key_plaintext": "set",
        "tags[b]": "remove",
    }


def test_c2_timeouts_are_the_endpoints_own(unhurried: Project, cli: Cli, slow: Emulator) -> None:
    timeouts = {"create": "1s", "update": "90m"}
    unhurried.endpoint("e", serving(custom()), lifecycle={"timeouts": timeouts})
    assert cli.plan().entry("e")["timeout_seconds"] == 1
    run = cli.apply("-o", "json", expect=9)
    assert run.entry("e")["error_code"] == "still-in-progress"
    assert "not ready after 1 s" in run.entry("e")["error"]
    assert cli.plan().entry("e")["timeout_seconds"] == 90 * 60
    _later(slow)
    cli.apply()
    assert slow.calls() == [f"POST {ENDPOINTS}"]
    assert cli.settled()


def test_c2_wait_tells_of_a_build_that_failed(unhurried: Project, cli: Cli, slow: Emulator) -> None:
    slow.build(match={"endpoint": "bad"}, outcome="failed", message="No memory", logs="a\nOOM\n")
    for name in ("bad", "good"):
        unhurried.endpoint(name, serving(custom()))
    cli.apply("--no-wait")
    _later(slow)
    run = cli("wait", "-e", "dev", expect=1)
    assert "good: ready" in run.err
    assert "churn: No memory" in run.err
    assert "churn: OOM" in run.err
    cli("wait", "-e", "dev", "good", expect=0)
    failed = cli("status", "-e", "dev", expect=10)
    assert "bad: churn: No memory" in failed.out


LOG = "".join(f"line {number}\n" for number in range(1, 9)) + "\x1b[31mImportError: xgboost\n"


def test_c4_the_last_lines_of_the_right_log(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.build(match={"entity": "bad"}, outcome="failed", message="Build failed.", logs=LOG)
    project.endpoint("e", serving(custom("good"), custom("bad"), good=50, bad=50))
    run = cli.apply(expect=1)
    logged = [line.strip() for line in run.out.splitlines() if line.strip().startswith("| ")]
    of_bad = [line for line in logged if line.startswith("| bad: ")]
    assert of_bad[:-1] == [f"| bad: line {number}" for number in range(5, 9)]
    assert of_bad[-1].endswith("ImportError: xgboost")
    assert "\x1b" not in run.out
    assert "bad: Build failed." in run.out


def test_c4_the_same_as_data(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.build(match={"entity": "bad"}, outcome="failed", message="Build failed.", logs=LOG)
    project.endpoint("e", serving(custom("bad")))
    entry = cli.apply("-o", "json", expect=1).entry("e")
    assert (entry["result"], entry["error_code"]) == ("failed", "endpoint-failed")
    assert "bad: Build failed." in entry["error"]
    assert [line.removeprefix("bad: ") for line in entry["log"]] == LOG.splitlines()[-5:]


def test_c4_no_log_is_no_second_error(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.build(outcome="failed", message="The provider refused the key.")
    emulator.fault("GET", ".*/build-logs", status=404, error_code="RESOURCE_DOES_NOT_EXIST")
    project.endpoint("e", serving(external(name="prod")))
    run = cli.apply("-o", "json", expect=1)
    assert run.entry("e")["log"] == []
    assert "prod: The provider refused the key." in run.entry("e")["error"]
    assert "build log" not in json.dumps(run.json)
