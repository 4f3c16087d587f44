"""Speed and calls of a project of 100 endpoints: ``make bench``.

Prints figures and judges none of them: the times belong to the machine. The counts
are asserted by ``tests/cli/test_call_budget.py``.
"""

from __future__ import annotations

import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from benchmarks.project import write_project
from provisioner.diff import compare
from provisioner.emulator import running
from provisioner.plan import desired
from provisioner.project import open_project

ENDPOINTS = 100
COMPARED = 10_000
DELAY = 0.05


def main() -> None:
    with tempfile.TemporaryDirectory() as name, running(clock="instant") as url:
        root = Path(name) / "project"
        write_project(root, ENDPOINTS, url)
        run = Runner(root, Path(name) / "bytecode")
        measure_validate(run)
        measure_plan(run, url)
        measure_compare(root)


class Runner:
    """Starts the command in its project, with a bytecode cache that is always warm."""

    def __init__(self, root: Path, cache: Path) -> None:
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABRICKS_", "PROVISIONER_"))
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environment |= {
            "DATABRICKS_TOKEN": "x",
            "PROVISIONER_PACE": "off",
            "PYTHONPYCACHEPREFIX": str(cache),
        }
        self._root = root

    def __call__(self, *arguments: str) -> str:
        command = [Path(sys.executable).with_name("provisioner"), *arguments]
        return self._run(command)

    def python(self, code: str) -> str:
        return self._run([sys.executable, "-c", code])

    def _run(self, command: list[Any]) -> str:
        done = subprocess.run(
            command, cwd=self._root, env=self._environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def wall(function: Callable[[], object], rounds: int = 7) -> float:
    """Median seconds of a few rounds after one that warms up."""
    return statistics.median(times(function, rounds))


def times(function: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each of a few rounds after one that warms up."""
    function()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return taken


def measure_validate(run: Runner) -> None:
    python = wall(lambda: run.python("pass"))
    taken = times(lambda: run("validate", "-e", "dev"), 15)
    loaded = run.python(
        "import sys; from provisioner.cli.main import main; main(['validate', '-e', 'dev']);"
        "print(any(name.startswith('databricks') for name in sys.modules))"
    )
    print(
        f"validate, {ENDPOINTS} endpoints    {statistics.median(taken):.2f} s"
        f"  (best {min(taken):.2f} s, python alone {python:.2f} s)"
    )
    print(f"  imports databricks.sdk   {'yes' if loaded.split()[-1] == 'True' else 'no'}")


def measure_plan(run: Runner, url: str) -> None:
    admin = f"{url}/__emulator"
    began = time.perf_counter()
    run("apply", "-e", "dev", "--auto-approve")
    print(f"apply, {ENDPOINTS} to create       {time.perf_counter() - began:.2f} s")

    requests.delete(f"{admin}/requests", timeout=10)
    run("plan", "-e", "dev", "--detailed-exitcode")
    asked = requests.get(f"{admin}/requests", timeout=10).json()["requests"]
    kinds = Counter(kind(entry["method"], entry["path"]) for entry in asked)
    print(f"plan, nothing to do        {wall(lambda: run('plan', '-e', 'dev'), 3):.2f} s")
    print(f"  calls                    {', '.join(f'{n} {kind}' for kind, n in kinds.items())}")

    rule: Any = {"match": {"method": "GET", "path": ".*"}, "effect": "none", "delay_seconds": DELAY}
    requests.post(f"{admin}/faults", json=rule, timeout=10)
    slow = wall(lambda: run("plan", "-e", "dev"), 1)
    print(
        f"  each answer {DELAY * 1000:.0f} ms late  {slow:.2f} s"
        f"  (one after another: over {len(asked) * DELAY:.0f} s)"
    )
    requests.delete(f"{admin}/faults", timeout=10)


def kind(method: str, path: str) -> str:
    """What a call is for."""
    if path == "/api/2.0/serving-endpoints":
        return f"{method} list"
    if path.startswith("/api/2.0/serving-endpoints/"):
        return f"{method} endpoint"
    if path.startswith("/api/2.0/permissions/"):
        return f"{method} permissions"
    return "other"


def measure_compare(root: Path) -> None:
    loaded = open_project(root).load("dev")
    wanted = [desired(entry.spec, "bench/dev", entry.where).document for entry in loaded.endpoints]
    live = copy.deepcopy(wanted)
    began = time.process_time()
    for _ in range(COMPARED // len(wanted)):
        for want, have in zip(wanted, live, strict=True):
            if compare(want, have, want).differences:
                sys.exit("equal documents differ")
    print(f"compare, {COMPARED} equal       {time.process_time() - began:.2f} s of CPU")


if __name__ == "__main__":
    main()
