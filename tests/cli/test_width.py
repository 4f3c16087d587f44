"""Text follows the width of the terminal that reads it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence

import pytest

from ..conftest import Cli, Project, external, serving

LONG = "this-is-a-field-with-a-name-that-nobody-would-write"
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def at_terminal(project: Project, columns: int, arguments: Sequence[str], **environ: str) -> str:
    """What a command prints at a terminal with so many columns, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "provisioner", "--project", str(project.root), *arguments]
    running = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env={**os.environ, **environ}
    )
    os.close(follower)
    said = b""
    try:
        while part := os.read(leader, 4096):
            said += part
    except OSError:
        pass  # the other side has ended
    running.wait()
    os.close(leader)
    return _COLOR.sub("", said.decode().replace("\r\n", "\n"))


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.fixture
def wrong(project: Project) -> Project:
    """A project with a problem that takes more than a line."""
    project.endpoint("chat", {**serving(external()), LONG: 1})
    return project


@pytest.mark.usefixtures("signed_in")
def test_problems_are_folded_to_the_terminal(wrong: Project) -> None:
    narrow = at_terminal(wrong, 66, ["validate"])
    assert widest(narrow) <= 66, narrow
    assert re.search(r"(?m)^endpoints/chat\.yaml:\d+:1: error\[unknown-key\]: ", narrow)
    wide = at_terminal(wrong, 110, ["validate"])
    assert 80 < widest(wide) <= 110, wide
    assert narrow.split() == wide.split()
    assert at_terminal(wrong, 66, ["validate"], COLUMNS="110") == wide


@pytest.mark.usefixtures("signed_in")
def test_no_terminal_is_too_narrow_or_too_wide(project: Project) -> None:
    explained = ["explain", "traffic-sum"]
    assert 20 < widest(at_terminal(project, 20, explained)) <= 60
    assert widest(at_terminal(project, 300, explained)) <= 120


@pytest.mark.usefixtures("wrong")
def test_a_program_gets_a_problem_on_one_line(cli: Cli) -> None:
    run = cli("validate", expect=4)
    line = next(line for line in run.err.splitlines() if LONG in line)
    assert line.startswith("endpoints/chat.yaml:")
    assert len(line) > 80
