"""Every snippet is run as it is printed: other people's clients against the emulator.

`openai`, `mlflow` (skinny), `databricks-sdk` and `curl` are the real ones; LangChain is
langchain-openai behind the names of databricks-langchain, see `stand_ins`.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from provisioner.emulator import running
from provisioner.snippets import Snippet, Use

from ..pure.test_snippets import DECLARED, TABLE, made

pytestmark = pytest.mark.exhaustive

ONLY_ON_PAPER = {"fine-tuned"}
"""What it can do is unknown, also to the emulator."""
IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DRIVER = """
import runpy, sys
for path in sys.argv[1:]:
    print("###", path)
    runpy.run_path(path, run_name="__main__")
"""
SAYS: dict[Use, str] = {
    "chat": "emulated",
    "completions": "emulated",
    "embeddings": "1024",
    "reasoning": "emulated",
    "vision": "emulated",
    "tools": "get_weather",
    "structured": '"age"',
    "records": "[",
}
"""What has to stand in what a snippet prints."""


def post(url: str, path: str, body: Any) -> None:
    answer = requests.post(
        f"{url}/api/2.0/{path}", json=body, headers={"Authorization": "Bearer t"}, timeout=10
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def workspace() -> Iterator[str]:
    with running(clock="instant") as url:
        post(url, "secrets/put", {"scope": "llm", "key": "key", "string_value": "emulated"})
        for name, entity in DECLARED.items():
            if name in ONLY_ON_PAPER:
                continue
            body = {"name": name, "config": {"served_entities": [entity]}}
            post(url, "serving-endpoints", body)
        yield url


def environment(url: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DATABRICKS_")}
    return {
        **inherited,
        "DATABRICKS_HOST": url,
        "DATABRICKS_TOKEN": "t",
        "DO_NOT_TRACK": "true",
        "PYTHONPATH": str(Path(__file__).with_name("stand_ins")),
    }


def snippets(client: str) -> dict[tuple[str, Use], Snippet]:
    return {
        (name, use): code
        for name in TABLE.keys() - ONLY_ON_PAPER
        for use, code in made(name, client).items()
    }


def run(command: list[str], url: str, folder: Path, text: str = "") -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(url), input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("client", ["openai", "mlflow", "sdk", "langchain"])
def test_python(client: str, workspace: str, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(IMAGE)
    codes = snippets(client)
    for (name, use), code in codes.items():
        (tmp_path / f"{name}--{use}.py").write_text(code.text, "utf-8")
    files = sorted(path.name for path in tmp_path.glob("*.py"))
    parts = run([sys.executable, "-c", DRIVER, *files], workspace, tmp_path).split("### ")[1:]
    said = {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}
    assert len(said) == len(codes)
    for name, use in codes:
        assert SAYS[use] in said[f"{name}--{use}.py"]


def test_curl(workspace: str, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(IMAGE)
    for (_, use), code in snippets("rest").items():
        said = run(["bash", "-s"], workspace, tmp_path, code.text)
        expected = {"embeddings": '"embedding"', "structured": "age", "records": '"predictions"'}
        assert expected.get(use, SAYS[use]) in said
