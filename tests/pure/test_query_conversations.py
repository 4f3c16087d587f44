"""Answers in parts, and conversations that go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.query import transcript
from provisioner.query.answers import read
from provisioner.query.streaming import added, whole


def delta(index: int = 0, finish: str | None = None, **content: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": content, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "choices": [choice]}


@given(st.lists(st.text()))
def test_parts_of_a_text_make_the_text(texts: list[str]) -> None:
    parts = [delta(content=text) for text in texts]
    body = whole([delta(role="assistant"), *parts, delta(finish="stop")], "chat")
    said = read(body, "chat")
    assert said.text == "".join(texts) == "".join(added(part, "chat") for part in parts)
    assert said.finish == "stop"
    assert body["object"] == "chat.completion"


def test_reasoning_functions_and_cost_come_in_parts() -> None:
    def thought(text: str, **more: str) -> dict[str, Any]:
        return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text, **more}]}

    def call(index: int, arguments: str, **more: str) -> dict[str, Any]:
        return {"index": index, "function": {"arguments": arguments, **more}}

    parts = [
        delta(content=[thought("Let me ")]),
        delta(content=[thought("see.", signature="s1")]),
        delta(content=[{"type": "text", "text": "A "}]),
        delta(content=[{"type": "text", "text": "b"}]),
        delta(tool_calls=[{**call(0, '{"a"', name="f"), "id": "c0"}]),
        delta(tool_calls=[call(0, ": 1}"), {**call(1, "{}", name="g"), "id": "c1"}]),
        delta(finish="tool_calls"),
        {"id": "1", "choices": [], "usage": {"total_tokens": 7}},
    ]
    said = read(whole(parts, "chat"), "chat")
    assert (said.text, said.reasoning) == ("A b", "Let me see.")
    assert [(one.name, one.arguments, one.id) for one in said.tool_calls] == [
        ("f", '{"a": 1}', "c0"),
        ("g", "{}", "c1"),
    ]
    assert said.usage.total == 7
    assert said.message is not None
    assert said.message["content"][0]["summary"][0]["signature"] == "s1"
    assert "".join(added(part, "chat") for part in parts) == "A b"


def test_several_choices_stay_apart() -> None:
    parts = [delta(1, content="b"), delta(0, content="a"), delta(1, content="B")]
    said = read(whole(parts, "chat"), "chat")
    assert (said.text, said.others) == ("a", ("bB",))
    texts = [{"choices": [{"index": 0, "text": text}]} for text in "xyz"]
    assert read(whole(texts, "completions"), "completions").text == "xyz"


USER = {"role": "user", "content": "hi"}


def answered(text: str, signature: str) -> dict[str, Any]:
    thought = {"type": "reasoning", "summary": [{"text": "hm", "signature": signature}]}
    return {"role": "assistant", "content": [thought, {"type": "text", "text": text}]}


TALK = (USER, answered("one", "s1"), USER, answered("two", "s2"))


def test_reasoning_is_dropped() -> None:
    sent = transcript.to_send(TALK, keep_reasoning=False)
    assert sent == (
        USER,
        {"role": "assistant", "content": "one"},
        USER,
        {"role": "assistant", "content": "two"},
    )


def test_only_the_last_answers_reasoning_is_kept_and_unchanged() -> None:
    sent = transcript.to_send(TALK, keep_reasoning=True)
    assert sent[1]["content"] == "one"
    assert sent[3] is TALK[3]


def test_other_blocks_stay() -> None:
    block = {"type": "other", "x": 1}
    message = {"role": "assistant", "content": [*answered("a", "s")["content"], block]}
    [sent] = transcript.to_send([message], keep_reasoning=False)
    assert sent["content"] == [{"type": "text", "text": "a"}, block]


def test_what_was_written_is_read() -> None:
    assert transcript.parse(transcript.dump(TALK)) == TALK
    assert transcript.parse(json.dumps(list(TALK))) == TALK


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("{}", "has format None"),
        ('{"format_version": 2, "messages": []}', "has format 2"),
        ('{"format_version": 1}', "no list of messages"),
        ("[1]", "a map with a `role`"),
        ('[{"content": "x"}]', "a map with a `role`"),
    ],
)
def test_other_files_are_no_transcripts(text: str, words: str) -> None:
    with pytest.raises(transcript.Unusable, match=words):
        transcript.parse(text)
