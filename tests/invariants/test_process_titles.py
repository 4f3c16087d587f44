"""What everybody on a machine may see of a process: its words, its title, its threads' names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Emulator, Project, external, serving
from .canaries import canary, leaks, needles

VALUES = {
    **{name: canary(name) for name in ("KEY", "SYNCED", "VAULT_TOKEN", "FILE", "PROGRAM")},
    "DATABRICKS_TOKEN": "token-" + canary("token")[:40],
    "HOOK": canary("hook")[:40],
}
NEEDLES = needles(VALUES.values())
PROC = Path("/proc")

pytestmark = pytest.mark.skipif(
    not (PROC / "self" / "cmdline").exists(), reason="only Linux shows processes as files"
)

SPY = """
import json, os, sys
from pathlib import Path

seen = {}
for folder in Path("/proc").glob("[0-9]*"):
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        words = (folder / "cmdline").read_bytes().decode().split("\\0")[:-1]
        names = [(task / "comm").read_text() for task in (folder / "task").iterdir()]
        seen[int(folder.name)] = [parent, words, names]
    except (OSError, ValueError):
        continue  # it has ended, or is none of ours
told = {"me": os.getpid(), "seen": seen, "environment": dict(os.environ)}
Path(sys.argv[1]).write_text(json.dumps(told))
"""
"""Writes down the processes of a machine as others see them, and what it inherited itself."""


@pytest.fixture
def told(project: Project, signed_in: pytest.MonkeyPatch) -> Project:
    """A project of secrets, and a program that looks around."""
    for name, value in VALUES.items():
        if name not in {"FILE", "PROGRAM"}:
            signed_in.setenv(name, value)
    signed_in.setenv("PROVISIONER_WEBHOOK", f"https://example.com/{VALUES['HOOK']}")
    (project.root / "file.txt").write_text(VALUES["FILE"] + "\n")
    (project.root / "program.txt").write_text(VALUES["PROGRAM"] + "\n")
    (project.root / "spy.py").write_text(SPY)
    key = external(openai_api_key=None, openai_api_key_plaintext="${env:KEY}")
    project.endpoint("chat", serving(key))
    return project


def _started(project: Project, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "provisioner", "--project", str(project.root), *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def _ended(run: subprocess.Popen[str]) -> str:
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, out + err
    assert leaks(NEEDLES, [out, err]) == []
    return out


def _line(report: dict[str, Any], pid: int) -> list[tuple[int, Any]]:
    """A process and those above and below it, as far as they can be seen."""
    seen = {int(number): about for number, about in report["seen"].items()}
    above, found = pid, []
    while above in seen and above != os.getpid():
        found.append(above)
        above = seen[above][0]
    below = list(found)
    while below := [number for number, about in seen.items() if about[0] in below]:
        found += [number for number in below if number not in found]
    return [(number, seen[number]) for number in found]


def _check(project: Project, run: subprocess.Popen[str]) -> list[list[str]]:
    """No secret in what the spy saw of the run; gives the words of all processes of it."""
    report = json.loads((project.root / "seen.json").read_text())
    found = _line(report, run.pid)
    words = {number: about[1] for number, about in found}
    assert words[run.pid] == run.args, "a process is called what it was called as"
    assert leaks(NEEDLES, [json.dumps(found)]) == []
    return list(words.values())


def test_programs_that_give_secrets_are_told_none(told: Project) -> None:
    slow = ["sh", "-c", "until [ -e seen.json ]; do sleep 0.02; done; cat program.txt"]
    secrets = {
        "llm/env": "${env:SYNCED}",
        "llm/file": {"file": "file.txt"},
        "llm/slow": {"command": slow},
        "llm/spy": {"command": ["sh", "-c", f"{sys.executable} spy.py seen.json; echo of-spy"]},
    }
    told.environment(record="record.json", secrets=secrets)
    run = _started(told, "secrets", "sync", "-e", "dev", "--auto-approve")
    assert "4 done" in _ended(run)
    words = _check(told, run)
    assert [sys.executable, "spy.py", "seen.json"] in words
    assert slow in words
    inherited = json.loads((told.root / "seen.json").read_text())["environment"]
    assert inherited["KEY"] == VALUES["KEY"], "programs have the environment that they were given"
    added = [value for name, value in inherited.items() if os.environ.get(name) != value]
    assert leaks(NEEDLES, added) == [], "and none of what the others gave"


@pytest.mark.parametrize(
    "where", ["emulated", pytest.param("embedded", marks=pytest.mark.exhaustive)]
)
def test_a_process_does_not_tell_what_it_sends(
    told: Project, emulator: Emulator, where: str
) -> None:
    """While a request with the value is on its way, and in embedded mode its answer is made."""
    if where == "embedded":
        told.environment(workspace={"emulator": "embedded"}, record="record.json")
        run = _started(told, "apply", "-e", "dev", "--auto-approve")
        while run.poll() is None and not (told.root / ".provisioner").exists():
            time.sleep(0.01)
    else:
        emulator.fault("POST", ENDPOINTS, times=1, delay_seconds=1.0, effect="none")
        run = _started(told, "apply", "-e", "dev", "--auto-approve")
        while run.poll() is None and not emulator.writes():
            time.sleep(0.01)
    os.kill(run.pid, signal.SIGSTOP)  # or it might be over before it was looked at
    spy = [sys.executable, str(told.root / "spy.py"), str(told.root / "seen.json")]
    subprocess.run(spy, check=True, cwd=told.root)
    assert run.poll() is None
    os.kill(run.pid, signal.SIGCONT)
    _ended(run)
    assert len(_check(told, run)) == 1, "it has no children: the embedded workspace is a thread"


def test_git_is_told_no_secret(told: Project, signed_in: pytest.MonkeyPatch) -> None:
    git = shutil.which("git")
    assert git
    for words in (["init", "-q"], ["add", "endpoints", "environments"], ["commit", "-qm", "one"]):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run([git, *who, *words], cwd=told.root, check=True)
    (told.root / "bin").mkdir()
    stand_in = told.root / "bin" / "git"
    spy = f"{sys.executable} {told.root}/spy.py {told.root}/seen.json"
    stand_in.write_text(f'#!/bin/sh\n{spy}\necho "$@" >> {told.root}/calls\nexec {git} "$@"\n')
    stand_in.chmod(0o700)
    signed_in.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    run = _started(told, "plan", "-e", "dev", "--changed-since", "HEAD")
    _ended(run)
    assert any(str(stand_in) in of_one for of_one in _check(told, run))
    calls = (told.root / "calls").read_text()
    assert "cat-file --batch" in calls
    assert leaks(NEEDLES, [calls]) == []
