"""Ctrl-C in the middle of a long build: out at once, nothing lost, the next run goes on."""

from __future__ import annotations

import signal
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from provisioner.cli.environment.session import Session

from ..conftest import (
    ENDPOINTS,
    HANG,
    Cli,
    Emulator,
    Project,
    custom,
    external,
    serving,
    units,
    until,
)
from .conftest import start


@pytest.mark.parametrize("stage", ["create", pytest.param("update", marks=pytest.mark.exhaustive)])
def test_ctrl_c_while_it_builds(
    project: Project,
    cli: Cli,
    slow: Emulator,
    record_property: Callable[[str, object], None],
    stage: str,
) -> None:
    project.host = slow.url
    project.environment()
    if stage == "update":
        project.endpoint("long", serving(custom()))
        project.endpoint("quick", serving(units()))
        cli.apply("--no-wait")
        slow.admin("POST", "clock", {"advance_seconds": 3600})
    version = {"create": "1", "update": "2"}[stage]
    project.endpoint("long", serving(custom(version=version)), tags={"v": version})
    project.endpoint("quick", serving(units(amount=100)))
    slow.forget()
    run = start(project)
    until(lambda: len(_looks(slow)) > 3, "waiting for the build")
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=HANG)
    took = time.monotonic() - began
    assert run.returncode == 130, out + err
    assert took < HANG / 2
    text = out + err
    assert "Traceback" not in text
    assert "quick" in out
    assert "long" in out
    assert "interrupted" in text
    assert slow.names() == ["long", "quick"]
    slow.forget()
    assert cli.plan().entry("long")["action"] == "wait"
    slow.admin("POST", "clock", {"advance_seconds": 3600})
    cli.apply()
    assert [call for call in slow.calls() if "config" in call or call.startswith("POST")] == []
    assert cli.settled()
    record_property("matrix", f"Ctrl-C: {stage}")


def _looks(slow: Emulator) -> list[str]:
    calls = [f"{entry['method']} {entry['path']}" for entry in slow.requests()]
    written = [n for n, call in enumerate(calls) if not call.startswith("GET")]
    after = calls[written[-1] :] if written else []
    return [call for call in after if call == f"GET {ENDPOINTS}/long"]


@pytest.mark.exhaustive
def test_ctrl_c_between_the_calls_of_an_endpoint(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """The call in flight is finished, none is begun, and the next run makes the rest."""
    project.endpoint("e", serving(external()))
    cli.apply()
    users = {"group": "users", "level": "CAN_QUERY"}
    project.endpoint("e", serving(external("gpt-4")), tags={"v": "2"}, permissions=[users])
    emulator.forget()
    emulator.fault("PATCH", f"{ENDPOINTS}/e/tags", delay_seconds=1)
    run = start(project)
    until(emulator.writes, "the first write")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=HANG)
    assert run.returncode == 130, out + err
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/e/tags"]
    assert "PATCH" in out
    emulator.forget()
    emulator.admin("DELETE", "faults")
    cli.apply()
    assert f"PATCH {ENDPOINTS}/e/tags" not in emulator.calls()
    assert len(emulator.calls()) == 2
    assert cli.settled()


@pytest.mark.exhaustive
def test_ctrl_c_before_anything_was_written(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()))
    emulator.fault("GET", ENDPOINTS, delay_seconds=1)
    run = start(project)
    until(emulator.requests, "the first look")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=HANG)
    # As a shell sees it: while modules are being imported Python may end by the signal itself.
    assert (run.returncode if run.returncode >= 0 else 128 - run.returncode) == 130, out + err
    assert "Traceback" not in out + err
    assert emulator.names() == []
    emulator.admin("DELETE", "faults")
    cli.apply()
    assert cli.settled()


class _Finalized:
    """Something whose end is watched."""


def test_ctrl_c_in_a_finalizer_is_not_lost(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    """Connection pools have finalizers, and Python ignores an interrupt that meets one."""
    compare = Session.compare

    def interrupted(session: Session, *rest: Any, **named: Any) -> Any:
        found = _Finalized()
        weakref.finalize(found, signal.raise_signal, signal.SIGINT)
        del found
        return compare(session, *rest, **named)

    signed_in.setattr(sys, "unraisablehook", lambda _ignored: None)
    signed_in.setattr(Session, "compare", interrupted)
    project.endpoint("e", serving(external()))
    cli.apply(expect=130)
    assert emulator.writes() == []
