"""A bug of ours is told by its place; its words may hold a secret and are not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from ..conftest import Cli, Project, external, serving
from .canaries import canary, everything, forms, leaks, needles

VALUES = {name: canary(name) for name in ("KEY", "SYNCED", "FILE")}
NEEDLES = needles(VALUES.values())
SAID = " ".join(form for value in VALUES.values() for form in forms(value))


@pytest.fixture
def keys(project: Project, signed_in: pytest.MonkeyPatch) -> Project:
    """A project with a declared value and synced ones."""
    for name in ("KEY", "SYNCED"):
        signed_in.setenv(name, VALUES[name])
    (project.root / "file.txt").write_text(VALUES["FILE"])
    secrets = {"llm/env": "${env:SYNCED}", "llm/file": {"file": "file.txt"}}
    project.environment(record="record.json", secrets=secrets)
    key = external(openai_api_key=None, openai_api_key_plaintext="${env:KEY}")
    project.endpoint("chat", serving(key))
    return project


def _bug(*arguments: Any, **named: Any) -> None:
    raise RuntimeError(f"{SAID} and {arguments} and {named}") from ValueError(SAID)


_CLI = "provisioner.cli"


@pytest.mark.parametrize(
    "traced", [True, pytest.param(False, marks=pytest.mark.exhaustive)], ids=["traced", "told"]
)
@pytest.mark.parametrize(
    ("place", "command"),
    [
        (f"{_CLI}.environment.opening.judge", "plan"),
        (f"{_CLI}.environment.opening.known_secrets", "plan"),
        (f"{_CLI}.environment.session.build", "plan"),
        ("provisioner.record.digest", "plan"),
        (f"{_CLI}.applying.carry_out.apply", "apply --auto-approve"),
        ("provisioner.apply.caller.filled", "-vv apply --auto-approve"),
        ("provisioner.apply.caller.digest", "apply --auto-approve"),
        (f"{_CLI}.asking.proving.judge", "verify"),
        (f"{_CLI}.asking.addressee.outcome", "query chat --prompt x"),
        (f"{_CLI}.commands.secret_sync.gather", "secrets sync --auto-approve"),
        ("provisioner.apply.secret_sync.SyncStep", "secrets sync --auto-approve"),
        ("provisioner.report.terminal.plan", "plan"),
        ("provisioner.report.machine.dump", "drift -o json"),
        ("provisioner.report.html.page", "status -o html"),
        ("provisioner.report.markdown.markdown", "verify -o markdown"),
        ("provisioner.redaction.Redactor.add", "plan"),
    ],
)
def test_what_a_bug_says_is_not_told(
    keys: Project, cli: Cli, signed_in: pytest.MonkeyPatch, place: str, command: str, traced: bool
) -> None:
    if command.startswith(("verify", "query", "status", "drift")):
        cli.apply()
    signed_in.setattr(place, _bug)
    if traced:
        signed_in.setenv("PROVISIONER_TRACEBACK", "1")
    run = cli(*command.split(), "-e", "dev", expect=70)
    assert "bug: RuntimeError at test_bugs.py:" in run.err
    assert ("raise RuntimeError" in run.err) is traced
    assert leaks(NEEDLES, everything(keys.root, [run], keys.root / "file.txt")) == []


_UNCAUGHT = """
    import sys
    from provisioner.cli import run
    from provisioner.cli.syncing import programs

    class Careless:
        def __init__(self, said):
            self.said = said

        def __del__(self):
            raise RuntimeError(self.said)

    said = sys.stdin.read()

    def bug(self):
        Careless(said)
        raise RuntimeError(said)

    programs._Program._listen = bug
    run()
"""


def test_what_nobody_catches_is_not_told_by_python(keys: Project) -> None:
    """A thread's end, and that of an object, which Python tells with all words."""
    keys.environment(secrets={"llm/program": {"command": ["cat", "file.txt"]}})
    words = ["--project", str(keys.root), "secrets", "sync", "-e", "dev", "--dry-run"]
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_UNCAUGHT), *words],
        input=SAID,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr.count("bug: RuntimeError at <string>:") == 2
    assert leaks(NEEDLES, [run.stdout, run.stderr]) == []
