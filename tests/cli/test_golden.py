"""Whole runs of the command line, word for word.

``golden/<case>.yaml`` is a script on the project in ``golden/_project``, ``golden/<case>.txt``
what it printed and sent: lines of stdout as they are, of stderr after ``! ``, requests that
write after ``> ``. ``PROVISIONER_UPDATE_GOLDEN=1`` rewrites the expectations; read the
difference before it is committed.

A script is a list of steps, each a map with one of these keys:

    run      a command line; `dev` stands for `-e dev`
    edit     {file, from, to}: replace text in a file of the project
    write    {file: content}
    remove   a file
    env      {NAME: value}; null removes one
    hand     [method, path, body]: a change by somebody else
    fault, build, seed, clock: for the emulated workspace
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..conftest import ENDPOINTS, PERMISSIONS, Emulator, invoke

FOLDER = Path(__file__).parent / "golden"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
UPDATE = os.environ.get("PROVISIONER_UPDATE_GOLDEN") == "1"


@contextmanager
def chdir(folder: Path) -> Iterator[None]:
    """Work in another folder for a moment."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Player:
    """Plays a script and writes down what happened."""

    def __init__(self, root: Path, emulator: Emulator, patch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._emulator = emulator
        self._patch = patch

    def play(self, steps: list[dict[str, Any]]) -> Iterator[str]:
        for step in steps:
            [(kind, what)] = step.items()
            if kind == "run":
                yield from self._run(what)
            else:
                getattr(self, f"_{kind}")(what)

    def _run(self, line: str) -> Iterator[str]:
        self._emulator.forget()
        arguments = shlex.split(re.sub(r"\bdev\b", "-e dev", line))
        with chdir(self._root):
            run = invoke(["--project", str(self._root), *arguments])
        yield f"$ provisioner {line}"
        yield from self._masked(run.out)
        yield from (f"! {text}".rstrip() for text in sorted_progress(self._masked(run.err)))
        yield from sorted(self._sent())
        yield f"exit {run.code}"
        yield ""

    def _masked(self, text: str) -> list[str]:
        text = text.replace(str(self._root), "PROJECT").replace(self._emulator.url, "HOST")
        text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
        text = re.sub(r'"((live_)?fingerprint|digest)": "[0-9a-f]{24}"', r'"\1": "DIGEST"', text)
        text = re.sub(r'"changed_at": [0-9]+', '"changed_at": WHEN', text)
        return text.splitlines()

    def _sent(self) -> Iterator[str]:
        """Requests that write, by endpoint: several go side by side."""
        for entry in self._emulator.writes():
            path = entry["path"].replace(ENDPOINTS, "").replace(PERMISSIONS, "permissions ")
            body = json.dumps(entry["body"], sort_keys=True) if entry["body"] else ""
            line = f"> {entry['method']} {path} {body} {entry['status'] or 'no answer'}"
            yield re.sub(r"[0-9a-f]{32}", "ID", " ".join(line.split()))

    def _path(self, name: str) -> Path:
        return self._root / name

    def _edit(self, what: dict[str, str]) -> None:
        path = self._path(what["file"])
        text = path.read_text()
        assert what["from"] in text
        path.write_text(text.replace(what["from"], what["to"]))

    def _write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            self._path(name).write_text(content.replace("HOST", self._emulator.url))

    def _remove(self, name: str) -> None:
        self._path(name).unlink()

    def _env(self, values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                self._patch.delenv(name)
            else:
                self._patch.setenv(name, value)

    def _hand(self, call: list[Any]) -> None:
        self._emulator.call(*call)

    def _fault(self, rule: Any) -> None:
        self._emulator.admin("POST", "faults", rule)

    def _build(self, rule: Any) -> None:
        self._emulator.admin("POST", "builds", rule)

    def _seed(self, document: Any) -> None:
        self._emulator.seed(**document)

    def _calm(self, _: Any) -> None:
        self._emulator.admin("DELETE", "faults")
        self._emulator.admin("DELETE", "builds")


def sorted_progress(lines: list[str]) -> list[str]:
    """Progress of endpoints that go side by side, each endpoint's lines together."""
    progress = re.compile(r"([a-z]+): (?!error|warning)")
    of_endpoints = [line for line in lines if progress.match(line)]
    rest = [line for line in lines if not progress.match(line)]
    return sorted(of_endpoints, key=lambda line: line.split(":")[0]) + rest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is always as long, since long lines are broken where they end."""
    with tempfile.TemporaryDirectory(prefix="golden-", dir="/tmp") as path:
        yield Path(path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_golden(name: str, folder: Path, emulator: Emulator, signed_in: pytest.MonkeyPatch) -> None:
    root = folder / "project"
    shutil.copytree(FOLDER / "_project", root)
    dev = root / "environments" / "dev.yaml"
    dev.write_text(dev.read_text().replace("HOST", emulator.url))
    steps = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    found = "\n".join(Player(root, emulator, signed_in).play(steps))
    expected = FOLDER / f"{name}.txt"
    if UPDATE:
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")


def test_every_expectation_has_its_script() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == SCRIPTS
