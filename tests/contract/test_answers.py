"""What hosted models were seen to do, asked of the emulator, or of a real workspace.

With PROVISIONER_LIVE=1, DATABRICKS_HOST and DATABRICKS_TOKEN it asks a real one: a few short
requests to the two endpoints below. Nothing is created.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient

from tests.contract.test_sdk_typed_client import client, live, url

__all__ = ["client", "url"]  # fixtures

CHAT = "databricks-meta-llama-3-3-70b-instruct"
EMBEDDINGS = "databricks-gte-large-en"
HELLO = [{"role": "user", "content": "Reply with the single word: ok"}]

pytestmark = live


@pytest.fixture
def ask(client: WorkspaceClient) -> Any:
    host = client.config.host

    def post(path: str, **body: Any) -> requests.Response:
        headers = client.config.authenticate()
        return requests.post(
            f"{host}/serving-endpoints/{path}", json=body, headers=headers, timeout=120
        )

    return post


def test_chat(ask: Any) -> None:
    answer = ask(f"{CHAT}/invocations", messages=HELLO, max_tokens=20)
    assert answer.status_code == 200, answer.text
    assert answer.headers["served-model-name"] == CHAT
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["role"] == "assistant"
    assert isinstance(body["choices"][0]["message"]["content"], str)
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("path", ["chat/completions", "v1/chat/completions"])
def test_openai_paths(ask: Any, path: str) -> None:
    assert ask(path, model=CHAT, messages=HELLO, max_tokens=5).status_code == 200


def test_a_stream_counts_in_every_chunk(ask: Any) -> None:
    answer = ask(f"{CHAT}/invocations", messages=HELLO, max_tokens=20, stream=True)
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert counts == sorted(counts)
    assert chunks[-1]["choices"][0]["finish_reason"] in ("stop", "length")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"stream": True, "stream_options": {"include_usage": True}}, 'field "stream_options"'),
        ({"seed": 1}, 'json: unknown field "seed"'),
        ({"max_completion_tokens": 5}, 'json: unknown field "max_completion_tokens"'),
        ({"n": 2, "stream": True}, '"n" must be equal to 1 for streaming mode'),
    ],
)
def test_refusals(ask: Any, body: Any, words: str) -> None:
    answer = ask(f"{CHAT}/invocations", messages=HELLO, **body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert words in answer.json()["message"]


def test_embeddings(ask: Any) -> None:
    answer = ask("embeddings", model=EMBEDDINGS, input=["a", "b"], encoding_format="base64")
    vectors = [item["embedding"] for item in answer.json()["data"]]
    assert [len(vector) for vector in vectors] == [1024, 1024]
    assert abs(math.hypot(*vectors[0]) - 1) > 0.001
    refused = ask("embeddings", model=EMBEDDINGS, input="a", dimensions=8)
    assert 'unknown field "dimensions"' in refused.json()["message"]


def test_nobody(ask: Any) -> None:
    answer = ask("provisioner-contract-nobody/invocations", messages=HELLO)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
