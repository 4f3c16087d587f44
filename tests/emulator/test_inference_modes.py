"""Reasoning, pictures, tools, structured outputs."""

from __future__ import annotations

import base64
import copy
import json
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from provisioner.emulator.answers import Answer
from provisioner.emulator.app import handle
from provisioner.emulator.inference.images import Picture, estimate, measure
from provisioner.emulator.inference.schemas import example
from provisioner.emulator.state import Store
from provisioner.emulator.world import World
from tests.emulator.conftest import ENDPOINTS, Api, config, custom, external
from tests.emulator.test_inference import HELLO, LLAMA, ask, completions_entity

CLAUDE = "databricks-claude-3-7-sonnet"
OSS = "databricks-gpt-oss-120b"
GPT = "databricks-gpt-5-5"
MYTHOS = "databricks-claude-opus-5-5"


def hosted(name: str) -> dict[str, Any]:
    """An endpoint of Databricks that a workspace of spring 2025 has not."""
    entity = {"name": name, "foundation_model": {"name": name}}
    config = {"served_entities": [entity], "traffic_config": {"routes": []}}
    return {"endpoint_type": "FOUNDATION_MODEL_API", "task": "llm/v1/chat", "config": config}


@pytest.fixture
def models(api: Api) -> Api:
    """The workspace with endpoints of newer models, and external ones."""
    api.admin("POST", "seed", {"endpoints": {name: hosted(name) for name in (OSS, GPT, MYTHOS)}})
    for name, model in (("gpt", "gpt-4o"), ("o1", "o1"), ("gpt5", "gpt-5")):
        api.create(name, external(name, model))
    claude = {"provider": "anthropic", "name": "claude-sonnet-4-5", "task": "llm/v1/chat"}
    block = {"anthropic_config": {"anthropic_api_key": "{{secrets/llm/anthropic_api_key}}"}}
    api.create("sonnet", {"name": "sonnet", "external_model": claude | block})
    return api


def refused(api: Api, name: str, body: Any) -> str:
    answer = ask(api, name, {"messages": HELLO} | body)
    assert answer.status_code == 400, answer.text
    said = answer.json()
    return str(said.get("message") or said["external_model_message"])


# Reasoning.


def thinking(budget: Any, most: int | None = 1000) -> dict[str, Any]:
    limit = {} if most is None else {"max_tokens": most}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}} | limit


@pytest.mark.parametrize("name", [CLAUDE, "sonnet"])
def test_thinking(models: Api, name: str) -> None:
    body = ask(models, name, {"messages": HELLO} | thinking(20)).json()
    thought, text = body["choices"][0]["message"]["content"]
    (summary,) = thought["summary"]
    assert (thought["type"], summary["type"], text["type"]) == ("reasoning", "summary_text", "text")
    assert summary["text"].startswith("[emulated]")
    assert text["text"].startswith("[emulated]")
    plain = ask(models, name, {"messages": HELLO, "max_tokens": 1000}).json()
    assert isinstance(plain["choices"][0]["message"]["content"], str)
    extra = body["usage"]["completion_tokens"] - plain["usage"]["completion_tokens"]
    assert extra == 20
    off = {"messages": HELLO, "thinking": {"type": "disabled"}}
    assert isinstance(ask(models, name, off).json()["choices"][0]["message"]["content"], str)


def test_thinking_comes_back_as_it_went(models: Api) -> None:
    first = ask(models, CLAUDE, {"messages": HELLO} | thinking(20)).json()
    said = first["choices"][0]["message"]
    talk = [*HELLO, {"role": "assistant", "content": said["content"]}, *HELLO]
    kept = ask(models, CLAUDE, {"messages": talk}).json()["usage"]["prompt_tokens"]
    talk[1] = {"role": "assistant", "content": said["content"][1:]}
    dropped = ask(models, CLAUDE, {"messages": talk}).json()["usage"]["prompt_tokens"]
    assert kept - dropped == 20
    said["content"][0]["summary"][0]["text"] += "!"
    talk[1] = {"role": "assistant", "content": said["content"]}
    assert "signature" in refused(models, CLAUDE, {"messages": talk})


def test_only_the_last_thought_counts(models: Api) -> None:
    first = ask(models, CLAUDE, {"messages": HELLO} | thinking(20)).json()
    turn = {"role": "assistant", "content": first["choices"][0]["message"]["content"]}
    plain = {"role": "assistant", "content": turn["content"][1:]}
    both = ask(models, CLAUDE, {"messages": [*HELLO, turn, *HELLO, turn]}).json()
    last = ask(models, CLAUDE, {"messages": [*HELLO, plain, *HELLO, turn]}).json()
    assert both["usage"] == last["usage"]


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        (CLAUDE, thinking(1000), "max_tokens"),
        (CLAUDE, thinking(2000), "max_tokens"),
        (CLAUDE, thinking(0), "budget_tokens"),
        (CLAUDE, thinking("many"), "budget_tokens"),
        (CLAUDE, {"thinking": "yes"}, "thinking.type"),
        (CLAUDE, {"reasoning_effort": "low"}, "reasoning_effort"),
        (LLAMA, thinking(10), 'unknown field "thinking"'),
        (OSS, thinking(10), 'unknown field "thinking"'),
        (OSS, {"stop": ["x"]}, '"stop" is not supported'),
        (OSS, {"reasoning_effort": "huge"}, "reasoning_effort"),
        ("gpt", thinking(10), "Unrecognized request argument"),
    ],
)
def test_thinking_refused(models: Api, name: str, body: Any, words: str) -> None:
    assert words in refused(models, name, body)


def test_efforts(models: Api) -> None:
    spent = [
        ask(models, OSS, {"messages": HELLO, "reasoning_effort": effort}).json()["usage"]
        for effort in ("low", "medium", "high")
    ]
    counts = [usage["completion_tokens"] for usage in spent]
    assert counts == sorted(set(counts))
    short = ask(models, OSS, {"messages": HELLO, "max_tokens": 8}).json()["choices"][0]
    assert short["finish_reason"] == "length"
    assert [block["type"] for block in short["message"]["content"]] == ["reasoning"]


@pytest.mark.parametrize(("name", "hidden"), [("o1", True), ("gpt5", True), ("gpt", False)])
def test_hidden_reasoning_costs_tokens(models: Api, name: str, hidden: bool) -> None:
    body = ask(models, name, {"messages": HELLO}).json()
    assert isinstance(body["choices"][0]["message"]["content"], str)
    assert ("completion_tokens_details" in body["usage"]) == hidden


def test_streamed_thinking(models: Api) -> None:
    request = {"messages": HELLO} | thinking(20)
    whole = ask(models, CLAUDE, request).json()["choices"][0]["message"]["content"]
    lines = ask(models, CLAUDE, request | {"stream": True}).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    deltas = [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]]
    summaries = [d[0]["summary"][0] for d in deltas if isinstance(d, list)]
    assert "".join(part["text"] for part in summaries) == whole[0]["summary"][0]["text"]
    assert summaries[-1]["signature"] == whole[0]["summary"][0]["signature"]
    assert "".join(d for d in deltas if isinstance(d, str)) == whole[1]["text"]


# Pictures.


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"abcd"
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    return b"\xff\xd8" + comment + b"\xff\xc4" + struct.pack(">H", 3) + b"x" + frame + b"\0" * 9


def webp(width: int, height: int, kind: bytes = b"VP8 ") -> bytes:
    sizes = {
        b"VP8 ": b"\0" * 10 + struct.pack("<HH", width, height),
        b"VP8L": b"\0\0\0\0\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14),
        b"VP8X": b"\0" * 8 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }
    return b"RIFF\0\0\0\0WEBP" + kind + sizes[kind]


def pictures() -> Iterator[tuple[str, bytes]]:
    yield "image/png", png(640, 480)
    yield "image/gif", gif(640, 480)
    yield "image/jpeg", jpeg(640, 480)
    for kind in (b"VP8 ", b"VP8L", b"VP8X"):
        yield "image/webp", webp(640, 480, kind)


def block(data: bytes, media: str = "image/png") -> dict[str, Any]:
    return linked(f"data:{media};base64,{base64.b64encode(data).decode()}")


def linked(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def show(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, *blocks]}]}


@pytest.mark.parametrize(("media", "data"), list(pictures()))
def test_pictures_are_measured(models: Api, media: str, data: bytes) -> None:
    assert measure(data) == Picture(media, 640, 480)
    for length in range(len(data)):
        assert measure(data[:length]) in (None, Picture(media, 640, 480))
    read = ask(models, CLAUDE, show(block(data, media))).json()["usage"]["prompt_tokens"]
    alone = ask(models, CLAUDE, show()).json()["usage"]["prompt_tokens"]
    assert read - alone == 410  # 640 x 480 / 750, rounded up


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((200, 200), 54), ((1000, 1000), 1334), ((1092, 1092), 1590), ((4000, 4000), 1600)],
)
def test_tokens_of_a_picture(size: tuple[int, int], tokens: int) -> None:
    assert estimate(Picture("image/png", *size)) == tokens


TIFF = b"II*\0" + b"\0" * 40


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        (LLAMA, show(block(png(9, 9))), "does not support image"),
        (CLAUDE, show(block(png(8001, 10))), "8000 x 8000"),
        (CLAUDE, show(block(png(10, 8001))), "8000 x 8000"),
        (CLAUDE, show(*[block(png(2001, 9))] * 21), "2000 x 2000"),
        (CLAUDE, show(*[block(png(9, 9))] * 101), "at most 100 images"),
        (CLAUDE, show(block(TIFF, "image/tiff")), "cannot be read"),
        (CLAUDE, show(block(png(9, 9), "image/gif")), "is said to be image/gif"),
        (CLAUDE, show(block(png(0, 9))), "cannot be read"),
        (CLAUDE, show(linked("https://x/y.png")), "data URL"),
        (CLAUDE, show(linked("data:image/png;base64,!")), "base64"),
        (CLAUDE, show({"type": "image_url"}), "data URL"),
    ],
)  # fmt: skip
def test_pictures_refused(models: Api, name: str, body: Any, words: str) -> None:
    assert words in refused(models, name, body)


def test_pictures_up_to_the_limits(models: Api) -> None:
    for blocks in ([png(8000, 8000)], [png(2001, 9)] * 20, [png(2000, 2000)] * 100):
        assert ask(models, CLAUDE, show(*map(block, blocks))).status_code == 200
    # The numbers are those of Foundation Model APIs; a provider has its own.
    assert ask(models, "gpt", show(block(png(9000, 9000)))).status_code == 200
    assert ask(models, "gpt", show(linked("https://example.com/a.png"))).status_code == 200


# Tools.

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
}


def tool(name: str = "get_weather", schema: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema or WEATHER}}


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "tools": [tool()], **more}


NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(
    ("body", "called"),
    [
        (say("the weather in Rome?"), True),
        (say("hello"), False),
        (say("the weather?", tool_choice="auto"), True),
        (say("the weather?", tool_choice="none"), False),
        (say("hello", tool_choice="required"), True),
        (say("hello", tool_choice=NAMED), True),
    ],
)
@pytest.mark.parametrize("name", [LLAMA, CLAUDE, "gpt"])
def test_tools(models: Api, name: str, body: Any, called: bool) -> None:
    choice = ask(models, name, body).json()["choices"][0]
    if not called:
        assert choice["finish_reason"] == "stop"
        assert choice["message"]["content"].startswith("[emulated]")
        return
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "get_weather")
    jsonschema.validate(json.loads(call["function"]["arguments"]), WEATHER)
    result = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
    talk = body | {"messages": [*body["messages"], choice["message"], result]}
    del talk["tools"]
    assert ask(models, name, talk | {"tool_choice": None}).status_code == 200


def test_several_calls_at_once(models: Api) -> None:
    body = say("weather and stocks", tools=[tool(), tool("find_stocks")])
    hosted = ask(models, LLAMA, body).json()["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in hosted] == ["get_weather"]
    both = ask(models, "gpt", body).json()["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in both] == ["get_weather", "find_stocks"]
    one = ask(models, "gpt", body | {"parallel_tool_calls": False}).json()
    assert len(one["choices"][0]["message"]["tool_calls"]) == 1


def test_streamed_calls(models: Api) -> None:
    request = say("the weather?")
    whole = ask(models, LLAMA, request).json()["choices"][0]["message"]["tool_calls"]
    lines = ask(models, LLAMA, request | {"stream": True}).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    parts = [p for c in chunks for ch in c["choices"] for p in ch["delta"].get("tool_calls", ())]
    assert "".join(p["function"]["arguments"] for p in parts) == whole[0]["function"]["arguments"]
    assert parts[0]["id"] == whole[0]["id"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tools": {}}, "at most 32"),
        ({"tools": [tool()] * 33}, "at most 32"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [tool("no spaces")]}, "tools[0]"),
        ({"tools": [tool(schema={"type": "object", "anyOf": []})]}, '"anyOf"'),
        ({"tools": [tool(schema={"properties": {"a": {"pattern": "x"}}})]}, '"pattern"'),
        ({"tools": [tool(schema={"properties": {str(n): {} for n in range(17)}})]}, "17 keys"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "no tool"),
        ({"tools": None, "tool_choice": "required"}, 'needs "tools"'),
    ],
)
def test_tools_refused(models: Api, more: Any, words: str) -> None:
    assert words in refused(models, LLAMA, say("hello") | more)


def test_a_property_may_be_called_pattern(models: Api) -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    assert ask(models, LLAMA, say("hello", tools=[tool(schema=schema)])).status_code == 200


# The Responses API.


@pytest.mark.parametrize("name", ["gpt", GPT])
def test_responses(models: Api, name: str) -> None:
    path = "/serving-endpoints/responses"
    body = models.ok("POST", path, {"model": name, "input": "Hello", "instructions": "Be kind"})
    assert (body["object"], body["status"]) == ("response", "completed")
    (message,) = [item for item in body["output"] if item["type"] == "message"]
    assert message["content"][0]["text"].startswith("[emulated]")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    cut = models.ok("POST", path, {"model": name, "input": "Hello", "max_output_tokens": 40})
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}
    assert any(item["type"] == "reasoning" for item in body["output"]) == (name == GPT)


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        (LLAMA, {}, "does not support the Responses API"),
        (GPT, {"background": True}, '"background"'),
        (GPT, {"store": True}, '"store"'),
        (GPT, {"conversation": "x"}, '"conversation"'),
        (GPT, {"messages": HELLO}, 'unknown field "messages"'),
        (GPT, {"input": 3}, '"input"'),
        (GPT, {"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input_text"),
        (GPT, {"tools": [{"type": "web_search"}]}, "function"),
        ("gpt", {"temperature": 3}, "temperature"),
    ],
)
def test_responses_refused(models: Api, name: str, more: Any, words: str) -> None:
    body = {"model": name, "input": "Hello"} | more
    assert models.refused("POST", "/serving-endpoints/responses", body)[0] == 400
    assert words in models.message


def test_models_of_another_route(models: Api) -> None:
    assert "Anthropic Messages route" in refused(models, MYTHOS, {})


# Structured outputs.

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 18, "maximum": 21},
        "colour": {"enum": ["red", "blue"]},
        "friends": {"type": "array", "items": {"type": "string"}, "minItems": 2},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def as_schema(schema: Any) -> dict[str, Any]:
    wanted = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


@pytest.mark.parametrize("name", [LLAMA, CLAUDE, OSS])
def test_structured_outputs(models: Api, name: str) -> None:
    body = ask(models, name, {"messages": HELLO} | as_schema(PERSON)).json()
    content = body["choices"][0]["message"]["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    jsonschema.validate(json.loads(text), PERSON)


def test_json_objects(models: Api) -> None:
    as_object = {"response_format": {"type": "json_object"}}
    wanted = {"messages": [{"role": "user", "content": "as JSON please"}]} | as_object
    content = ask(models, LLAMA, wanted).json()["choices"][0]["message"]["content"]
    assert json.loads(content)["emulated"] is True
    assert 'the word "json"' in refused(models, LLAMA, as_object)


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        (LLAMA, {"response_format": "json"}, "response_format.type"),
        (LLAMA, {"response_format": {"type": "xml"}}, "response_format.type"),
        (LLAMA, {"response_format": {"type": "json_schema"}}, "a name and a schema"),
        (LLAMA, as_schema({"type": "string", "pattern": "x"}), '"pattern"'),
        (LLAMA, as_schema({"properties": {str(n): {} for n in range(65)}}), "65 keys"),
        (CLAUDE, {"response_format": {"type": "json_object"}}, "Claude"),
        (CLAUDE, as_schema(PERSON) | {"stream": True}, '"stream"'),
        (CLAUDE, as_schema(PERSON) | {"tools": [tool()]}, '"tools"'),
        ("gpt", as_schema(PERSON), "external models"),
    ],
)
def test_structured_outputs_refused(models: Api, name: str, more: Any, words: str) -> None:
    assert words in refused(models, name, more)


NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-50, 50),
        "maximum": st.integers(60, 90),
        "exclusiveMinimum": st.integers(-50, 50),
        "exclusiveMaximum": st.integers(60, 90),
        "multipleOf": st.integers(1, 7),
    },
)
TEXTS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 20),
        "maxLength": st.integers(20, 30),
    },
)
LEAVES = st.one_of(
    NUMBERS,
    TEXTS,
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    st.just({"$ref": "#/$defs/node"}),
    st.builds(lambda values: {"enum": values}, st.lists(st.text(max_size=3), min_size=1)),
    st.builds(lambda value: {"const": value}, st.integers() | st.text(max_size=3)),
    st.builds(lambda kind: {"type": [kind, "null"]}, st.sampled_from(["string", "integer"])),
    st.builds(
        lambda f: {"type": "string", "format": f}, st.sampled_from(["date", "email", "uuid"])
    ),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
    return st.builds(
        lambda parts, required, closed: {
            "type": "object",
            "properties": parts,
            "required": sorted(required & set(parts)) if closed else sorted(required),
            "additionalProperties": not closed,
        },
        properties,
        st.frozensets(st.text("abc", min_size=1, max_size=3), max_size=3),
        st.booleans(),
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        st.builds(
            lambda items, low: {"type": "array", "items": items, "minItems": low, "maxItems": 3},
            inner,
            st.integers(0, 3),
        ),
        st.builds(lambda ways: {"anyOf": ways}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"allOf": [part]}, inner),
    ),
    max_leaves=12,
)
NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["next"],
}


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, st.text(max_size=8))
def test_examples_are_valid_under_their_schema(schema: Any, seed: str) -> None:
    schema = schema | {"$defs": {"node": NODE}}
    made = example(schema, seed)
    jsonschema.Draft202012Validator(schema).validate(made)
    assert example(schema, seed) == made
    json.dumps(made)


# Nonsense.

FIELDS = """
    messages model prompt input instruction dimensions encoding_format max_tokens temperature n
    stop stream stream_options thinking reasoning_effort tools tool_choice response_format
    extra_params instructions reasoning text max_output_tokens role content type image_url url
    function name parameters properties items anyOf enum $ref json_schema schema budget_tokens
    dataframe_split columns data instances inputs dataframe_records summary signature tool_calls
    call_id format effort client_request_id usage_context minimum required
"""
WORDS = """
    user assistant system tool text image_url reasoning enabled object function json_schema
    json_object required data:image/png;base64,AAAA json array integer #/properties/items
    message input_text base64
"""
NONSENSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.floats(-1, 3)
    | st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=4)
    ),
    max_leaves=12,
)
FUNCTION = {"type": "function", "name": "get_weather", "parameters": WEATHER}
SENSE: list[dict[str, Any]] = [
    {"messages": HELLO, "max_tokens": 9},
    {"messages": HELLO} | thinking(5),
    {"messages": HELLO} | as_schema(PERSON),
    say("the weather?"),
    show(block(png(9, 9))),
    {"prompt": ["x"]},
    {"input": "x", "instruction": "y"},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}
    | {"tools": [FUNCTION], "reasoning": {"effort": "low"}}
    | {"text": {"format": {"type": "json_schema", "name": "x", "schema": PERSON}}},
    {"instances": [1]},
    {"dataframe_split": {"columns": ["a"], "data": [[1]]}},
    {"inputs": {"a": [1]}},
]


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """A request that makes sense but for one place in it."""
    body = copy.deepcopy(draw(st.sampled_from(SENSE)))
    inside: Any = body
    while True:
        steps: list[Any] = list(inside if isinstance(inside, dict) else range(len(inside)))
        step = draw(st.sampled_from(steps)) if steps else None
        if step is None or not isinstance(inside[step], dict | list) or draw(st.booleans()):
            break
        inside = inside[step]
    if isinstance(inside, dict):
        step = draw(st.sampled_from([step or "name", *FIELDS.split()]))
        inside[step] = draw(NONSENSE)
    elif steps:
        inside[step] = draw(NONSENSE)
    return body


@lru_cache(maxsize=1)
def everything() -> World:
    """A workspace with endpoints of every kind, without a server; requests do not change it."""
    world = World(Store(None), "instant")
    world.store.seed({"endpoints": {name: hosted(name) for name in (OSS, GPT)}})
    entities = {"gpt": external("gpt"), "churn": custom(), "old": completions_entity()}
    for name, entity in entities.items():
        created = send(world, ENDPOINTS, {"name": name, "config": config(entity)})
        assert created.status == 200
    return world


def send(world: World, path: str, body: Any) -> Answer:
    headers = [(b"authorization", b"Bearer t"), (b"host", b"x")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    request = Request(scope | {"query_string": b"", "scheme": "http", "server": ("x", 80)})
    return handle(world, request, json.dumps(body).encode())


@settings(max_examples=300, deadline=None)
@given(bodies(), st.sampled_from([LLAMA, CLAUDE, OSS, GPT, "gpt", "churn", "old"]))
def test_nonsense_is_refused_and_breaks_nothing(body: Any, name: str) -> None:
    world = everything()
    for name_of in (name, "databricks-gte-large-en"):
        answer = send(world, f"/serving-endpoints/{name_of}/invocations", body)
        assert answer.status in (200, 400), answer.body
    for path in ("responses", "chat/completions"):
        answer = send(world, f"/serving-endpoints/{path}", body | {"model": name})
        assert answer.status in (200, 400), answer.body
