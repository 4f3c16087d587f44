"""What a plan costs in calls, and validation in imports; `make bench` has the times."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.bench import kind
from benchmarks.project import write_project
from tests.conftest import Emulator, invoke

COUNT = 100


@pytest.fixture
def root(tmp_path: Path, emulator: Emulator) -> Path:
    """A project of a hundred endpoints."""
    folder = tmp_path / "project"
    write_project(folder, COUNT, emulator.url)
    return folder


def test_a_plan_of_a_hundred_endpoints_reads_each_once(
    root: Path, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("PROVISIONER_PACE", "off")
    arguments = ["--project", str(root)]
    applied = invoke([*arguments, "apply", "-e", "dev", "--auto-approve"])
    assert applied.code == 0, applied.err
    emulator.forget()
    plan = invoke([*arguments, "plan", "-e", "dev", "--detailed-exitcode"])
    assert plan.code == 0, plan.out

    asked = emulator.requests()
    kinds = Counter(kind(entry["method"], entry["path"]) for entry in asked)
    assert kinds.pop("GET list") == 1
    assert kinds.pop("GET endpoint") == COUNT
    assert kinds.pop("GET permissions") == COUNT
    assert kinds.pop("other", 0) <= 10
    assert not kinds, "a plan writes nothing"
    twice = [path for path, n in Counter(entry["path"] for entry in asked).items() if n > 1]
    assert not twice


NEEDLESS = """
databricks requests urllib3 deepdiff rich starlette uvicorn jinja2 jsonschema ruamel
importlib.metadata asyncio concurrent.futures json
provisioner.catalog.serving provisioner.catalog.models provisioner.catalog.failures
provisioner.rules.explained provisioner.plan provisioner.wire provisioner.workspace
provisioner.emulator
"""
"""Modules that take long to load, and that a project without mistakes is judged without."""


def test_validate_loads_only_what_it_needs(root: Path) -> None:
    code = f"""
import sys
from provisioner.cli import run
sys.argv[1:] = ["--project", {str(root)!r}, "validate", "-e", "dev"]
try:
    run()
except SystemExit as end:
    print(end.code, *sorted(set({NEEDLESS.split()}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["dev: 100 endpoints valid", "0"]
