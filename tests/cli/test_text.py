"""How text looks: its width, its colours, and what is on which stream."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ..conftest import Cli, Emulator, Project, external, serving

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b["


def test_80_columns_are_enough_for_the_sample(
    tmp_path: Path,
    emulator: Emulator,
    signed_in: pytest.MonkeyPatch,  # noqa: ARG001
) -> None:
    root = tmp_path / "sample"
    for folder in ("endpoints", "environments"):
        shutil.copytree(ROOT / folder, root / folder)
    local = yaml.safe_load((root / "environments" / "local.yaml").read_text())
    local["workspace"] = {"host": emulator.url}
    (root / "environments" / "dev.yaml").write_text(yaml.safe_dump(local))
    cli = Cli(root)
    runs = [cli("validate"), cli("plan", "-e", "dev"), cli.apply(), cli("plan", "-e", "dev")]
    add = {"add_tags": [{"key": "team", "value": "somebody-else"}]}
    emulator.call("PATCH", "/api/2.0/serving-endpoints/assistant-chat/tags", add)
    runs += [cli("drift", "-e", "dev", "--unmanaged"), cli("plan", "-e", "dev"), cli.apply()]
    lines = [line for run in runs for line in (run.out + run.err).splitlines()]
    assert len(lines) > 100
    # The last line of a plan is a contract, and addresses cannot be broken.
    free = re.compile(r"Plan: |\s+http://")
    assert [line for line in lines if len(line) > 80 and not free.match(line)] == []


@pytest.mark.parametrize(
    ("options", "no_color", "coloured"),
    [
        ([], "", False),
        (["--color", "always"], "", True),
        (["--color", "always"], "1", True),
        (["--color", "never"], "", False),
        ([], "1", False),
    ],
)
@pytest.mark.parametrize("command", ["plan -e dev", "plan -e nowhere", "validate"])
def test_colours_where_nobody_looks(
    project: Project,
    cli: Cli,
    signed_in: pytest.MonkeyPatch,
    options: list[str],
    no_color: str,
    coloured: bool,
    command: str,
) -> None:
    project.endpoint("e", serving(external(openai_organization=5)))
    if command == "plan -e dev":
        project.endpoint("e", serving(external()))
    signed_in.setenv("NO_COLOR", no_color)
    run = cli(*options, *command.split())
    assert (ESCAPE in run.out + run.err) is coloured


def _at_a_terminal(cli: Cli, *arguments: str) -> str:
    """What a person sees, stdout and stderr on one terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "provisioner", "--project", str(cli.root), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # how Linux says that the other side has closed
        pass
    finally:
        os.close(ours)
        process.wait(10)
    return seen.decode()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_at_a_terminal(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch, no_color: str
) -> None:
    project.endpoint("e", serving(external()))
    signed_in.setenv("TERM", "xterm-256color")
    signed_in.setenv("NO_COLOR", no_color)
    plan = _at_a_terminal(cli, "plan", "-e", "dev")
    broken = _at_a_terminal(cli, "plan", "-e", "nowhere")
    assert "Plan: 1 to create" in plan
    assert (ESCAPE in plan) is (not no_color)
    assert (ESCAPE in broken) is (not no_color)


def test_the_answer_is_alone_on_stdout(project: Project, cli: Cli) -> None:
    project.endpoint("e", serving(external()))
    run = cli("apply", "-e", "dev", "--auto-approve", "-o", "json", expect=0)
    assert run.json["summary"]["done"] == 1
    assert "e: creating" in run.err
    failed = cli("plan", "-e", "nowhere", expect=4)
    assert failed.out == ""


def test_control_characters_of_a_value_do_not_reach_the_terminal(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), tags={"a": "1"})
    cli.apply()
    add = {"add_tags": [{"key": "a", "value": "\x1b]0;owned\x07\u202e"}]}
    emulator.call("PATCH", "/api/2.0/serving-endpoints/e/tags", add)
    for command in ("plan", "drift"):
        out = cli(command, "-e", "dev").out
        assert "owned" in out
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
