"""Requests: built from questions, and held against the catalog's rules."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from provisioner.catalog import catalog
from provisioner.query.images import Image, image, image_of_uri, tokens
from provisioner.query.request_rules import held_against
from provisioner.query.requests import Question, body_of, smallest, unasked
from provisioner.query.targets import Entity, target_of


def hosted(name: str) -> Entity:
    model = {"name": name, "foundation_model": {"name": name}}
    [entity] = target_of({"name": name, "config": {"served_entities": [model]}}).entities
    return entity


def outside(task: str = "chat", provider: str = "openai", name: str = "gpt-4o") -> Entity:
    model = {"provider": provider, "name": name, "task": f"llm/v1/{task}"}
    served = {"name": "outside", "external_model": model}
    [entity] = target_of({"name": "e", "config": {"served_entities": [served]}}).entities
    return entity


CLAUDE = hosted("databricks-claude-3-7-sonnet")
LLAMA = hosted("databricks-meta-llama-3-3-70b-instruct")
BGE = hosted("databricks-bge-large-en")
GTE = hosted("databricks-gte-large-en")
OUTSIDE = outside()
COMPLETIONS = outside("completions", "anthropic", "claude-2")
OWN = Entity("own", None, "custom_model", "main.ml.m")


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02"


def found(body: dict[str, Any], entity: Entity) -> set[str]:
    """Codes with the first letter of their severity, as ``E thinking-budget``."""
    problems = held_against(body, entity)
    return {f"{problem.severity.value[0].upper()} {problem.code}" for problem in problems}


# ------------------------------------------------------------ pictures


def test_tokens_of_pictures_as_in_the_founding_table() -> None:
    table = next(rule for rule in catalog().request_rules if rule.id == "vision-tokens").examples
    assert [tuple(row) for row in table] == [(200, 200, 54), (1000, 1000, 1334), (1092, 1092, 1590)]
    for width, height, expected in table:
        assert tokens(width, height) == expected


JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc4\x00\x05\x00\x00\x00\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03"
)
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + struct.pack("<I", 639)[:3] + struct.pack("<I", 479)[:3]
VP8L = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14)
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480)


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (png(640, 480), "image/png", (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 640, 480), "image/gif", (640, 480)),
        (JPEG, "image/jpeg", (640, 480)),
        (VP8X, "image/webp", (640, 480)),
        (VP8L, "image/webp", (640, 480)),
        (VP8, "image/webp", (640, 480)),
        (b"%PDF-1.7", "", (0, 0)),
        (b"\x89PNG\r\n\x1a\n\0", "", (0, 0)),
        (b"\xff\xd8\xff", "", (0, 0)),
        (b"\xff\xd8nonsense and more of it", "", (0, 0)),
        (b"", "", (0, 0)),
    ],
)
def test_formats_are_told_by_their_first_bytes(
    content: bytes, kind: str, size: tuple[int, int]
) -> None:
    made = image("x", content)
    assert (made.format, (made.width, made.height)) == (kind, size)
    again = image_of_uri("x", made.uri)
    assert again is not None
    assert (again.format, again.width) == (made.format, made.width)


def asking_with(*images: Image, **more: Any) -> dict[str, Any]:
    return {**body_of(Question("what?", images=images), CLAUDE), **more}


def pictures(count: int, width: int = 800, height: int = 800) -> list[Image]:
    return [image(f"{number}.png", png(width, height)) for number in range(count)]


@pytest.mark.parametrize(
    ("images", "entity", "codes"),
    [
        (pictures(1), CLAUDE, set()),
        (pictures(100), CLAUDE, set()),
        (pictures(101), CLAUDE, {"E image-count"}),
        (pictures(101), OUTSIDE, {"N image-count"}),
        (pictures(1, 8000, 300), CLAUDE, {"N image-large"}),
        (pictures(1, 8001, 300), CLAUDE, {"E image-size"}),
        (pictures(1, 8001, 300), OUTSIDE, {"N image-size"}),
        (pictures(20, 2001, 300), CLAUDE, {"N image-large"}),
        (pictures(21, 2000, 300), CLAUDE, {"N image-large"}),
        (pictures(21, 2001, 300), CLAUDE, {"E image-size"}),
        (pictures(1, 199, 800), CLAUDE, {"W image-small"}),
        (pictures(1, 200, 800), CLAUDE, set()),
        (pictures(1, 1568, 700), CLAUDE, set()),
        (pictures(1, 1569, 700), CLAUDE, {"N image-large"}),
        (pictures(1, 1080, 1080), CLAUDE, {"N image-large"}),
        (pictures(1), LLAMA, {"W image-unread"}),
        ([image("a.pdf", b"%PDF-1.7")], CLAUDE, {"E image-format"}),
        ([image("a.pdf", b"%PDF-1.7")], OUTSIDE, {"N image-format"}),
    ],
)
def test_pictures(images: list[Image], entity: Entity, codes: set[str]) -> None:
    assert found(asking_with(*images), entity) == codes


def test_an_address_is_no_picture() -> None:
    block = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    body = {"messages": [{"role": "user", "content": [block]}]}
    assert found(body, CLAUDE) == {"E image-format"}


# ------------------------------------------------------------ rules


def chat(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi"}], **more}


def thinking(budget: Any, most: Any = None) -> dict[str, Any]:
    body = chat(thinking={"type": "enabled", "budget_tokens": budget})
    return body if most is None else body | {"max_tokens": most}


def roles(*names: str) -> dict[str, Any]:
    return {"messages": [{"role": name, "content": "x"} for name in names]}


def tools(*parameters: dict[str, Any]) -> dict[str, Any]:
    functions = [{"name": f"f{n}", "parameters": one} for n, one in enumerate(parameters)]
    return chat(tools=[{"type": "function", "function": one} for one in functions])


def keys(count: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"k{n}": {"type": "string"} for n in range(count)}}


def schema(inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": inner}}
    return chat(response_format=form, **more)


CASES: list[tuple[dict[str, Any], Entity, set[str]]] = [
    (chat(), CLAUDE, set()),
    ({}, CLAUDE, {"E request-incomplete"}),
    ({"messages": []}, CLAUDE, {"E request-incomplete"}),
    ({"messages": "hi"}, CLAUDE, {"E request-incomplete"}),
    ({"messages": [{"content": "hi"}]}, CLAUDE, {"E request-incomplete"}),
    ({"prompt": "hi"}, CLAUDE, {"E request-incomplete"}),
    ({"prompt": "hi"}, COMPLETIONS, set()),
    ({"prompt": ["a", "b"]}, COMPLETIONS, set()),
    ({"prompt": [1]}, COMPLETIONS, {"E request-incomplete"}),
    ({"input": "hi"}, BGE, set()),
    ({"input": []}, BGE, {"E request-incomplete"}),
    ({"anything": 1}, OWN, set()),
    (chat(temperature=2.0, n=5), CLAUDE, set()),
    (chat(temperature=2.1), CLAUDE, {"E request-range"}),
    (chat(temperature=-0.1), OUTSIDE, {"E request-range"}),
    (chat(temperature=True), CLAUDE, {"E request-range"}),
    (chat(n=0), CLAUDE, {"E request-range"}),
    (chat(n=6), CLAUDE, {"E request-range"}),
    (chat(n=1.5), CLAUDE, {"E request-range"}),
    (chat(max_tokens=0), CLAUDE, {"E request-range"}),
    (chat(max_tokens="9"), CLAUDE, {"E request-range"}),
    (chat(temprature=1), CLAUDE, {"W request-field"}),
    (chat(temprature=1), OUTSIDE, set()),
    (roles("system", "user", "assistant", "user"), CLAUDE, set()),
    (roles("user", "tool"), CLAUDE, set()),
    (roles("user", "system"), CLAUDE, {"E request-messages"}),
    (roles("system", "system", "user"), CLAUDE, {"E request-messages"}),
    (roles("human"), CLAUDE, {"E request-messages"}),
    (thinking(10240, 20480), CLAUDE, set()),
    (thinking(100, 101), CLAUDE, set()),
    (thinking(100, 100), CLAUDE, {"E thinking-budget"}),
    (thinking(100), CLAUDE, {"E thinking-budget"}),
    (thinking(0, 10), CLAUDE, {"E thinking-budget"}),
    (thinking("9", 10), CLAUDE, {"E thinking-budget"}),
    (thinking(32768, 99999), CLAUDE, set()),
    (thinking(32769, 99999), CLAUDE, {"W thinking-large"}),
    (thinking(10, 20), LLAMA, {"W thinking-unknown"}),
    ({**thinking(10, 20), "prompt": "x"}, COMPLETIONS, {"E thinking-elsewhere"}),
    ({"input": "x", "thinking": {"type": "enabled"}}, BGE, {"E thinking-elsewhere"}),
    (chat(thinking={"type": "disabled"}), CLAUDE, set()),
    (tools(keys(16)), CLAUDE, set()),
    (tools(keys(17)), CLAUDE, {"E schema-keys"}),
    (tools(keys(17)), OUTSIDE, {"W schema-keys"}),
    (tools(*[{}] * 32), CLAUDE, set()),
    (tools(*[{}] * 33), CLAUDE, {"E tool-count"}),
    (tools({"properties": {"a": {"anyOf": [{}]}}}), CLAUDE, {"E schema-keyword"}),
    (tools({"properties": {"anyOf": {"type": "string"}}}), CLAUDE, set()),
    (tools({"properties": {"a": {"type": ["string", "null"]}}}), CLAUDE, set()),
    (tools({"properties": {"a": {"type": ["string", "number"]}}}), CLAUDE, {"E schema-keyword"}),
    (tools({"properties": {"a": {"maxLength": 3}}}), CLAUDE, {"N tool-keyword"}),
    (chat(tools=[{"name": "f"}]), CLAUDE, {"E tool-shape"}),
    (chat(tools={}), CLAUDE, {"E tool-shape"}),
    ({"prompt": "x", "tools": []}, COMPLETIONS, {"E request-elsewhere"}),
    (schema({"type": "object"}), LLAMA, set()),
    (schema(keys(65)), LLAMA, {"W schema-keys"}),
    (schema({"pattern": "a"}), LLAMA, {"W schema-keyword"}),
    (schema({"type": "object"}), OUTSIDE, {"E format-elsewhere"}),
    (chat(response_format={"type": "text"}), OUTSIDE, set()),
    (chat(response_format={"type": "xml"}), LLAMA, {"E format-type"}),
    (chat(response_format={"type": "json_schema"}), LLAMA, {"E format-type"}),
    (chat(response_format={"type": "json_object"}), CLAUDE, {"W format-claude"}),
    (schema({}, stream=True), CLAUDE, {"W format-claude"}),
    (schema({}, tools=[]), CLAUDE, set()),
    ({"input": "x", "temperature": 1}, BGE, {"W embedding-field"}),
    (chat(max_tokens=120_000), LLAMA, set()),
    (chat(max_tokens=128_001), LLAMA, {"W request-window"}),
    ({"messages": [{"role": "user", "content": 5}]}, LLAMA, set()),
    ({"prompt": "hi", "messages": 5}, COMPLETIONS, set()),
    ({"prompt": "hi", "messages": [5, {"content": {"a": 1}}]}, COMPLETIONS, {"E request-messages"}),
    ({"messages": [{"role": "user", "content": "word " * 103_000}]}, LLAMA, {"W request-window"}),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "word " * 103_000}]}]},
        LLAMA,
        {"W request-window"},
    ),
    ({"messages": [{"role": "user", "content": "word " * 103_000}]}, OUTSIDE, set()),
    ({"input": "word " * 700}, BGE, {"W embedding-window"}),
    ({"input": ["x", "word " * 700]}, GTE, set()),
    ({"input": "word " * 7000}, GTE, {"W embedding-window"}),
]


@pytest.mark.parametrize(("body", "entity", "codes"), CASES, ids=lambda value: str(value)[:50])
def test_rules(body: dict[str, Any], entity: Entity, codes: set[str]) -> None:
    assert found(body, entity) == codes


def test_everything_at_once() -> None:
    body = {**thinking(100, 50), "n": 9, "temperature": 3, "tools": {}}
    codes = {"E request-range", "E thinking-budget", "E tool-shape"}
    assert found(body, CLAUDE) == codes
    assert len(held_against(body, CLAUDE)) == 4


@pytest.mark.parametrize("entity", [CLAUDE, LLAMA, BGE, GTE, OUTSIDE, COMPLETIONS, OWN])
def test_what_is_made_up_keeps_to_the_rules(entity: Entity) -> None:
    assert not held_against(smallest(entity), entity)


def test_what_is_made_up_is_cheap() -> None:
    assert smallest(OUTSIDE)["max_tokens"] == 1
    assert smallest(outside(name="o1"))["max_tokens"] == 256, "it reasons, and has to say something"
    assert smallest(outside(name="gpt-9"))["max_tokens"] == 256, "newer than the list"
    assert smallest(outside(name="o1", provider="cohere"))["max_tokens"] == 1
    assert smallest(hosted("databricks-gpt-oss-120b"))["max_tokens"] == 256


# ------------------------------------------------------------ building


def test_a_question_becomes_a_body() -> None:
    assert body_of(Question("hi"), CLAUDE) == chat()
    assert body_of(Question("hi", "be short", max_tokens=5), CLAUDE) == {
        "messages": [{"role": "system", "content": "be short"}, *chat()["messages"]],
        "max_tokens": 5,
    }
    assert body_of(Question("hi", thinking=1000), CLAUDE) == thinking(1000, 2000)
    assert body_of(Question("hi", stream=True, extra={"top_p": 0.9}), CLAUDE) == chat(
        stream=True, top_p=0.9
    )
    assert body_of(Question("once"), COMPLETIONS) == {"prompt": "once"}
    assert body_of(Question(inputs=("a",)), BGE) == {"input": "a"}
    assert body_of(Question(inputs=("a", "b"), instruction="i"), BGE) == {
        "input": ["a", "b"],
        "instruction": "i",
    }


def test_pictures_come_after_the_text() -> None:
    [content] = [message["content"] for message in asking_with(*pictures(2))["messages"]]
    assert [block["type"] for block in content] == ["text", "image_url", "image_url"]
    head = content[1]["image_url"]["url"].partition(",")[0]
    assert head == "data:image/png;base64"
    assert base64.b64decode(content[1]["image_url"]["url"].partition(",")[2]) == png(800, 800)


def test_functions_and_schemas_in_both_forms() -> None:
    function = {"name": "f", "parameters": {}}
    tool = {"type": "function", "function": function}
    assert body_of(Question("x", tools=(function, tool)), CLAUDE)["tools"] == [tool, tool]
    wrapped = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    for given in ({"type": "object"}, wrapped, {"json_schema": wrapped}):
        form = body_of(Question("x", schema=given), CLAUDE)["response_format"]
        assert form == {"type": "json_schema", "json_schema": wrapped}


def test_a_conversation_goes_on() -> None:
    history = ({"role": "system", "content": "s"}, {"role": "user", "content": "a"})
    body = body_of(Question("b", "other", history=history), CLAUDE)
    assert [message["content"] for message in body["messages"]] == ["s", "a", "b"]


@pytest.mark.parametrize(
    ("question", "entity", "key"),
    [
        (Question("x"), CLAUDE, None),
        (Question(), CLAUDE, "prompt"),
        (Question(inputs=("x",)), CLAUDE, "prompt"),
        (Question("x"), BGE, "input"),
        (Question(inputs=("x",)), BGE, None),
        (Question(images=tuple(pictures(1))), COMPLETIONS, "prompt"),
        (Question("x"), OWN, "request"),
    ],
)
def test_questions_that_do_not_fit(question: Question, entity: Entity, key: str | None) -> None:
    missing = unasked(question, entity)
    assert (missing[1] if missing else None) == key


ODD_PARTS = [5, {"type": "image_url", "image_url": 5}]
JUNK: list[Any] = [
    *(5, None, "x", True, -1.5, [5], [["x"]], {"a": 1}, [{"role": "user"}]),
    [{"role": "user", "content": ODD_PARTS}],
]


@pytest.mark.parametrize("entity", [LLAMA, CLAUDE, BGE, OUTSIDE, COMPLETIONS])
def test_what_a_person_writes_into_a_request_is_judged_whatever_it_is(entity: Entity) -> None:
    asked = {"chat": chat(), "completions": {"prompt": "x"}, "embeddings": {"input": "x"}}
    keys = {*asked["chat"], "prompt", "input", "tools", "response_format", "thinking", "n", "stop"}
    for key in keys | {"temperature", "max_tokens", "stream", "tool_choice", "dimensions"}:
        for junk in JUNK:
            held_against({**asked[str(entity.task)], key: junk}, entity)
