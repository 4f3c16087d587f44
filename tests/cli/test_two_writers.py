"""Two appliers of one environment at the same time: what each did is remembered."""

from __future__ import annotations

import base64
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from provisioner.apply import apply
from provisioner.cli.applying import carry_out
from provisioner.cli.environment import replacing

from ..conftest import Cli, Emulator, Project, external, serving, until

RECORD = "/Shared/.provisioner/shop/dev.json"
IMPORT = "/api/2.0/workspace-files/import-file/.*"
WORKSPACE = "/api/2.0/workspace"
NAMES = ["a", "b"]


@pytest.fixture
def pair(project: Project, cli: Cli) -> Project:
    """Two endpoints that were applied, and are declared otherwise by now."""
    for name in NAMES:
        project.endpoint(name, serving(external()), tags={"v": "1"})
    cli.apply()
    for name in NAMES:
        project.endpoint(name, serving(external()), tags={"v": "2"})
    return project


def remembered(emulator: Emulator) -> dict[str, str]:
    """The tag that each endpoint was given, as the record has it."""
    content = json.loads(base64.b64decode(emulator.export()["files"][RECORD]["content"]))
    return {
        name: entry["document"]["tags"]["v"]
        for name, entry in content["endpoints"].items()
        if entry["document"]
    }


def files(emulator: Emulator) -> list[str]:
    """What lies beside the record, and the record."""
    found = emulator.export()["files"]
    return sorted(path for path in found if path.startswith("/Shared/.provisioner/shop/"))


def started(project: Project, *more: str) -> subprocess.Popen[str]:
    """An apply in a process of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "provisioner", "--project", str(project.root)),
            *("apply", "-e", "dev", "--auto-approve", *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def writing(emulator: Emulator) -> int:
    """How many times somebody began to write a file."""
    return sum("import-file" in entry["path"] for entry in emulator.requests())


def put(emulator: Emulator, **fault: Any) -> None:
    emulator.fault("POST", IMPORT, **fault)


@pytest.mark.parametrize(
    "call", [0, pytest.param(1, marks=pytest.mark.exhaustive)], ids=["creates", "writes"]
)
def test_a_process_that_is_slow_to_write_loses_nothing(
    pair: Project, cli: Cli, emulator: Emulator, call: int
) -> None:
    """The first one is held at one of its two writes while the second one runs as a whole."""
    emulator.forget()
    put(emulator, skip=call, times=1, effect="none", delay_seconds=1.5)
    slow = started(pair, "--only", "a")
    until(lambda: writing(emulator) == call + 1, "the first one writes")
    cli.apply("--only", "b")
    _, told = slow.communicate(timeout=60)
    assert slow.returncode == 0, told
    assert "warning" not in told
    assert remembered(emulator) == {"a": "2", "b": "2"}
    assert files(emulator) == [RECORD]


def test_shards_of_a_pipeline(project: Project, cli: Cli, emulator: Emulator) -> None:
    """Four processes make the first record ever, all at once."""
    names = [f"e{number}" for number in range(8)]
    for name in names:
        project.endpoint(name, serving(external()), tags={"v": "1"})
    put(emulator, effect="none", delay_seconds=0.1)
    runs = [started(project, "--shard", f"{number}/4") for number in (1, 2, 3, 4)]
    for run in runs:
        _, told = run.communicate(timeout=120)
        assert run.returncode == 0, told
        assert "warning" not in told
    assert remembered(emulator) == dict.fromkeys(names, "1")
    assert files(emulator) == [RECORD]
    assert cli.settled()


@pytest.mark.exhaustive
def test_two_processes_and_a_local_record(project: Project, cli: Cli) -> None:
    project.environment(record=".provisioner/dev.json")
    for name in NAMES:
        project.endpoint(name, serving(external()))
    runs = [started(project, "--only", name) for name in NAMES]
    for run in runs:
        _, told = run.communicate(timeout=120)
        assert run.returncode == 0, told
    folder = project.root / ".provisioner"
    assert list(json.loads((folder / "dev.json").read_text("utf-8"))["endpoints"]) == NAMES
    assert [path.name for path in folder.iterdir()] == ["dev.json"]
    # Others of the same machine may read it, as before.
    plain = project.root / "plain"
    plain.touch()
    assert (folder / "dev.json").stat().st_mode == plain.stat().st_mode
    assert cli.settled()


@pytest.mark.exhaustive
def test_a_local_record_where_files_cannot_be_linked(
    project: Project, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", link)
    project.environment(record=".provisioner/dev.json")
    project.endpoint("a", serving(external()))
    assert "warning" not in cli.apply().err
    folder = project.root / ".provisioner"
    assert list(json.loads((folder / "dev.json").read_text("utf-8"))["endpoints"]) == ["a"]
    assert [path.name for path in folder.iterdir()] == ["dev.json"]


@pytest.mark.exhaustive
def test_what_a_killed_process_had_to_say_is_not_lost(
    pair: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its two writes: the next one waits in vain and goes on from there."""
    emulator.forget()
    put(emulator, skip=1, times=1, effect="before", delay_seconds=2, drop=True)
    killed = started(pair, "--only", "a")
    until(lambda: writing(emulator) == 2, "the first one writes")
    killed.kill()
    killed.communicate()
    monkeypatch.setattr(replacing, "DEAD_AFTER", 0.5)
    monkeypatch.setattr(replacing, "_PAUSES", (0.1, 0.2))
    told = " ".join(cli.apply("--only", "b").err.split())
    assert told.count("waiting: another run is about to write /Workspace/Shared/") == 1
    assert remembered(emulator) == {"a": "2", "b": "2"}
    assert files(emulator) == [RECORD]


_WRONG: dict[str, dict[str, Any]] = {
    "refused": {"status": 403, "error_code": "PERMISSION_DENIED"},
    "unanswered": {"drop": True, "effect": "after"},
    "broken": {"drop": True},
    "failed": {"status": 500, "error_code": "INTERNAL_ERROR"},
    "busy": {"status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED"},
    "late": {"status": 503, "effect": "after"},
}
_QUICK = ("refused", "unanswered")


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    "what",
    [pytest.param(w, marks=[] if w in _QUICK else pytest.mark.exhaustive) for w in _WRONG],
)
@pytest.mark.parametrize(
    ("method", "path", "skip"),
    [
        ("POST", IMPORT, 0),
        ("GET", "/api/2.0/workspace/export", 1),
        ("POST", IMPORT, 1),
        ("POST", "/api/2.0/workspace/delete", 0),
    ],
    ids=["create", "look", "write", "delete"],
)
def test_any_call_may_go_wrong(
    cli: Cli,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    skip: int,
    what: str,
) -> None:
    """The apply itself is not disturbed, and after the next one everything is remembered."""
    monkeypatch.setattr(replacing, "DEAD_AFTER", 0.3)
    emulator.fault(method, path, skip=skip, times=1, headers={"Retry-After": "0"}, **_WRONG[what])
    run = cli.apply("--only", "a")
    known = remembered(emulator)["a"] == "2"
    assert run.err.count("warning[record-not-written]") == (not known)
    assert cli.settled() is False
    cli.apply()
    assert remembered(emulator) == {"a": "2", "b": "2"}
    assert cli.settled()


def test_of_two_that_change_the_same_the_record_has_the_one_that_won(
    pair: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one runs as a whole after the first one has planned."""

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(carry_out, "apply", apply)
        pair.endpoint("a", serving(external()), tags={"v": "3"})
        cli.apply("--only", "a")
        return apply(*arguments)

    monkeypatch.setattr(carry_out, "apply", meanwhile)
    run = cli.apply("--only", "a", expect=12)
    assert "changed after the plan was made" in " ".join(run.out.split())
    assert remembered(emulator) == {"a": "3", "b": "1"}
    assert cli.plan("--only", "a").entry("a")["action"] == "none"


@pytest.mark.exhaustive
def test_of_two_that_change_the_same_the_record_has_the_one_that_came_last(
    pair: Project, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is through with the endpoint, but not with all, when the second one comes."""

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(carry_out, "apply", apply)
        outcome = apply(*arguments)
        pair.endpoint("a", serving(external()), tags={"v": "3", "more": "1"})
        cli.apply("--only", "a")
        return outcome

    monkeypatch.setattr(carry_out, "apply", meanwhile)
    cli.apply()
    assert cli.settled()
    # What only the later one declared is known to be ours: taken out, it goes.
    pair.endpoint("a", serving(external()), tags={"v": "3"})
    assert cli.plan("--only", "a").changes("a")["tags[more]"]["reason"] == "removed_from_spec"


@pytest.mark.usefixtures("pair")
def test_a_record_of_a_newer_tool_is_not_written_over(cli: Cli, emulator: Emulator) -> None:
    newer = base64.b64encode(b'{"format_version": 99}').decode()
    emulator.seed(files={RECORD: {"object_type": "FILE", "content": newer}})
    run = cli.apply()
    assert "warning[record-not-written]" in run.err
    assert emulator.export()["files"][RECORD]["content"] == newer


@pytest.mark.usefixtures("pair")
def test_what_the_record_costs(cli: Cli, emulator: Emulator) -> None:
    def calls(run: Callable[[], Any]) -> list[str]:
        emulator.forget()
        run()
        about_files = (e for e in emulator.requests() if e["path"].startswith(WORKSPACE))
        return [f"{e['method']} {e['path'].removeprefix(WORKSPACE)}" for e in about_files]

    assert calls(lambda: cli("plan", "-e", "dev", expect=0)) == ["GET /export"]
    file = f"/Workspace{RECORD}".lstrip("/")
    [read, create, look, write, delete] = calls(cli.apply)
    assert (read, look, delete) == ("GET /export", "GET /export", "POST /delete")
    assert create.startswith(f"POST -files/import-file/{file}.after-")
    assert write == f"POST -files/import-file/{file}"
    assert calls(cli.apply) == ["GET /export"]
