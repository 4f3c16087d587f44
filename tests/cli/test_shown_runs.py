"""The runs that the documents show, played: what stands there is what is printed.

``[...]`` in a block stands for lines that it leaves out.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.cli.main import main

from ..conftest import ENDPOINTS, Cli, Emulator, external, serving
from ..test_docs import FOR_USERS, ROOT, yaml_files

_WORKSPACE = "workspace:\n  emulator: embedded\n"
_PROGRESS = re.compile(r"^(signed in|    user@|[\w-]+: (creat|updat|retir|waiting)).*\n", re.M)


@dataclass
class Player:
    """Plays the runs of one document in their order, in a project that its story changes."""

    cli: Cli
    emulator: Emulator
    blocks: list[str]

    def write(self, file: str, text: str) -> None:
        """A file of the project; the built-in workspace is the one of the tests."""
        path = self.cli.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(_WORKSPACE, f"workspace: {{host: '{self.emulator.url}'}}\n"))

    def shown(self, name: str) -> None:
        """The files that a document shows."""
        for file, text in yaml_files(name):
            self.write(file, text)

    def sample(self) -> None:
        """The files of the repository instead."""
        shutil.rmtree(self.cli.root)
        for path in [*ROOT.glob("endpoints/*.yaml"), *ROOT.glob("environments/*.yaml")]:
            self.write(str(path.relative_to(ROOT)), path.read_text("utf-8"))
        self.apply()

    def apply(self) -> None:
        self.cli("apply", "-e", "local", "--auto-approve", expect=0)

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.cli.root / file
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after))

    def limit_by_hand(self, endpoint: str, calls: int) -> None:
        """Somebody lets every user make more calls."""
        gateway = self.emulator.endpoint(endpoint)["ai_gateway"]
        [limit] = [limit for limit in gateway["rate_limits"] if limit["key"] == "user"]
        limit["calls"] = calls
        self.emulator.call("PUT", f"{ENDPOINTS}/{endpoint}/ai-gateway", gateway)

    def play(self) -> None:
        """The next block: every command in it prints what stands below it."""
        block = self.blocks.pop(0)
        for line, expected in re.findall(r"^\$ provisioner (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            said = self._said(shlex.split(line))
            head, _, tail = _measured(expected).rstrip("\n").partition("[...]\n")
            shown = said.startswith(head) and said.endswith(tail) if tail else said == head
            assert shown, f"\n$ provisioner {line}\n{said}\n"

    def _said(self, arguments: list[str]) -> str:
        """Answer, problems and an exit code that is not 0: what is left at a terminal."""
        terminal = io.StringIO()
        with redirect_stdout(terminal), redirect_stderr(terminal):
            code = main(["--project", str(self.cli.root), *arguments])
        text = _PROGRESS.sub("", terminal.getvalue()) + f"exit code {code}\n" * (code != 0)
        text = text.replace(self.emulator.url, "embedded")
        return _measured(re.sub(r"^ +embedded/.*\n", "", text, flags=re.M)).rstrip("\n")


def _measured(text: str) -> str:
    """Text without the times that were measured."""
    return re.sub(r"\b\d+ ms\b", "N ms", text)


def _readme(player: Player) -> None:
    player.sample()
    player.limit_by_hand("assistant-chat", 500)
    player.play()
    shutil.rmtree(player.cli.root)
    player.shown("README.md")
    player.play()
    player.apply()
    player.edit("endpoints/chat.yaml", "calls: 20", "calls: 40")
    player.play()
    player.edit("endpoints/chat.yaml", "renewal_period", "renewal_perod")
    player.play()


def _drift(player: Player) -> None:
    player.apply()
    player.limit_by_hand("chat", 500)
    player.play()
    player.play()


def _plan_and_apply(player: Player) -> None:
    player.apply()
    player.limit_by_hand("chat", 500)
    player.edit("endpoints/chat.yaml", "        name: gpt-4o", "        name: gpt-4o-mini")
    player.edit("endpoints/chat.yaml", "name: chat\n", "name: chat\ndescription: For all\n")
    player.play()
    player.play()


def _adopt_and_retire(player: Player) -> None:
    player.apply()
    for name, calls in ("team-answers", 20), ("team-drafts", 5):
        limit = {"key": "user", "renewal_period": "minute", "calls": calls}
        served = {"config": serving(external())["config"]}
        body = {"name": name, **served, "ai_gateway": {"rate_limits": [limit]}}
        player.emulator.call("POST", ENDPOINTS, body)
    player.play()
    record = player.cli.root / ".provisioner/local.json"
    remembered = record.read_bytes()
    shutil.rmtree(player.cli.root)
    player.shown("README.md")
    record.parent.mkdir(exist_ok=True)
    record.write_bytes(remembered)
    (player.cli.root / "endpoints/chat.yaml").unlink()
    player.play()


def _secrets(player: Player) -> None:
    player.apply()
    body = {"scope": "llm", "key": "openai_api_key", "string_value": "new"}
    player.emulator.call("POST", "/api/2.0/secrets/put", body)
    player.play()


def _query_and_verify(player: Player) -> None:
    player.sample()
    player.play()
    condition = {"endpoint": "assistant-chat", "entity": "claude-sonnet"}
    player.emulator.admin("PUT", "conditions", condition | {"condition": "provider_rejected_key"})
    player.play()


def _rollouts(player: Player) -> None:
    player.shown("docs/rollouts.md")
    player.edit("endpoints/churn.yaml", "churn-2", "churn-1")
    player.edit("endpoints/churn.yaml", "entity_version: 2", "entity_version: 1")
    player.apply()
    player.shown("docs/rollouts.md")
    player.play()


def _client_code(player: Player) -> None:
    player.sample()
    player.play()


def _validate(player: Player) -> None:
    player.play()
    player.edit("endpoints/chat.yaml", "key: user", "key: User")
    player.edit("endpoints/chat.yaml", "renewal_period", "renewal_perod")
    player.play()


STORIES: dict[str, Callable[[Player], None]] = {
    "README.md": _readme,
    "docs/adopt-and-retire.md": _adopt_and_retire,
    "docs/client-code.md": _client_code,
    "docs/drift.md": _drift,
    "docs/plan-and-apply.md": _plan_and_apply,
    "docs/query-and-verify.md": _query_and_verify,
    "docs/rollouts.md": _rollouts,
    "docs/secrets.md": _secrets,
    "docs/validate.md": _validate,
}


def _blocks(name: str) -> list[str]:
    return re.findall(r"```console\n(.*?)```", FOR_USERS[name], re.S)


@pytest.mark.parametrize("name", [name for name in FOR_USERS if _blocks(name)])
def test_what_is_shown_is_what_is_printed(
    name: str, tmp_path: Path, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("COLUMNS", "80")
    player = Player(Cli(tmp_path / "my-endpoints"), emulator, _blocks(name))
    player.shown("README.md")
    STORIES[name](player)
    assert not player.blocks
