"""``apply --events``: every line is whole and of the published shape, however the run ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.report import machine

from ..conftest import ENDPOINTS, HANG, Cli, Emulator, Project, external, serving, until

CHECK = jsonschema.Draft202012Validator(machine.schema("event"))


def told(file: Path) -> list[dict[str, Any]]:
    """All events, each of which is valid and in its place."""
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for event in found:
        CHECK.validate(event)
    assert [event["number"] for event in found] == list(range(1, len(found) + 1))
    assert [event["at"] for event in found] == sorted(event["at"] for event in found)
    assert found[0]["event"] == "started"
    assert [event["event"] for event in found].index("ended") == len(found) - 1
    return found


def test_from_the_start_to_the_end(project: Project, cli: Cli, tmp_path: Path) -> None:
    project.endpoint("chat", serving(external()))
    project.endpoint("off", serving(external("claude-9", "x")))
    cli.apply("--verify", "--only", "chat", "--events", tmp_path / "e")
    events = told(tmp_path / "e")
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["started", "planned"]
    assert kinds[-3:] == ["endpoint", "verified", "ended"]
    assert events[1]["summary"]["create"] == 1
    progress = [event["text"] for event in events if event["event"] == "progress"]
    assert progress == ["creating", "waiting until it serves", "created"]
    assert (events[-3]["action"], events[-3]["result"]) == ("create", "done")
    assert events[-1]["exit_code"] == 0


def test_a_failure_is_told(project: Project, cli: Cli, emulator: Emulator, tmp_path: Path) -> None:
    project.endpoint("chat", serving(external()))
    project.endpoint("other", serving(external()))
    emulator.fault("POST", ENDPOINTS, times=1, status=400, error_code="BAD", message="no")
    run = cli("apply", "-e", "dev", "--auto-approve", "--events", tmp_path / "e", expect=8)
    events = told(tmp_path / "e")
    ended = {event["result"] for event in events if event["event"] == "endpoint"}
    assert (ended, events[-1]["exit_code"]) == ({"done", "failed"}, run.code)


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--auto-approve"], 4, "invalid-yaml"),
        ([], 5, "refused"),
    ],
)
def test_an_end_before_the_first_call(
    project: Project, cli: Cli, tmp_path: Path, arguments: list[str], code: int, problem: str
) -> None:
    project.endpoint("chat", serving(external()))
    if code == 4:
        (project.root / "endpoints" / "chat.yaml").write_text("name: [\n")
    cli("apply", "-e", "dev", *arguments, "--events", tmp_path / "e", expect=code)
    last = told(tmp_path / "e")[-1]
    assert last["exit_code"] == code
    assert last["problems"][0]["severity"] == "error"
    assert problem in {found["code"] for found in last["problems"]}


def test_a_file_that_cannot_be_written(
    project: Project, cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    project.endpoint("chat", serving(external()))
    run = cli("apply", "-e", "dev", "--events", tmp_path / "nowhere" / "e", expect=64)
    assert "cannot write --events" in run.err
    assert emulator.requests() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk on this machine")
def test_a_full_disk_stops_no_apply(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    run = cli.apply("--events", "/dev/full")
    assert run.err.count("events-not-written") == 1
    assert cli.settled()


@pytest.mark.usefixtures("signed_in")
def test_ctrl_c_is_told(slow: Emulator, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", slow.url)
    project.endpoint("chat", serving(external()))
    file = tmp_path / "e"
    command = ["--project", str(project.root), "apply", "-e", "dev", "--auto-approve"]
    process = subprocess.Popen(
        [sys.executable, "-m", "provisioner", *command, "--events", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: file.exists() and "waiting until it serves" in file.read_text(), "it is applied")
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG) == 130
    events = told(file)
    assert events[-1]["exit_code"] == 130
    assert [event["result"] for event in events if event["event"] == "endpoint"] == ["in_progress"]
