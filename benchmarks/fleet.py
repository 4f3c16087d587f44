"""Drift of 20 workspaces of 50 endpoints in one command: ``python -m benchmarks.fleet``.

Prints wall time, calls and peak memory, and judges none of them. The emulated
workspaces run in a process of their own and share the machine with the command.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.bench import kind
from benchmarks.project import write_project
from provisioner.emulator import running

WORKSPACES = 20
ENDPOINTS = 50
DELAY = 0.05


def main() -> None:
    if "serve" in sys.argv:
        serve()
        return
    with tempfile.TemporaryDirectory() as name, served() as urls:
        root = Path(name) / "project"
        environment = prepare(root, urls)
        measure(root, environment, urls, "answers at once")
        rule: Any = {"match": {"method": "GET", "path": ".*"}, "effect": "none"}
        for url in urls:
            requests.post(
                f"{url}/__emulator/faults", json={**rule, "delay_seconds": DELAY}, timeout=10
            )
        measure(root, environment, urls, f"each answer {DELAY * 1000:.0f} ms late")


def serve() -> None:
    """Serve all workspaces until stdin ends."""
    with ExitStack() as stack:
        urls = [stack.enter_context(running(clock="instant")) for _ in range(WORKSPACES)]
        print(json.dumps(urls), flush=True)
        sys.stdin.read()


@contextmanager
def served() -> Iterator[list[str]]:
    command = [sys.executable, "-m", "benchmarks.fleet", "serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        if server.stdin and server.stdout:
            yield json.loads(server.stdout.readline())
            server.stdin.close()


def prepare(root: Path, urls: list[str]) -> dict[str, str]:
    """Apply to the first workspace, and make the others alike."""
    write_project(root, ENDPOINTS, urls[0])
    (root / "environments/dev.yaml").unlink()
    profiles = root / "profiles"
    profiles.write_text(
        "".join(f"[e{n:02}]\nhost = {url}\ntoken = x\n" for n, url in enumerate(urls))
    )
    for number, url in enumerate(urls):
        (root / f"environments/e{number:02}.yaml").write_text(
            f"project: bench\nworkspace: {{host: '{url}', profile: e{number:02}}}\n"
            f"record: record-e{number:02}.json\n"
        )
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABRICKS_", "PROVISIONER_"))
    }
    environment |= {"DATABRICKS_CONFIG_FILE": str(profiles), "PROVISIONER_PACE": "off"}
    run(root, environment, "apply", "-e", "e00", "--auto-approve")
    document = requests.get(f"{urls[0]}/__emulator/export", timeout=60).text
    record = (root / "record-e00.json").read_text()
    for number, url in enumerate(urls[1:], 1):
        owner = f"bench/e{number:02}"
        body = document.replace("bench/e00", owner).encode()
        requests.post(f"{url}/__emulator/seed", data=body, timeout=60).raise_for_status()
        copy = root / f"record-e{number:02}.json"
        copy.write_text(record.replace("bench/e00", owner))
    return environment


def measure(root: Path, environment: dict[str, str], urls: list[str], title: str) -> None:
    for url in urls:
        requests.delete(f"{url}/__emulator/requests", timeout=10)
    began = time.perf_counter()
    done, used = run(root, environment, "drift", "-e", "all", "-o", "json")
    wall = time.perf_counter() - began
    asked = [
        entry
        for url in urls
        for entry in requests.get(f"{url}/__emulator/requests", timeout=60).json()["requests"]
    ]
    kinds = Counter(kind(entry["method"], entry["path"]) for entry in asked)
    answer = json.loads(done)
    print(f"drift of {WORKSPACES} x {ENDPOINTS}, {title}")
    print(f"  wall time   {wall:.2f} s  (CPU {used.ru_utime + used.ru_stime:.2f} s)")
    print(f"  calls       {len(asked)}: {', '.join(f'{n} {what}' for what, n in kinds.items())}")
    print(f"  peak memory {used.ru_maxrss / 1024:.0f} MiB")
    print(f"  found       {answer['summary']['in_sync']} in sync, exit {answer['exit_code']}")


def run(
    root: Path, environment: dict[str, str], *arguments: str
) -> tuple[str, resource.struct_rusage]:
    """What a command answers, and what it used."""
    tool = str(Path(sys.executable).with_name("provisioner"))
    command = [tool, "--project", str(root), *arguments]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, cwd=root, env=environment, stdout=out, stderr=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
    if child.returncode:
        sys.exit(f"{command} ended with {child.returncode}\n{text[-2000:]}")
    return text[text.find("{\n") :], used


if __name__ == "__main__":
    main()
