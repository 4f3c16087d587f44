"""Any run can be killed at any call, and so can the workspace; the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from ..conftest import (
    ENDPOINTS,
    HANG,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    external,
    serving,
    until,
)

_WRITES = f"({ENDPOINTS}|{PERMISSIONS})(/.*)?"
_COMMAND = [sys.executable, "-m", "provisioner"]


def _declare(project: Project, version: str) -> None:
    """Three endpoints with five calls; a second version of them needs seven."""
    users = {"group": "users", "level": "CAN_QUERY" if version == "gpt-4" else "CAN_VIEW"}
    project.endpoint("a", serving(external(version)), tags={"v": version}, permissions=[users])
    project.endpoint("b", serving(external(version)), permissions=[users])
    project.endpoint("c", serving(external(version)), tags={"v": version})


def _apply(project: Project, *more: str) -> subprocess.Popen[bytes]:
    command = [*_COMMAND, "--project", str(project.root), "apply", "-e", "dev", "--auto-approve"]
    return subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _converged(cli: Cli, emulator: Emulator) -> None:
    cli.apply()
    assert emulator.names() == ["a", "b", "c"]
    assert cli.settled(), cli.plan().out
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []


_STAGES = {"creation": 5, "update": 7}


@pytest.mark.parametrize(
    "effect",
    ["none", pytest.param("before", marks=pytest.mark.exhaustive)],
    ids=["takes effect", "has no effect"],
)
@pytest.mark.parametrize(
    ("stage", "number"),
    [
        pytest.param(stage, n, marks=[] if n in {1, count // 2} else [pytest.mark.exhaustive])
        for stage, count in _STAGES.items()
        for n in range(count)
    ],
)
def test_a_run_killed_while_call_number_n_is_in_flight(
    project: Project, cli: Cli, emulator: Emulator, stage: str, number: int, effect: str
) -> None:
    _declare(project, "gpt-4")
    if stage == "update":
        cli.apply()
        _declare(project, "gpt-4o")
    before = [] if stage == "creation" else [emulator.endpoint(name)["id"] for name in "abc"]
    emulator.forget()
    _hold(emulator, number, effect)
    run = _apply(project, "--parallelism", "1")
    until(lambda: len(emulator.writes()) > number, f"call {number}")
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    until(lambda: emulator.writes()[number]["status"] is not None, "the end of the held call")
    emulator.admin("DELETE", "faults")
    made = {call for call in emulator.calls() if call.startswith("POST")}
    _converged(cli, emulator)
    if before:
        assert made == set()
        assert [emulator.endpoint(name)["id"] for name in "abc"] == before


def _hold(emulator: Emulator, number: int, effect: str) -> None:
    """Hold back the answer of one write, whatever its method.

    A rule counts the requests of its own method; the one for all of them would count
    reads as well, so the paths that are only read are told apart by a first rule.
    """
    rule = {"skip": number, "times": 1, "delay_seconds": 0.5, "effect": effect, "status": 503}
    emulator.admin("POST", "faults", {"match": {"method": "GET"}, "effect": "none"})
    emulator.admin("POST", "faults", {"match": {"path": _WRITES}, **rule})


@contextmanager
def _served(
    state: Path, port: int = 0, region: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*_COMMAND, "emulator", "serve", "--port", str(port), *region]
    server = subprocess.Popen(
        [*command, "--state", str(state), "--clock", "instant"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        yield server, url
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


@pytest.mark.parametrize(
    "number", [2, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (0, 1, 3, 4))]
)
def test_the_workspace_killed_in_the_middle_of_an_apply(
    tmp_path: Path, signed_in: pytest.MonkeyPatch, number: int
) -> None:
    signed_in.setenv("PROVISIONER_PATIENCE_SECONDS", "1")
    state = tmp_path / "state.json"
    with _served(state, region=("--region", "westeurope")) as (server, url):
        project = Project(tmp_path / "project", url)
        _declare(project, "gpt-4")
        emulator = Emulator(url)
        for method in ("POST", "PATCH"):
            emulator.fault(method, _WRITES, delay_seconds=0.3)
        run = _apply(project)
        until(lambda: len(emulator.writes()) > number, f"call {number}")
        os.kill(server.pid, signal.SIGKILL)
        emulator.close()
        assert run.wait(timeout=HANG) not in {0, 70}
    port = int(url.rsplit(":", 1)[1])
    with _served(state, port) as (_, again):
        assert again == url
        assert requests.get(f"{url}/__emulator/health", timeout=5).ok
        emulator = Emulator(url)
        kept = emulator.export()
        assert (kept["cloud"], kept["region"]) == ("AZURE", "westeurope")
        _converged(Cli(project.root), emulator)
        emulator.close()
