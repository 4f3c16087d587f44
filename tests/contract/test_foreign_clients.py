"""Clients that others wrote, unchanged, ask endpoints: MLflow, LangChain, curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.emulator import running
from tests.emulator.conftest import Api, custom, external
from tests.emulator.test_inference import completions_entity
from tests.emulator.test_inference_modes import PERSON, block, png, tool

pytestmark = [
    pytest.mark.exhaustive,
    # Their own warnings are theirs.
    pytest.mark.filterwarnings("ignore"),
]

LLAMA = "databricks-meta-llama-3-3-70b-instruct"
CLAUDE = "databricks-claude-3-7-sonnet"
HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(clock="instant") as address:
        yield address


@pytest.fixture
def api(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("DATABRICKS_HOST", url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi")
    api = Api(url)
    api.admin("POST", "reset")
    with api.session:
        api.create("bot", external("gpt"))
        api.create("text", completions_entity())
        api.create("churn", custom())
        yield api


# MLflow.


@pytest.fixture
def mlflow(api: Api) -> Any:  # noqa: ARG001
    deployments = pytest.importorskip("mlflow.deployments")
    return deployments.get_deploy_client("databricks")


def test_mlflow_predict(mlflow: Any) -> None:
    chat = mlflow.predict(endpoint=LLAMA, inputs={"messages": HELLO, "max_tokens": 20})
    assert chat["choices"][0]["message"]["content"].startswith("[emulated]")
    # The founding sample of completions: several texts of one prompt.
    inputs = {"prompt": "Once", "temperature": 0.1, "max_tokens": 10, "n": 2}
    assert len(mlflow.predict(endpoint="text", inputs=inputs)["choices"]) == 2
    vectors = mlflow.predict(endpoint="databricks-bge-large-en", inputs={"input": ["a", "b"]})
    assert len(vectors["data"]) == 2
    frame = {"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}
    assert len(mlflow.predict(endpoint="churn", inputs=frame)["predictions"]) == 2


def test_mlflow_streams(mlflow: Any) -> None:
    chunks = list(mlflow.predict_stream(endpoint=LLAMA, inputs={"messages": HELLO}))
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert text.startswith("[emulated]")


def test_mlflow_thinks_and_looks(mlflow: Any) -> None:
    content = [{"type": "text", "text": "?"}, block(png(100, 100))]
    inputs = {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 500,
        "thinking": {"type": "enabled", "budget_tokens": 100},
    }
    answer = mlflow.predict(endpoint=CLAUDE, inputs=inputs)
    kinds = [part["type"] for part in answer["choices"][0]["message"]["content"]]
    assert kinds == ["reasoning", "text"]


def test_mlflow_sees_the_error(mlflow: Any) -> None:
    with pytest.raises(Exception, match="unknown field"):
        mlflow.predict(endpoint=LLAMA, inputs={"messages": HELLO, "seed": 1})


# LangChain. ChatDatabricks of databricks-langchain brings too much along; this is its base class.


@pytest.fixture
def chat(api: Api) -> Any:
    langchain = pytest.importorskip("langchain_openai")
    base = f"{api.url}/serving-endpoints"
    return lambda model, **more: langchain.ChatOpenAI(
        model=model, base_url=base, api_key="dapi", max_retries=0, **more
    )


def test_langchain_chats(chat: Any) -> None:
    # It renames max_tokens, and hosted models do not know the new name, in the service either.
    with pytest.raises(Exception, match='unknown field "max_completion_tokens"'):
        chat(LLAMA, max_tokens=50).invoke("Hello")
    answer = chat(LLAMA, extra_body={"max_tokens": 50}).invoke("Hello")
    assert answer.content.startswith("[emulated]")
    assert answer.usage_metadata["output_tokens"] == 50
    text = "".join(chunk.content for chunk in chat(LLAMA).stream("Hello"))
    assert text.startswith("[emulated]")


def test_langchain_calls_tools(chat: Any) -> None:
    (call,) = chat(LLAMA).bind_tools([tool()]).invoke("the weather in Rome?").tool_calls
    assert call["name"] == "get_weather"
    assert isinstance(call["args"]["city"], str)


def test_langchain_structures(chat: Any) -> None:
    schema = PERSON | {"title": "Person", "description": "Somebody"}
    made = chat(LLAMA).with_structured_output(schema, method="json_schema").invoke("Hello")
    assert 18 <= made["age"] <= 21


def test_langchain_embeds(api: Api) -> None:
    langchain = pytest.importorskip("langchain_openai")
    embeddings = langchain.OpenAIEmbeddings(
        model="databricks-bge-large-en",
        base_url=f"{api.url}/serving-endpoints",
        api_key="dapi",
        check_embedding_ctx_length=False,  # else it sends tokens of its own counting
    )
    vectors = embeddings.embed_documents(["a", "b"])
    assert [len(vector) for vector in vectors] == [1024, 1024]


def test_langchain_completes(api: Api) -> None:
    langchain = pytest.importorskip("langchain_openai")
    model = langchain.OpenAI(
        model="text", base_url=f"{api.url}/serving-endpoints", api_key="dapi", max_tokens=9
    )
    assert model.invoke("Once").startswith("[emulated]")


# curl.


@pytest.fixture
def curl(api: Api) -> Any:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl")

    def ask(*arguments: str, path: str = f"/{LLAMA}/invocations", **body: Any) -> str:
        line = [found, "-sS", "--max-time", "10", "-H", "Content-Type: application/json"]
        line += [*arguments, "-d", json.dumps(body), f"{api.url}/serving-endpoints{path}"]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    return ask


@pytest.mark.parametrize("way", [("-u", "token:dapi"), ("-H", "Authorization: Bearer dapi")])
def test_curl(curl: Any, way: tuple[str, ...]) -> None:
    assert json.loads(curl(*way, messages=HELLO))["object"] == "chat.completion"
    found = curl(*way, "-D", "-", "-o", "/dev/null", messages=HELLO)
    assert f"served-model-name: {LLAMA}" in found
    assert curl(*way, "-N", messages=HELLO, stream=True).endswith("data: [DONE]\n\n")
    assert len(json.loads(curl(*way, path="/churn/invocations", inputs=[1, 2]))["predictions"]) == 2


def test_curl_without_a_token(curl: Any) -> None:
    assert json.loads(curl(messages=HELLO))["error_code"] == "UNAUTHENTICATED"
