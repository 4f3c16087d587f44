"""Answers judged: what a refusal means, what is whole, what is expected, what is in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.plan.verification import Cause
from provisioner.query import Check, checks_for, judge, target_of
from provisioner.spec import CheckSpec, Expectation
from provisioner.wire.inference import Answer

REFUSALS = yaml.safe_load((Path(__file__).parent / "query/refusals.yaml").read_text("utf-8"))
CHAT = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def entity(task: str = "llm/v1/chat", provider: str = "openai", **more: Any) -> dict[str, Any]:
    model = {"provider": provider, "name": "some-model", "task": task}
    return {"name": "e", "external_model": model, **more}


def check_of(
    served: dict[str, Any], derived: bool = True, name: str = "chat", **expect: Any
) -> Check:
    target = target_of({"name": name, "config": {"served_entities": [served]}})
    spec = CheckSpec(name="c", expect=Expectation(**expect))
    [check] = checks_for(target, None if derived and not expect else [spec])
    return check


def vectors(*items: list[float]) -> dict[str, Any]:
    data = [{"index": n, "embedding": item} for n, item in enumerate(items)]
    return {"object": "list", "data": data, "usage": {"total_tokens": 3}}


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["name"])
def test_refusals_have_causes(case: dict[str, Any]) -> None:
    verdict = judge(check_of(entity()), Answer(case["status"], case["body"]))
    assert verdict.cause is Cause(case["cause"]), verdict
    assert verdict.message
    assert bool(verdict.hint) == (verdict.cause is not Cause.UNKNOWN)
    assert len(verdict.said) <= 400


@pytest.mark.parametrize(
    "words",
    [
        "Incorrect API key provided: canary-4711-canary",
        "bearer dapi0123456789abcdef0123456789abcdef was refused",
        "no such key sk-proj-canary4711canary4711",
        "invalid api key 9fGh29fGh29fGh29fGh29fGh29fGh29fGh29fGh",
    ],
)
def test_a_provider_that_repeats_the_key_is_not_repeated(words: str) -> None:
    body = {"error": "Received error from custom", "external_model_message": {"message": words}}
    verdict = judge(check_of(entity()), Answer(401, body))
    assert verdict.cause is Cause.PROVIDER_REJECTED_KEY
    assert "***" in verdict.said
    assert not any(part in verdict.said for part in ("4711", "0123456789", "29fGh"))


def test_what_the_service_says_after_a_refusal_is_in_the_hint() -> None:
    verdict = judge(check_of(entity()), Answer(429, {}, {"retry-after": "7"}))
    assert "Retry-After: 7 s" in verdict.hint


WRONG: list[tuple[str, Any, str]] = [
    ("llm/v1/chat", {"predictions": [1]}, "`choices` is missing"),
    ("llm/v1/chat", {"object": "list", "choices": [1]}, "`object` is `list`, not chat.completion"),
    ("llm/v1/chat", {"choices": [{"text": "a"}]}, "choices[0]: `message` is missing"),
    ("llm/v1/chat", {"choices": [{"message": {"content": 3}}]}, "not text or a list of blocks"),
    ("llm/v1/chat", {"choices": [{"message": {"content": [{}]}}]}, "block without a `type`"),
    ("llm/v1/chat", "<html>", "no JSON object"),
    ("llm/v1/chat", None, "no JSON object"),
    ("llm/v1/completions", CHAT | {"object": "text_completion"}, "choices[0]: `text` is missing"),
    ("llm/v1/embeddings", CHAT, "`object` is `chat.completion`, not list"),
    ("llm/v1/embeddings", {"data": []}, "`data` is missing or no list"),
    ("llm/v1/embeddings", vectors([]), "no list of numbers"),
    ("llm/v1/embeddings", vectors([1.0, float("nan")]), "no finite number"),
    ("llm/v1/embeddings", vectors(["1"]), "no finite number"),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("task", "body", "words"), WRONG)
def test_answers_that_are_not_whole(task: str, body: Any, words: str) -> None:
    verdict = judge(check_of(entity(task)), Answer(200, body))
    assert verdict.cause is Cause.WRONG_SHAPE
    assert words in verdict.message


@pytest.mark.parametrize("content", ["", None, "ok", [{"type": "text", "text": "ok"}]])
def test_an_empty_text_is_an_answer(content: Any) -> None:
    body = {"choices": [{"message": {"content": content}, "finish_reason": "length"}]}
    assert judge(check_of(entity()), Answer(200, body)).ok


HOSTED = {
    "foundation_model": {"name": "databricks-bge-large-en"},
    "name": "databricks-bge-large-en",
}
BGE: dict[str, Any] = {"served": HOSTED, "name": "databricks-bge-large-en"}


def unit(length: float = 1.0, count: int = 1024) -> list[float]:
    return [length, *[0.0] * (count - 1)]


@pytest.mark.parametrize(
    ("vector", "cause"),
    [
        (unit(), Cause.OK),
        (unit(1.0009), Cause.OK),
        (unit(0.9991), Cause.OK),
        (unit(1.0011), Cause.UNEXPECTED),
        (unit(0.9989), Cause.UNEXPECTED),
        (unit(count=1023), Cause.UNEXPECTED),
    ],
)
def test_embeddings_are_as_the_catalog_says(vector: list[float], cause: Cause) -> None:
    assert judge(check_of(**BGE), Answer(200, vectors(vector))).cause is cause


def test_a_vector_for_each_input() -> None:
    target = target_of({"name": "e", "config": {"served_entities": [entity("llm/v1/embeddings")]}})
    spec = CheckSpec(name="c", input=("a", "b"), expect=Expectation(dimension=2, norm=5))
    [check] = checks_for(target, [spec])
    assert check.body == {"input": ["a", "b"]}
    assert judge(check, Answer(200, vectors([3, 4], [5, 0]))).ok
    assert "1 embeddings for 2" in judge(check, Answer(200, vectors([3, 4]))).message
    assert "length 4.0000, not 5" in judge(check, Answer(200, vectors([3, 4], [4, 0]))).message


EXPECTED: list[tuple[dict[str, Any], str]] = [
    ({"json_path": {"choices[0].message.content": "ok"}}, ""),
    ({"json_path": {"choices[0].message.content": {"matches": "^o"}}}, ""),
    ({"json_path": {"usage.total_tokens": {"equals": 2.0}}}, ""),
    ({"json_path": {"choices[1]": {"exists": False}}}, ""),
    (
        {"json_path": {"choices[0].message.content": "no"}},
        '`choices[0].message.content` is "ok", not',
    ),
    ({"json_path": {"choices[1].text": 1}}, "`choices[1].text` is missing"),
    ({"json_path": {"usage": {"exists": False}}}, "`usage` is there"),
    ({"json_path": {"choices[0].index": False}}, "is 0, not false"),
    ({"json_path": {"object": {"matches": "^list"}}}, "does not match ^list"),
    ({"tokens": 2}, ""),
    ({"tokens": 1}, "it cost 2 tokens"),
    ({"body_schema": {"required": ["choices"]}}, ""),
    ({"body_schema": {"required": ["citations"]}}, "'citations' is a required property"),
    ({"content_schema": {"type": "object"}}, "the text of the answer is no JSON"),
    ({"status": 200}, ""),
    ({"status": 400}, "answered with 200, not with 400"),
    ({"shape": "any"}, ""),
    ({"shape": "completions"}, "`object` is"),
]


@pytest.mark.parametrize(("expect", "words"), EXPECTED, ids=lambda value: str(value)[:40])
def test_expectations(expect: dict[str, Any], words: str) -> None:
    verdict = judge(check_of(entity(), derived=False, **expect), Answer(200, CHAT))
    assert verdict.ok == (not words)
    assert words in verdict.message


def test_a_check_may_expect_a_refusal() -> None:
    check = check_of(entity(), derived=False, status=400, json_path={"error_code": "BAD_REQUEST"})
    assert judge(check, Answer(400, {"error_code": "BAD_REQUEST"})).ok
    assert judge(check, Answer(400, {"error_code": "OTHER"})).cause is Cause.UNEXPECTED
    assert judge(check, Answer(403, {})).cause is Cause.CALLER_LACKS_RIGHT


def test_time_budgets() -> None:
    check = check_of(entity(), latency=2)
    assert judge(check, Answer(200, CHAT, seconds=1.9)).ok
    slow = judge(check, Answer(200, CHAT, seconds=2.1))
    assert (slow.cause, slow.seconds) == (Cause.SLOW, 2.1)
    assert judge(check, Answer(0, lost="timeout")).cause is Cause.SLOW
    assert judge(check, Answer(0, lost="connection")).cause is Cause.NO_ANSWER
    wrong = judge(check, Answer(200, {}, seconds=9))
    assert wrong.cause is Cause.WRONG_SHAPE, "what is wrong weighs more than when it came"


def test_compute_that_was_scaled_to_zero_has_a_budget_of_its_own() -> None:
    own = {
        "name": "e",
        "entity_name": "main.ml.m",
        "entity_version": "1",
        "scale_to_zero_enabled": True,
    }
    check = check_of(own, latency=1, cold_start=60)
    cold = Answer(200, {"predictions": [1]}, seconds=40)
    warm = Answer(200, {"predictions": [1]}, seconds=0.5)
    verdict = judge(check, warm, cold)
    assert (verdict.ok, verdict.tries) == (True, 2)
    assert "compute came up within 40.0 s" in verdict.message
    assert judge(check, Answer(200, {}, seconds=3), cold).cause is Cause.SLOW
    assert judge(check, Answer(0, lost="timeout")).cause is Cause.COLD_START
    assert judge(check, Answer(0, lost="timeout"), cold).cause is Cause.SLOW
    late = Answer(200, {}, seconds=61)
    assert judge(check, warm, late).cause is Cause.COLD_START


def test_a_model_of_ones_own_without_checks_has_only_to_be_there() -> None:
    own = {"name": "e", "entity_name": "main.ml.m", "entity_version": "1"}
    refused = Answer(400, {"error_code": "BAD_REQUEST", "message": "Missing columns"})
    verdict = judge(check_of(own), refused)
    assert verdict.ok
    assert "write `checks`" in verdict.hint
    assert judge(check_of(own), Answer(500, {})).cause is Cause.MODEL_FAILED
    assert judge(check_of(own, derived=False, status=200), refused).cause is Cause.REQUEST_REFUSED
