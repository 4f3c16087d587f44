"""The `openai` client and that of databricks-sdk, unchanged, ask endpoints."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from databricks.sdk.core import Config

from provisioner.emulator import running
from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL
from tests.contract.test_sdk_typed_client import connected
from tests.emulator.conftest import ENDPOINTS, Api, config, custom, external
from tests.emulator.test_inference_modes import PERSON, as_schema, block, png, tool

LLAMA = "databricks-meta-llama-3-3-70b-instruct"
CLAUDE = "databricks-claude-3-7-sonnet"
HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(clock="instant") as address:
        yield address


@pytest.fixture
def api(url: str) -> Iterator[Api]:
    api = Api(url)
    api.admin("POST", "reset")
    with api.session:
        api.create("bot", external("gpt"))
        completions = {"provider": "openai", "name": "davinci", "task": "llm/v1/completions"}
        block = {"openai_config": {"openai_api_key": "{{secrets/llm/openai_api_key}}"}}
        api.create("text", {"name": "davinci", "external_model": completions | block})
        yield api


@pytest.fixture
def client(api: Api) -> Iterator[openai.OpenAI]:
    base_url = f"{api.url}/serving-endpoints"
    with openai.OpenAI(base_url=base_url, api_key="dapi", max_retries=0) as client:
        yield client


@pytest.mark.exhaustive
def test_the_helper_of_the_sdk(api: Api) -> None:
    """`get_open_ai_client` needs httpx, which openai no longer brings; the long checks have it."""
    with connected(Config(host=api.url, token="dapi")) as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with workspace.serving_endpoints.get_open_ai_client() as client:
            answer = client.chat.completions.create(model=LLAMA, messages=HELLO)
            assert answer.choices[0].finish_reason == "stop"


def test_chat(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=LLAMA, messages=HELLO, max_tokens=50, n=2
    )
    assert raw.headers["served-model-name"] == LLAMA
    answer = raw.parse()
    assert len(answer.choices) == 2
    assert (answer.choices[0].message.content or "").startswith("[emulated]")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 100


def test_a_stream(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=LLAMA, messages=HELLO, max_tokens=50)
    stream = client.chat.completions.create(model=LLAMA, messages=HELLO, max_tokens=50, stream=True)
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_usage_of_a_stream(client: openai.OpenAI) -> None:
    more: Any = {"stream": True, "stream_options": {"include_usage": True}}
    *_, last = client.chat.completions.create(model="bot", messages=HELLO, **more)
    assert last.usage.total_tokens > 0
    with pytest.raises(openai.BadRequestError, match="stream_options"):
        client.chat.completions.create(model=LLAMA, messages=HELLO, **more)


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="text", prompt="Once", max_tokens=9, n=2)
    assert [choice.finish_reason for choice in answer.choices] == ["length", "length"]
    parts = client.completions.create(model="text", prompt="Once", max_tokens=9, stream=True)
    assert "".join(part.choices[0].text for part in parts) == answer.choices[0].text


def test_embeddings(client: openai.OpenAI) -> None:
    # Without a word the client asks for base64, and unpacks it.
    answer = client.embeddings.create(model="databricks-bge-large-en", input=["a", "b"])
    floats = client.embeddings.create(
        model="databricks-bge-large-en", input=["a", "b"], encoding_format="float"
    )
    assert [len(item.embedding) for item in answer.data] == [1024, 1024]
    assert answer.data[1].embedding == pytest.approx(floats.data[1].embedding, rel=1e-6)


def test_thinking(client: openai.OpenAI) -> None:
    budget = {"thinking": {"type": "enabled", "budget_tokens": 100}}
    answer = client.chat.completions.create(
        model=CLAUDE, messages=HELLO, max_tokens=400, extra_body=budget
    )
    content: Any = answer.choices[0].message.content
    assert [part["type"] for part in content] == ["reasoning", "text"]
    talk: Any = [*HELLO, {"role": "assistant", "content": content}, *HELLO]
    client.chat.completions.create(model=CLAUDE, messages=talk, max_tokens=400, extra_body=budget)
    with pytest.raises(openai.BadRequestError, match="budget_tokens"):
        client.chat.completions.create(
            model=CLAUDE, messages=HELLO, max_tokens=100, extra_body=budget
        )


def test_pictures(client: openai.OpenAI) -> None:
    content: Any = [{"type": "text", "text": "What is it?"}, block(png(1000, 1000))]
    ask: Any = [{"role": "user", "content": content}]
    answer = client.chat.completions.create(model=CLAUDE, messages=ask)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 1334
    with pytest.raises(openai.BadRequestError, match="image"):
        client.chat.completions.create(model=LLAMA, messages=ask)


def test_tools(client: openai.OpenAI) -> None:
    ask: Any = [{"role": "user", "content": "How is the weather in Rome?"}]
    tools: Any = [tool()]
    answer = client.chat.completions.create(model=LLAMA, messages=ask, tools=tools)
    assert answer.choices[0].message.tool_calls is not None
    call: Any = answer.choices[0].message.tool_calls[0]
    assert call.type == "function"
    assert "city" in json.loads(call.function.arguments)
    with client.chat.completions.stream(model=LLAMA, messages=ask, tools=tools) as stream:
        final: Any = stream.get_final_completion().choices[0].message
    assert final.tool_calls[0].function.arguments == call.function.arguments
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    talk = [*ask, answer.choices[0].message, result]
    done = client.chat.completions.create(model=LLAMA, messages=talk, tools=tools)
    assert done.choices[0].finish_reason == "stop"


def test_structured_outputs(client: openai.OpenAI) -> None:
    wanted: Any = as_schema(PERSON)["response_format"]
    answer = client.chat.completions.create(model=LLAMA, messages=HELLO, response_format=wanted)
    assert 18 <= json.loads(answer.choices[0].message.content or "")["age"] <= 21


def test_responses(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="bot", input="Hello", instructions="Be kind")
    assert answer.output_text.startswith("[emulated]")
    with client.responses.stream(model="bot", input="Hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert "".join(deltas) == stream.get_final_response().output_text
    tools: Any = [{"name": "get_weather", "parameters": PERSON, "type": "function"}]
    ask: Any = [{"role": "user", "content": "the weather?"}]
    called = client.responses.create(model="bot", input=ask, tools=tools)
    (call,) = called.output
    assert call.type == "function_call"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    talk: Any = [*ask, *called.output, result]
    done = client.responses.create(model="bot", input=talk, tools=tools)
    assert done.output_text.startswith("[emulated]")
    picture = block(png(10, 10))["image_url"]["url"]
    content = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": picture}]
    look: Any = [{"role": "user", "content": content}]
    assert client.responses.create(model="bot", input=look).usage is not None


CAUSES: list[tuple[str, type[openai.APIStatusError]]] = [
    ("provider_rejected_key", openai.AuthenticationError),
    ("provider_down", openai.InternalServerError),
    ("stopped", openai.BadRequestError),
    ("error", openai.InternalServerError),
]


@pytest.mark.parametrize(("condition", "error"), CAUSES)
def test_errors(
    client: openai.OpenAI, api: Api, condition: str, error: type[openai.APIStatusError]
) -> None:
    api.admin("PUT", "conditions", {"endpoint": "bot", "condition": condition})
    with pytest.raises(error):
        client.chat.completions.create(model="bot", messages=HELLO)


def test_limits_and_the_unknown(client: openai.OpenAI, api: Api) -> None:
    limits = [{"calls": 0, "renewal_period": "minute"}]
    api.ok("PUT", f"{ENDPOINTS}/bot/ai-gateway", {"rate_limits": limits})
    with pytest.raises(openai.RateLimitError, match="User defined rate limit"):
        client.chat.completions.create(model="bot", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gone", messages=HELLO)


def test_the_data_plane_of_the_typed_client(api: Api) -> None:
    """`serving_endpoints.query` of databricks-sdk."""
    from databricks.sdk.errors import BadRequest, PermissionDenied
    from databricks.sdk.service import serving as s

    entities = (custom(name="a"), custom("2", name="b"))
    api.ok("POST", ENDPOINTS, {"name": "churn", "config": config(*entities, a=50, b=50)})
    hello = [s.ChatMessage(role=s.ChatMessageRole.USER, content="Hello")]
    with connected(Config(host=api.url, token="dapi")) as client:
        query = client.serving_endpoints.query
        chat = query(LLAMA, messages=hello, max_tokens=20, temperature=0.5, n=2)
        assert chat.object is s.QueryEndpointResponseObject.CHAT_COMPLETION
        # It looks for finishReason, which nobody sends: there is none to see.
        assert [choice.index for choice in chat.choices or ()] == [0, 1]
        assert chat.usage is not None
        assert chat.usage.completion_tokens == 40
        assert chat.served_model_name == LLAMA
        text = query("text", prompt="Once", extra_params={"top_p": "0.9"})
        assert (text.choices or [s.V1ResponseChoiceElement()])[0].text
        vectors = query("databricks-gte-large-en", input=["a"])
        assert len((vectors.data or [])[0].embedding or []) == 1024
        split = s.DataframeSplitInput(columns=["x"], data=[[1], [2]])
        answers = [query("churn", dataframe_split=split) for _ in range(2)]
        assert {answer.served_model_name for answer in answers} == {"a", "b"}
        assert len(answers[0].predictions or []) == 2
        with pytest.raises(BadRequest, match='unknown field "inputs"'):
            query(LLAMA, messages=hello, inputs={"x": 1})
    with (
        connected(Config(host=api.url, token="token-alice")) as alice,
        pytest.raises(PermissionDenied),
    ):
        alice.serving_endpoints.query("bot", messages=hello)


def test_a_route_optimized_endpoint(api: Api) -> None:
    """`serving_endpoints_data_plane.query` makes a token of its own for it."""
    api.create("fast", custom(), route_optimized=True)
    config = Config(host=api.url, client_id=SERVICE_PRINCIPAL, client_secret=CLIENT_SECRET)
    with connected(config) as client:
        answer = client.serving_endpoints_data_plane.query("fast", instances=[[1], [2]])
        assert len(answer.predictions or []) == 2
