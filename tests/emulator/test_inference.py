"""Endpoints that answer: tasks, shapes, the split, conditions, metrics."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections import Counter
from typing import Any

import pytest
import requests

from provisioner.emulator.oidc import JWT_BEARER
from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL
from tests.emulator.conftest import ENDPOINTS, Api, config, custom, external, throughput

LLAMA = "databricks-meta-llama-3-3-70b-instruct"
HELLO = [{"role": "user", "content": "Hello"}]


def ask(api: Api, name: str, body: Any = None, entity: str = "", **more: Any) -> requests.Response:
    """Ask an endpoint for a chat, or for what ``body`` says."""
    path = f"/serving-endpoints/{name}"
    path += f"/served-models/{entity}/invocations" if entity else "/invocations"
    return api.call("POST", path, {"messages": HELLO} if body is None else body, **more)


def completions_entity(name: str = "claude-2") -> dict[str, Any]:
    block = {"anthropic_api_key": "{{secrets/llm/anthropic_api_key}}"}
    model = {"provider": "anthropic", "name": name, "task": "llm/v1/completions"}
    return {"name": "old", "external_model": model | {"anthropic_config": block}}


def test_chat(api: Api) -> None:
    answer = ask(api, LLAMA, {"messages": HELLO, "max_tokens": 500, "n": 2})
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert all(text.startswith("[emulated]") for text in texts)
    assert texts[0] != texts[1]
    assert body["choices"][0]["message"]["tool_calls"] is None
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.headers["served-model-name"] == LLAMA
    assert answer.headers["x-emulated"] == "true"
    assert ask(api, LLAMA, {"messages": HELLO, "max_tokens": 500, "n": 2}).json() == body


def test_an_answer_ends_where_it_should(api: Api) -> None:
    short = ask(api, LLAMA, {"messages": HELLO, "max_tokens": 5}).json()
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 5
    cut = ask(api, LLAMA, {"messages": HELLO, "stop": ["emulator"]}).json()["choices"][0]
    assert cut["finish_reason"] == "stop"
    assert "emulator" not in cut["message"]["content"]


def test_completions(api: Api) -> None:
    api.create("text", completions_entity())
    body = ask(api, "text", {"prompt": ["one", "two"], "n": 2, "max_tokens": 9}).json()
    assert body["object"] == "text_completion"
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert {choice["finish_reason"] for choice in body["choices"]} == {"length"}
    assert body["usage"]["completion_tokens"] == 36


@pytest.mark.parametrize(("model", "unit"), [("bge", True), ("gte", False)])
def test_embeddings(api: Api, model: str, unit: bool) -> None:
    name = f"databricks-{model}-large-en"
    body = ask(api, name, {"input": ["a", "b"]}).json()
    assert [item["index"] for item in body["data"]] == [0, 1]
    vectors = [item["embedding"] for item in body["data"]]
    assert [len(vector) for vector in vectors] == [1024, 1024]
    assert vectors[0] != vectors[1]
    assert (abs(math.hypot(*vectors[0]) - 1) < 0.001) == unit
    packed = ask(api, name, {"input": "a", "encoding_format": "base64"}).json()
    assert packed["data"][0]["embedding"] == vectors[0]
    advised = ask(api, name, {"input": "a", "instruction": "Look for"}).json()
    assert advised["data"][0]["embedding"] != vectors[0]


ROWS = {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}},
        {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"instances": [[1, 2], [3, 4]]},
        {"inputs": ROWS},
        {"inputs": [[1, 2], [3, 4]], "client_request_id": "me"},
    ],
)
def test_custom_models(api: Api, body: Any) -> None:
    api.create("churn", custom())
    found = ask(api, "churn", body).json()["predictions"]
    assert len(found) == 2
    assert found[0] != found[1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": HELLO},
        {"instances": [1], "inputs": [1]},
        {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
        {"dataframe_split": {"columns": ["a"]}},
        {"dataframe_records": [1]},
        {"instances": 3},
    ],
)
def test_custom_models_refuse(api: Api, body: Any) -> None:
    api.create("churn", custom())
    assert ask(api, "churn", body).status_code == 400


def test_packed_vectors_of_external_models(api: Api) -> None:
    model = {"provider": "openai", "name": "text-embedding-3-small", "task": "llm/v1/embeddings"}
    block = {"openai_config": {"openai_api_key": "{{secrets/llm/openai_api_key}}"}}
    api.create("vectors", {"name": "v", "external_model": model | block})
    for more, length in (({}, 1536), ({"dimensions": 256}, 256)):
        plain = ask(api, "vectors", {"input": "a", **more}).json()["data"][0]["embedding"]
        packed = ask(api, "vectors", {"input": "a", "encoding_format": "base64", **more}).json()
        raw = base64.b64decode(packed["data"][0]["embedding"])
        assert struct.unpack(f"<{length}f", raw) == pytest.approx(plain, rel=1e-6)
    for wrong in (0, 1537, "many"):
        assert ask(api, "vectors", {"input": "a", "dimensions": wrong}).status_code == 400
    hosted = ask(api, "databricks-gte-large-en", {"input": "a", "dimensions": 8}).json()
    assert 'unknown field "dimensions"' in hosted["message"]


def test_features(api: Api) -> None:
    entity = {"entity_name": "main.ml.customer_features", "scale_to_zero_enabled": True}
    api.create("features", entity)
    body = {"dataframe_records": [{"customer": 1}]}
    assert len(ask(api, "features", body).json()["outputs"]) == 1


REFUSED = [
    ({}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "boss", "content": "x"}]}, "role"),
    ({"messages": [*HELLO, {"role": "system", "content": "x"}]}, "system"),
    ({"messages": [{"role": "user", "content": None}]}, "content"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "blocks"),
    ({"messages": HELLO, "temperature": 2.1}, "temperature"),
    ({"messages": HELLO, "temperature": "hot"}, "temperature"),
    ({"messages": HELLO, "n": 6}, '"n" must be between 1 and 5'),
    ({"messages": HELLO, "n": 1.5}, '"n"'),
    ({"messages": HELLO, "n": 2, "stream": True}, '"n" must be equal to 1 for streaming'),
    ({"messages": HELLO, "max_tokens": 0}, "max_tokens"),
    ({"messages": HELLO, "top_p": 2}, "top_p"),
    ({"messages": HELLO, "stop": 3}, "stop"),
    ({"messages": HELLO, "stream": "yes"}, "stream"),
    ({"messages": HELLO, "extra_params": [1]}, "extra_params"),
    ({"messages": HELLO, "extra_params": {"temperature": "3"}}, "temperature"),
    ({"messages": HELLO, "seed": 1}, 'json: unknown field "seed"'),
    ({"messages": HELLO, "stream_options": None}, 'unknown field "stream_options"'),
    ({"messages": HELLO, "inputs": {}}, 'unknown field "inputs"'),
    ({"messages": HELLO, "extra_params": {"seed": "1"}}, 'unknown field "seed"'),
]


@pytest.mark.parametrize(("body", "words"), REFUSED)
def test_hosted_models_refuse(api: Api, body: Any, words: str) -> None:
    answer = ask(api, LLAMA, body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert words in answer.json()["message"]


def test_malformed_requests(api: Api) -> None:
    path = f"{api.url}/serving-endpoints/{LLAMA}/invocations"
    for raw in ("{", "[1]", '"x"'):
        answer = api.session.post(path, data=raw, timeout=10)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")


def test_external_models_take_what_their_provider_knows(api: Api) -> None:
    api.create("bot", external("gpt"))
    assert ask(api, "bot", {"messages": HELLO, "seed": 1, "logit_bias": {}}).status_code == 200


@pytest.mark.parametrize(("limit", "entity"), [(4, external("gpt")), (16, custom())])
def test_payload_limits(api: Api, limit: int, entity: Any) -> None:
    api.create("big", entity)
    space = " " * (limit * 1024 * 1024)
    path = f"{api.url}/serving-endpoints/big/invocations"
    assert api.session.post(path, data="{}" + space, timeout=30).status_code == 413
    assert api.session.post(path, data="{}" + space[:-2], timeout=30).status_code == 400


@pytest.mark.parametrize("more", ["", "/v1"])
def test_openai_paths(api: Api, more: str) -> None:
    api.create("text", completions_entity())
    base = f"/serving-endpoints{more}"
    chat = api.ok("POST", f"{base}/chat/completions", {"model": LLAMA, "messages": HELLO})
    assert chat["object"] == "chat.completion"
    texts = api.ok("POST", f"{base}/completions", {"model": "text", "prompt": "x"})
    assert texts["object"] == "text_completion"
    vectors = api.ok(
        "POST", f"{base}/embeddings", {"model": "databricks-gte-large-en", "input": "x"}
    )
    assert vectors["object"] == "list"
    wrong = {"model": LLAMA, "input": "x"}
    assert api.refused("POST", f"{base}/embeddings", wrong)[0] == 400
    assert api.refused("POST", f"{base}/chat/completions", {"messages": HELLO})[0] == 400
    gone = api.refused("POST", f"{base}/chat/completions", {"model": "gone", "messages": HELLO})
    assert gone == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(("name", "number"), [(LLAMA, 1), ("bot", 2)])
def test_streams(api: Api, name: str, number: int) -> None:
    api.create("bot", external("gpt"))
    request = {"messages": HELLO, "max_tokens": 40, "n": number}
    whole = ask(api, name, request).json()
    streamed = ask(api, name, request | {"stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.headers["served-model-name"] == (LLAMA if name == LLAMA else "gpt")
    lines = [line.removeprefix("data: ") for line in streamed.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["id"] for chunk in chunks} == {whole["id"]}
    texts = [""] * number
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == [choice["message"]["content"] for choice in whole["choices"]]
    counts = [chunk["usage"]["completion_tokens"] for chunk in chunks if "usage" in chunk]
    assert counts == sorted(counts)
    assert counts[-1:] == ([40] if name == LLAMA else [])
    if counts:  # a hosted model's
        assert chunks[-1]["usage"] == whole["usage"]


def test_streams_of_external_models_tell_usage_when_asked(api: Api) -> None:
    api.create("bot", external("gpt"))
    body = {"messages": HELLO, "stream": True}
    assert '"usage"' not in ask(api, "bot", body).text
    assert '"usage"' in ask(api, "bot", body | {"stream_options": {"include_usage": True}}).text


def test_basic_auth_and_bearers(api: Api) -> None:
    path = f"{api.url}/serving-endpoints/{LLAMA}/invocations"
    ways = {("token", "dapi"): 200, ("token", "expired"): 401, ("me", "dapi"): 401, None: 401}
    for auth, status in ways.items():
        assert (
            requests.post(path, json={"messages": HELLO}, auth=auth, timeout=10).status_code
            == status
        )


def test_permission_to_query(api: Api) -> None:
    created = api.create("bot", external("gpt"))
    alice: dict[str, Any] = {"headers": {"Authorization": "Bearer token-alice"}}
    assert ask(api, LLAMA, **alice).status_code == 200
    rows: list[dict[str, str]] = []
    for level, status in (("", 403), ("CAN_VIEW", 403), ("CAN_QUERY", 200)):
        rows = [{"user_name": "alice@example.com", "permission_level": level}] if level else []
        path = f"/api/2.0/permissions/serving-endpoints/{created['id']}"
        api.ok("PUT", path, {"access_control_list": rows})
        answer = ask(api, "bot", **alice)
        assert answer.status_code == status
        assert status == 200 or answer.json()["error_code"] == "PERMISSION_DENIED"


def test_route_optimized_endpoints(api: Api) -> None:
    api.create("fast", custom(), route_optimized=True)
    info = api.endpoint("fast")["data_plane_info"]["query_info"]
    path, body = info["endpoint_url"].removeprefix(api.url), {"instances": [1]}
    details = {"authorization_details": info["authorization_details"]}
    plain, made = (_token(api, **more) for more in ({}, details))
    exchanged = _token(api, grant_type=JWT_BEARER, assertion=plain, **details)
    for token, status in ((None, 401), (plain, 401), (made, 200), (exchanged, 200)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert api.call("POST", path, body, headers=headers).status_code == status
    good = {"Authorization": f"Bearer {made}"}
    elsewhere = ask(api, "fast", body, headers=good)
    assert (elsewhere.status_code, path in elsewhere.json()["message"]) == (400, True)
    api.create("slow", custom())
    assert api.call("POST", path.replace("fast", "slow"), body, headers=good).status_code == 404
    for wrong in ({"assertion": "nobody's", **details}, {"assertion": plain}):
        form = {"grant_type": JWT_BEARER, **wrong}
        assert (
            api.session.post(f"{api.url}/oidc/v1/token", data=form, timeout=10).status_code == 400
        )


def _token(api: Api, **more: str) -> str:
    form = {"grant_type": "client_credentials", "scope": "all-apis", **more}
    answer = api.session.post(
        f"{api.url}/oidc/v1/token", data=form, auth=(SERVICE_PRINCIPAL, CLIENT_SECRET), timeout=10
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


# The split.


def shares(api: Api, name: str, number: int) -> Counter[str]:
    found = (ask(api, name, {"instances": [at]}) for at in range(number))
    return Counter(answer.headers["served-model-name"] for answer in found)


def test_the_split_is_exact(api: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b"), custom("3", name="c"))
    api.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=70, b=30, c=0)})
    assert shares(api, "x", 10) == {"a": 7, "b": 3}
    assert shares(api, "x", 20) == {"a": 14, "b": 6}
    api.ok("PUT", f"{ENDPOINTS}/x/config", config(*entities, a=1, b=0, c=99))
    assert shares(api, "x", 100) == {"a": 1, "c": 99}


def test_an_endpoint_of_another_product_is_not_the_emulator_s_bug(api: Api) -> None:
    entity = {"name": "e", "foundation_model": {"name": "somebody's"}}
    api.admin("POST", "seed", {"endpoints": {"theirs": {"config": {"served_entities": [entity]}}}})
    assert ask(api, "theirs").json()["object"] == "chat.completion"
    api.admin("POST", "seed", {"endpoints": {"empty": {"config": {}}}})
    assert ask(api, "empty").status_code == 400


def test_an_entity_is_asked_past_the_split(api: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b"))
    api.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=100, b=0)})
    for entity in ("a", "b", "b"):
        answer = ask(api, "x", {"instances": [1]}, entity)
        assert answer.headers["served-model-name"] == entity
    assert ask(api, "x", {"instances": [1]}, "nobody").status_code == 404


# States and conditions.


def test_states(slow: Api) -> None:
    slow.ok("POST", ENDPOINTS, {"name": "bare"})
    assert ask(slow, "bare").status_code == 400
    slow.create("new", custom(name="a"))
    waiting = ask(slow, "new", {"instances": [1]})
    assert (waiting.status_code, "not ready" in waiting.json()["message"]) == (400, True)
    slow.advance(600)
    assert ask(slow, "new", {"instances": [1]}).status_code == 200
    slow.ok("PUT", f"{ENDPOINTS}/new/config", config(custom("2", name="b")))
    assert ask(slow, "new", {"instances": [1]}).headers["served-model-name"] == "a"
    slow.advance(600)
    assert ask(slow, "new", {"instances": [1]}).headers["served-model-name"] == "b"
    slow.ok("POST", f"{ENDPOINTS}/new/config:stop")
    stopped = ask(slow, "new", {"instances": [1]})
    assert (stopped.status_code, "is stopped" in stopped.json()["message"]) == (400, True)


CONDITIONS = [
    ("provider_rejected_key", 401, "Incorrect API key"),
    ("provider_down", 503, "Received error from openai"),
    ("provider_rate_limited", 429, "Received error from openai"),
    ("workspace_rate_limited", 429, "Exceeded workspace QPS rate limit for bot"),
    ("disabled", 403, "Databricks-set rate limit of 0"),
    ("cold", 503, "scaled to zero"),
    ("not_ready", 400, "not ready"),
    ("stopped", 400, "is stopped"),
    ("error", 500, "INTERNAL_ERROR"),
    ("wrong_shape", 200, '"result"'),
]


@pytest.mark.parametrize(("condition", "status", "words"), CONDITIONS)
def test_conditions(api: Api, condition: str, status: int, words: str) -> None:
    for name in ("bot", "other"):
        api.create(name, external("gpt"))
    given = {"endpoint": "bot", "entity": None, "condition": condition}
    listed = api.admin("PUT", "conditions", given)["conditions"]
    assert listed == [given | {"seen": 0, "fired": 0}]
    answer = ask(api, "bot")
    assert answer.status_code == status
    assert words in answer.text
    assert ask(api, "other").status_code == 200
    api.admin("DELETE", "conditions")
    assert ask(api, "bot").json()["object"] == "chat.completion"


def test_conditions_hit_evenly_and_so_often(api: Api) -> None:
    api.create("bot", external("gpt"))
    error = {"endpoint": "bot", "condition": "error", "share": 0.3, "times": 3}
    api.admin("PUT", "conditions", error)
    statuses = [ask(api, "bot").status_code for _ in range(20)]
    assert [at for at, status in enumerate(statuses, 1) if status == 500] == [4, 7, 10]
    api.admin("PUT", "conditions", error | {"share": 0})
    assert ask(api, "bot").status_code == 200
    assert len(api.admin("GET", "conditions")["conditions"]) == 1


def test_a_condition_of_one_entity(api: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b"))
    api.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=50, b=50)})
    api.admin("PUT", "conditions", {"endpoint": "x", "entity": "b", "condition": "error"})
    statuses = Counter(ask(api, "x", {"instances": [1]}).status_code for _ in range(10))
    assert statuses == {200: 5, 500: 5}


def test_a_stream_that_breaks_off(api: Api) -> None:
    api.create("bot", external("gpt"))
    api.admin("PUT", "conditions", {"endpoint": "bot", "condition": "cut_stream"})
    assert ask(api, "bot").json()["object"] == "chat.completion"
    answer = ask(api, "bot", {"messages": HELLO, "stream": True}, stream=True)
    seen: list[bytes] = []
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        seen.extend(answer.iter_content(None))
    assert seen[0].startswith(b"data: {")
    assert b"[DONE]" not in b"".join(seen)


def test_a_cold_entity_says_so(api: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b", scale_to_zero_enabled=False))
    api.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=50, b=50)})
    api.admin("PUT", "conditions", {"endpoint": "x", "condition": "cold"})
    assert states(api) == {"a": "Scaled to zero", "b": ""}
    assert api.endpoint("x")["state"]["ready"] == "READY"
    assert ask(api, "x", {"instances": [1]}, "a").status_code == 503
    assert ask(api, "x", {"instances": [1]}, "a").status_code == 200
    assert states(api) == {"a": "", "b": ""}


def states(api: Api) -> dict[str, str]:
    served = api.endpoint("x")["config"]["served_entities"]
    return {entity["name"]: entity["state"]["deployment_state_message"] for entity in served}


def test_slow_and_cold_answers_wait(api: Api) -> None:
    api.create("bot", external("gpt"))
    for condition in ("slow", "cold"):
        given = {"endpoint": "bot", "condition": condition, "delay_seconds": 0.2}
        api.admin("PUT", "conditions", given)
        first = ask(api, "bot")
        assert (first.status_code, first.elapsed.total_seconds() >= 0.2) == (200, True)
        again = ask(api, "bot").elapsed.total_seconds()
        assert (again >= 0.2) == (condition == "slow")
        api.admin("DELETE", "conditions")


@pytest.mark.parametrize(
    "document",
    [
        {"condition": "error"},
        {"endpoint": "x", "condition": "flu"},
        {"endpoint": "x", "condition": "error", "share": 2},
        {"endpoint": "x", "condition": "error", "delay_seconds": -1},
        {"endpoint": "x", "condition": "error", "times": 0.5},
        {"endpoint": "x", "condition": "error", "entity": 3},
        {"endpoint": "x", "condition": "error", "chance": 1},
    ],
)
def test_conditions_that_make_no_sense(api: Api, document: Any) -> None:
    assert api.refused("PUT", "/__emulator/conditions", document)[0] == 400
    assert api.admin("GET", "conditions") == {"conditions": []}


def test_a_secret_that_is_gone(api: Api) -> None:
    api.create("bot", external("gpt"))
    assert ask(api, "bot").status_code == 200
    api.ok("POST", "/api/2.0/secrets/delete", {"scope": "llm", "key": "openai_api_key"})
    answer = ask(api, "bot")
    assert (answer.status_code, "llm" in answer.json()["message"]) == (400, True)


# Metrics.


def metrics(api: Api, name: str) -> dict[str, float]:
    """Samples by metric and served entity, buckets left out."""
    text = api.call("GET", f"{ENDPOINTS}/{name}/metrics").text
    assert text.endswith("# EOF\n")
    found = re.findall(r'^(\w+){endpoint_name="(\w+)"(?:,served_entity_name="(\w+)")?} (\S+) \d+$',
                       text, re.MULTILINE)  # fmt: skip
    assert {endpoint for _, endpoint, _, _ in found} == {name}
    return {f"{metric} {entity}".strip(): float(value) for metric, _, entity, value in found}


def test_metrics_count_requests(api: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b"))
    api.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=50, b=50)})
    assert set(metrics(api, "x").values()) == {0}
    api.admin("PUT", "conditions", {"endpoint": "x", "entity": "b", "condition": "error"})
    api.admin(
        "PUT",
        "conditions",
        {"endpoint": "x", "entity": "a", "condition": "slow", "delay_seconds": 0.01},
    )
    for _ in range(4):
        ask(api, "x", {"instances": [1]})
    ask(api, "x", {"nonsense": 1}, "a")
    found = metrics(api, "x")
    assert found["request_count_total a"] == 3
    assert found["request_count_total b"] == 2
    assert found["request_4xx_count_total a"] == 1
    assert found["request_5xx_count_total b"] == 2
    assert found["request_5xx_count_total a"] == 0
    assert found["request_latency_ms_sum a"] == 60
    assert found["request_latency_ms_count b"] == 2


def test_metrics_are_of_the_last_full_minute(slow: Api) -> None:
    slow.create("x", custom(name="a"))
    slow.advance(600)
    ask(slow, "x", {"instances": [1]})
    assert metrics(slow, "x")["request_count_total a"] == 0
    slow.advance(60)
    assert metrics(slow, "x")["request_count_total a"] == 1
    slow.advance(60)
    assert metrics(slow, "x")["request_count_total a"] == 0


def test_databricks_own_endpoints_have_no_metrics(api: Api) -> None:
    assert api.refused("GET", f"{ENDPOINTS}/{LLAMA}/metrics")[0] == 404


def test_throughput_answers_as_its_family(api: Api) -> None:
    api.create("llama", throughput(name="eight"))
    answer = ask(api, "llama")
    assert answer.json()["model"] == "meta_llama_v3_1_8b_instruct"
    assert ask(api, "llama", {"messages": HELLO, "seed": 1}).status_code == 400
    told = {"messages": HELLO, "max_tokens": 3, "logprobs": True}
    assert len(ask(api, "llama", told).json()["choices"][0]["logprobs"]["content"]) == 3
    assert ask(api, LLAMA, told).json()["choices"][0]["logprobs"] is None


def test_a_question_that_is_too_long(api: Api) -> None:
    long = {"messages": [{"role": "user", "content": "word " * 110_000}]}
    assert "context of 128000 tokens" in ask(api, LLAMA, long).json()["message"]


def test_requests_are_logged_and_change_nothing_stored(api: Api) -> None:
    before = api.admin("GET", "export")
    api.admin("DELETE", "requests")
    ask(api, LLAMA)
    assert api.admin("GET", "export") == before
    (entry,) = api.admin("GET", "requests")["requests"]
    assert entry["path"] == f"/serving-endpoints/{LLAMA}/invocations"
    assert (entry["status"], entry["body"]) == (200, {"messages": HELLO})
