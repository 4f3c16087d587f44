"""However a run ends, it has written down what it did, and says so by its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from provisioner.apply.caller import Caller
from provisioner.cli.environment.session import Session

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, external, serving, until
from .test_events import told

NAMES = ("a", "b", "c")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk on this machine")


def declare(project: Project, **tags: str) -> None:
    for name in NAMES:
        project.endpoint(name, serving(external()), tags=tags)


@pytest.fixture
def tagged(project: Project, cli: Cli, emulator: Emulator) -> Project:
    """Three endpoints, each of which is to get a tag."""
    declare(project)
    cli.apply()
    declare(project, lost="1")
    emulator.forget()
    return project


def start(project: Project, *more: str | Path, **streams: Any) -> subprocess.Popen[str]:
    arguments = ("apply", "-e", "dev", "--auto-approve", "--parallelism", "1", *map(str, more))
    return subprocess.Popen(
        [sys.executable, "-m", "provisioner", "--project", str(project.root), *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **streams},
    )


def nothing_is_forgotten(project: Project, cli: Cli, emulator: Emulator) -> None:
    """Each tag that came into force is taken back once it is declared no more."""
    declare(project)
    cli.apply()
    assert [name for name in NAMES if "lost" in json.dumps(emulator.endpoint(name))] == []


@pytest.mark.exhaustive
def test_progress_that_nobody_reads_stops_nothing(
    tagged: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.fault("PATCH", f"{ENDPOINTS}/.*/tags", delay_seconds=0.3)
    run = start(tagged)
    assert run.stdout is not None
    assert run.stderr is not None
    until(emulator.writes, "the first write")
    run.stderr.close()
    out = run.stdout.read()
    run.stdout.close()
    assert run.wait(20) == 0
    assert "3 done" in out
    assert len(emulator.calls()) == 3
    nothing_is_forgotten(tagged, cli, emulator)


def test_an_answer_that_nobody_reads_costs_no_record(
    tagged: Project, cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    """As in `apply 2>&1 | head`: the reader leaves in the middle of the calls."""
    emulator.fault("PATCH", f"{ENDPOINTS}/.*/tags", delay_seconds=0.3)
    run = start(tagged, "--events", tmp_path / "e", stderr=subprocess.STDOUT)
    assert run.stdout is not None
    until(emulator.writes, "the first write")
    run.stdout.close()
    assert run.wait(20) == 1
    assert len(emulator.calls()) == 3
    assert told(tmp_path / "e")[-1]["exit_code"] == 1
    nothing_is_forgotten(tagged, cli, emulator)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.exhaustive)]
)
def test_a_job_that_is_ended_writes_down_what_it_did(
    tagged: Project, cli: Cli, emulator: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    emulator.fault("PATCH", f"{ENDPOINTS}/b/tags", delay_seconds=1)
    # The tests themselves may be run under nohup, which is inherited.
    heard = {"preexec_fn": lambda: signal.signal(number, signal.SIG_DFL)}
    run = start(tagged, "--events", tmp_path / "e", **heard)
    until(lambda: len(emulator.writes()) == 2, "the second write")
    run.send_signal(number)
    run.send_signal(number)  # as `timeout` does: its child, and then the whole group
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130, out + err
    assert "Interrupted" in out
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/{name}/tags" for name in "ab"]
    events = told(tmp_path / "e")
    assert events[-1]["exit_code"] == 130
    results = {e["endpoint"]: e["result"] for e in events if e["event"] == "endpoint"}
    assert results == {"a": "done", "b": "done", "c": "not_reached"}
    nothing_is_forgotten(tagged, cli, emulator)


@pytest.mark.exhaustive
def test_asked_twice_it_waits_for_nothing_and_still_writes_it_down(
    tagged: Project, cli: Cli, emulator: Emulator
) -> None:
    """As a cancelled job of GitHub is: SIGINT, a few seconds, SIGTERM, and then it is killed."""
    emulator.fault("PATCH", f"{ENDPOINTS}/b/tags", delay_seconds=15, times=1)
    run = start(tagged)
    until(lambda: len(emulator.writes()) == 2, "the second write")
    run.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=5)
    assert run.returncode == 130, out + err
    assert "interrupted twice" in " ".join(out.split())
    emulator.admin("DELETE", "faults")
    nothing_is_forgotten(tagged, cli, emulator)


@pytest.mark.exhaustive
def test_asked_a_third_time_it_is_gone(tagged: Project, emulator: Emulator) -> None:
    emulator.fault("GET", ENDPOINTS, delay_seconds=15)
    run = start(tagged)
    until(lambda: [e for e in emulator.requests() if e["path"] == ENDPOINTS], "the list")
    for _ in range(3):
        run.send_signal(signal.SIGTERM)
        time.sleep(0.4)
    run.communicate(timeout=5)
    assert run.returncode == 130


@pytest.mark.exhaustive
def test_a_closed_terminal_does_not_matter_to_nohup(
    tagged: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.fault("PATCH", f"{ENDPOINTS}/b/tags", delay_seconds=0.5)
    run = start(tagged, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    until(lambda: len(emulator.writes()) == 2, "the second write")
    run.send_signal(signal.SIGHUP)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 0, out + err
    assert cli.settled()


@pytest.mark.usefixtures("tagged")
def test_a_signal_before_the_first_call_changes_nothing(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compare = Session.compare

    def ended(session: Session, *rest: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return compare(session, *rest, **named)

    signed_in.setattr(Session, "compare", ended)
    run = cli.apply("--events", tmp_path / "e", expect=130)
    assert "interrupted" in run.err
    assert told(tmp_path / "e")[-1]["exit_code"] == 130
    assert emulator.writes() == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_bug_takes_one_endpoint_down(
    tagged: Project, cli: Cli, signed_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make = Caller.make

    def broken(caller: Caller, step: Any) -> None:
        make(caller, step)
        if caller.entry.name == "a":
            raise KeyError("sk-canary")

    signed_in.setattr(Caller, "make", broken)
    run = cli.apply("-o", "json", "--events", tmp_path / "e", expect=70)
    results = {one["name"]: (one["result"], one["error_code"]) for one in run.json["endpoints"]}
    assert results == {"a": ("failed", "bug"), "b": ("done", None), "c": ("done", None)}
    assert "bug: KeyError at " in run.err
    assert "canary" not in run.out + run.err + (tmp_path / "e").read_text()
    assert told(tmp_path / "e")[-1]["exit_code"] == 70
    signed_in.setattr(Caller, "make", make)
    declare(tagged)
    assert [name for name in "bc" if cli.plan().changes(name)["tags[lost]"]["after"]] == []


def test_of_an_endpoint_that_failed_halfway_its_calls_are_remembered(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    limit = {"rate_limits": [{"key": "user", "calls": 5, "renewal_period": "minute"}]}
    project.endpoint("e", serving(custom()), tags={"kept": "1", "old": "1"})
    cli.apply()
    project.endpoint(
        "e", serving(custom(version="2")), tags={"kept": "2", "lost": "1"}, ai_gateway=limit
    )
    emulator.fault("PUT", f"{ENDPOINTS}/e/config", status=400, error_code="BAD", message="no")
    cli.apply(expect=8)
    emulator.admin("DELETE", "faults")
    # What failed is still to come, for the reason that it was to come before.
    change = cli.plan().changes("e")["config.served_entities[churn].entity_version"]
    assert (change["effect"], change["cause"]) == ("set", "spec")
    project.endpoint("e", serving(custom()), tags={"kept": "2"})
    change = cli.plan().changes("e")["tags[lost]"]
    assert (change["effect"], change["after"]) == ("remove", None)
    cli.apply()
    assert "lost" not in json.dumps(emulator.endpoint("e")["tags"])
    assert cli.settled()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.usefixtures("signed_in")
def test_an_embedded_workspace_on_a_full_disk(project: Project, cli: Cli) -> None:
    """Nothing is acknowledged that is not stored, and no half-written file stays."""
    import resource

    project.environment(workspace={"emulator": "embedded"}, record=".provisioner/dev.json")
    project.endpoint("a", serving(external()))
    cli.apply()
    folder = project.root / ".provisioner"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    project.endpoint("a", serving(external()), tags={"x": "1"})
    full = (100, 100)
    run = start(project, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, full))
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1, out + err
    assert "cannot store its state: File too large" in " ".join(out.split())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    cli.apply()
    assert cli.settled()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.exhaustive
def test_a_local_record_on_a_full_disk(tagged: Project) -> None:
    """The endpoints are as planned, and it is said what is missing; no half record stays."""
    import resource

    tagged.environment(record="kept/dev.json")
    full = (100, 100)
    run = start(tagged, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, full))
    out, err = run.communicate(timeout=60)
    assert "3 done" in out
    assert "record-not-written" in err
    assert list((tagged.root / "kept").iterdir()) == []


@FULL
@pytest.mark.parametrize(
    "arguments",
    [
        ["validate"],
        ["--help"],
        pytest.param(["plan", "-e", "dev", "-o", "json"], marks=pytest.mark.exhaustive),
    ],
)
def test_an_answer_to_a_full_disk(tagged: Project, arguments: Sequence[str]) -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "provisioner", "--project", str(tagged.root), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert run.returncode == 1, run.stderr
    assert "error[answer-not-written]" in run.stderr
    assert os.strerror(28) in run.stderr
    assert "bug" not in run.stderr
