"""The whole round on an emulated workspace, in a copy of this project: ``make demo``.

Plain Python on purpose: it starts the real command and looks at its exit codes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("provisioner")
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="provisioner-demo-") as folder:
        project = Path(folder)
        for name in ("endpoints", "environments"):
            shutil.copytree(ROOT / name, project / name)
        play(project)
    print(f"\n{BOLD}All as promised{PLAIN}, in {time.monotonic() - began:.0f} s.")


def play(project: Path) -> None:
    say("The files, without any workspace")
    run(project, "validate")

    say("A new workspace: everything is to be made")
    run(project, "plan -e local --detailed-exitcode", code=2, show=ends(12, 2))
    run(project, "apply -e local --auto-approve", show=ends(0, 1))
    run(project, "plan -e local --detailed-exitcode")

    say("Does everything answer?")
    run(project, "verify -e local", show=ends(0, 6))
    run(project, "query assistant-chat -e local --prompt Hello", together=True)

    say("Somebody changes a rate limit by hand")
    with emulator(project) as url:
        by_hand(url)
    drift = run(project, "drift -e local", code=2)
    expect("ai_gateway.rate_limits[user].calls" in drift, "drift names the field")
    expect(" in sync, 1 drifted." in drift, "drift finds nothing else")

    say("Back to what is declared")
    run(project, "apply -e local --auto-approve", together=True)
    run(project, "drift -e local")


def say(text: str) -> None:
    print(f"\n{BOLD}# {text}{PLAIN}\n", flush=True)


def expect(fact: bool, promise: str) -> None:
    if not fact:
        sys.exit(f"demo failed: not true that {promise}")


def everything(text: str) -> str:
    return text


def ends(head: int, tail: int) -> Any:
    """Shows the first and the last lines only."""

    def shown(text: str) -> str:
        lines = text.splitlines(keepends=True)
        left_out = len(lines) - head - tail
        note = f"{DIM}[... {left_out} lines]{PLAIN}\n"
        return "".join((*lines[:head], note, *lines[-tail:])) if left_out > 1 else text

    return shown


def run(
    project: Path, arguments: str, code: int = 0, show: Any = everything, together: bool = False
) -> str:
    """Run one command in the project, show it, and insist on its exit code.

    Progress is shown as it comes, or ``together`` with the answer in its place.
    """
    print(f"{BOLD}$ provisioner {arguments}{PLAIN}", flush=True)
    done = subprocess.run(
        [COMMAND, *arguments.split()],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else None,
        text=True,
        check=False,
    )
    print(show(done.stdout), end="")
    print(f"{DIM}exit code {done.returncode}{PLAIN}\n", flush=True)
    expect(done.returncode == code, f"`provisioner {arguments}` ends with {code}")
    return done.stdout


def environment() -> dict[str, str]:
    """The environment without what would lead to another workspace or project."""
    ours = ("PROVISIONER_", "DATABRICKS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def emulator(project: Path) -> Iterator[str]:
    """The project's embedded workspace, served for somebody else."""
    state = project / ".provisioner" / "workspace.json"
    command = [str(COMMAND), "emulator", "serve", "--state", str(state)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True)
    try:
        assert server.stdout
        line = server.stdout.readline()
        expect(line.startswith("listening on "), "the emulator listens")
        yield line.split()[-1]
    finally:
        server.terminate()
        server.communicate(timeout=20)
    expect(server.returncode == 0, "the emulator stops in peace")


def by_hand(url: str) -> None:
    """Let every user of the assistant make 500 calls a minute."""
    path = "/api/2.0/serving-endpoints/assistant-chat"
    gateway = request("GET", f"{url}{path}")["ai_gateway"]
    for limit in gateway["rate_limits"]:
        if limit["key"] == "user":
            print(f"PUT {path}/ai-gateway: calls of a user {limit['calls']} -> 500\n")
            limit["calls"] = 500
    request("PUT", f"{url}{path}/ai-gateway", gateway)


def request(method: str, url: str, body: Any = None) -> Any:
    """One call to the REST API."""
    call = urllib.request.Request(  # noqa: S310 - the emulator's own address
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer anybody", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main()
