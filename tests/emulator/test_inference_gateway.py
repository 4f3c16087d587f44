"""What the gateway does to requests: limits, guardrails, fallback, the books."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.emulator.inference.ledger import Split
from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL
from tests.emulator.conftest import ENDPOINTS, Api, config, custom, external
from tests.emulator.test_inference import HELLO, ask, completions_entity

ALICE: dict[str, Any] = {"headers": {"Authorization": "Bearer token-alice"}}
BOB: dict[str, Any] = {"headers": {"Authorization": "Bearer token-bob"}}
MINUTE = {"renewal_period": "minute"}


def gateway(api: Api, name: str = "bot", **parts: Any) -> None:
    api.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", parts)


@pytest.fixture
def bot(slow: Api) -> Api:
    """An endpoint with two external models that everybody may ask; time stands still."""
    entities = (external("first"), external("second", "gpt-4o-mini"))
    document = {"name": "bot", "config": config(*entities, first=100, second=0)}
    created = slow.ok("POST", ENDPOINTS, document)
    rows = [{"group_name": "users", "permission_level": "CAN_QUERY"}]
    path = f"/api/2.0/permissions/serving-endpoints/{created['id']}"
    slow.ok("PUT", path, {"access_control_list": rows})
    slow.advance(5)
    return slow


def statuses(api: Api, number: int, **who: Any) -> list[int]:
    return [ask(api, "bot", **who).status_code for _ in range(number)]


def test_a_limit_of_the_endpoint(bot: Api) -> None:
    gateway(bot, rate_limits=[{"calls": 2} | MINUTE])
    assert statuses(bot, 1) + statuses(bot, 2, **ALICE) == [200, 200, 429]
    refused = ask(bot, "bot").json()
    assert refused["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert "User defined rate limit(s) exceeded for 'bot'" in refused["message"]
    bot.advance(59)
    assert statuses(bot, 1) == [429]
    bot.advance(1)
    assert statuses(bot, 3) == [200, 200, 429]


def test_a_limit_of_nothing(bot: Api) -> None:
    gateway(bot, rate_limits=[{"calls": 0} | MINUTE])
    assert statuses(bot, 1) == [429]
    bot.advance(600)
    assert statuses(bot, 1) == [429]


def test_each_user_has_a_window(bot: Api) -> None:
    gateway(bot, rate_limits=[{"key": "user", "calls": 1} | MINUTE])
    assert statuses(bot, 2, **ALICE) == [200, 429]
    assert statuses(bot, 2, **BOB) == [200, 429]


def test_one_s_own_limit_comes_before_that_of_groups_and_all(bot: Api) -> None:
    limits = [
        {"key": "user", "calls": 1},
        {"key": "user", "principal": "alice@example.com", "calls": 3},
        {"key": "user_group", "principal": "support-agents", "calls": 2},
    ]
    gateway(bot, rate_limits=[limit | MINUTE for limit in limits])
    assert statuses(bot, 4, **ALICE) == [200, 200, 200, 429]
    assert statuses(bot, 3, **BOB) == [200, 200, 429]
    assert statuses(bot, 2) == [200, 429]


def test_the_most_generous_group_counts(bot: Api) -> None:
    limits = [
        {"key": "user_group", "principal": group, "calls": calls} | MINUTE
        for group, calls in (("users", 1), ("ml-engineers", 2))
    ]
    gateway(bot, rate_limits=limits)
    assert statuses(bot, 3, **ALICE) == [200, 200, 429]
    assert statuses(bot, 1, **BOB) == [429]


def test_a_limit_of_a_service_principal(bot: Api) -> None:
    limit = {"key": "service_principal", "principal": SERVICE_PRINCIPAL, "calls": 1} | MINUTE
    gateway(bot, rate_limits=[limit])
    token = bot.session.post(
        f"{bot.url}/oidc/v1/token",
        data={"grant_type": "client_credentials", "scope": "all-apis"},
        auth=(SERVICE_PRINCIPAL, CLIENT_SECRET),
        timeout=10,
    ).json()["access_token"]
    robot: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
    assert statuses(bot, 2, **robot) == [200, 429]
    assert statuses(bot, 2) == [200, 200]


def test_a_limit_of_tokens(bot: Api) -> None:
    gateway(bot, rate_limits=[{"tokens": 100} | MINUTE])
    body = {"messages": HELLO, "max_tokens": 50}
    spent = ask(bot, "bot", body).json()["usage"]["total_tokens"]
    assert spent < 100
    assert [ask(bot, "bot", body).status_code for _ in range(2)] == [200, 429]
    assert "Tokens-per-minute" in ask(bot, "bot", body).json()["message"]


def test_deprecated_limits_count_as_well(bot: Api) -> None:
    limits = [{"key": "user", "calls": 1} | MINUTE]
    bot.ok("PUT", f"{ENDPOINTS}/bot/rate-limits", {"rate_limits": limits})
    assert statuses(bot, 2) == [200, 429]


# Guardrails.

MAIL = "write to jo@example.com"


def chat(api: Api, text: str) -> Any:
    return ask(api, "bot", {"messages": [{"role": "user", "content": text}]})


@pytest.mark.parametrize(
    ("side", "rails", "bad", "good"),
    [
        ("input", {"pii": {"behavior": "BLOCK"}}, MAIL, "write to jo"),
        ("output", {"pii": {"behavior": "BLOCK"}}, MAIL, "write to jo"),
        ("input", {"safety": True}, "how to build a bomb", "how to build a house"),
        ("output", {"safety": True}, "how to build a bomb", "how to build a house"),
        ("input", {"invalid_keywords": ["Tango"]}, "a tango", "a waltz"),
        ("input", {"valid_topics": ["cooking"]}, "politics", "cooking for ten"),
    ],
)
def test_guardrails_block(bot: Api, side: str, rails: Any, bad: str, good: str) -> None:
    gateway(bot, guardrails={side: rails})
    answer = chat(bot, bad)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    verdict = json.loads(answer.json()["message"])
    assert verdict["finishReason"] == f"{side}_guardrail_triggered"
    assert verdict[f"{side}_guardrail"][0]["flagged"] is True
    assert chat(bot, good).status_code == 200


@pytest.mark.parametrize("side", ["input", "output"])
def test_guardrails_mask(bot: Api, side: str) -> None:
    assert "jo@example.com" in chat(bot, MAIL).text
    gateway(bot, guardrails={side: {"pii": {"behavior": "MASK"}}})
    blocks = {"messages": [{"role": "user", "content": [{"type": "text", "text": MAIL}]}]}
    for answer in (chat(bot, MAIL), ask(bot, "bot", blocks)):
        assert "jo@example.com" not in answer.text
        assert "write to [REDACTED]" in answer.text


@pytest.mark.parametrize(
    ("entity", "body"),
    [
        (completions_entity(), {"prompt": ["fine", MAIL]}),
        (None, {"input": ["fine", MAIL]}),
    ],
)
def test_guardrails_of_other_tasks(slow: Api, entity: Any, body: Any) -> None:
    name = "text" if entity else "databricks-gte-large-en"
    if entity:
        slow.create(name, entity)
        slow.advance(5)
    assert ask(slow, name, body).status_code == 200
    gateway(slow, name, guardrails={"input": {"pii": {"behavior": "BLOCK"}}})
    assert ask(slow, name, body).status_code == 400


def test_guardrails_of_nothing(bot: Api) -> None:
    gateway(bot, guardrails={"input": {"pii": {"behavior": "NONE"}, "safety": False}})
    assert "jo@example.com" in chat(bot, MAIL).text


# Fallback.


@pytest.mark.parametrize(
    ("condition", "status"),
    [("provider_down", 200), ("error", 200), ("provider_rejected_key", 401)],
)
def test_fallback(bot: Api, condition: str, status: int) -> None:
    gateway(bot, fallback_config={"enabled": True})
    ail = {"endpoint": "bot", "entity": "first", "condition": condition}
    bot.admin("PUT", "conditions", ail)
    answer = ask(bot, "bot")
    assert answer.status_code == status
    assert answer.headers["served-model-name"] == ("second" if status == 200 else "first")
    assert ask(bot, "bot", entity="first").status_code != 200
    bot.admin("PUT", "conditions", ail | {"entity": "second"})
    assert ask(bot, "bot").status_code != 200


def test_the_time_of_failed_attempts_is_waited_for(bot: Api) -> None:
    gateway(bot, fallback_config={"enabled": True})
    for condition, seconds in (("error", 0.15), ("slow", 0.05)):
        ail = {"endpoint": "bot", "condition": condition, "delay_seconds": seconds}
        bot.admin("PUT", "conditions", ail | ({"entity": "first"} if seconds > 0.1 else {}))
    answer = ask(bot, "bot")
    assert (answer.status_code, answer.elapsed.total_seconds() >= 0.25) == (200, True)


def test_no_fallback_unless_it_is_switched_on(bot: Api) -> None:
    bot.admin("PUT", "conditions", {"endpoint": "bot", "entity": "first", "condition": "error"})
    assert statuses(bot, 1) == [500]


# The books.


def test_usage_is_tracked(bot: Api) -> None:
    ask(bot, "bot")
    assert bot.admin("GET", "usage")["usage"] == []
    gateway(bot, usage_tracking_config={"enabled": True}, fallback_config={"enabled": True})
    ail = {"endpoint": "bot", "entity": "first", "condition": "error", "times": 1}
    bot.admin("PUT", "conditions", ail)
    labels = {"client_request_id": "r1", "usage_context": {"team": "a"}}
    answer = ask(bot, "bot", {"messages": HELLO, **labels}, **ALICE)
    failed, done = bot.admin("GET", "usage")["usage"]
    assert (failed["served_entity_name"], failed["status_code"]) == ("first", 500)
    assert (done["served_entity_name"], done["status_code"]) == ("second", 200)
    assert done["requester"] == "alice@example.com"
    assert {key: done[key] for key in labels} == labels
    assert done["databricks_request_id"] == answer.headers["x-request-id"]
    counted = answer.json()["usage"]
    assert done["input_token_count"] == counted["prompt_tokens"]
    assert done["output_token_count"] == counted["completion_tokens"]


def test_inference_tables(bot: Api) -> None:
    tables = {"enabled": True, "catalog_name": "main", "schema_name": "serving_logs"}
    gateway(bot, inference_table_config=tables)
    answer = ask(bot, "bot")
    (row,) = bot.admin("GET", "usage")["payloads"]
    assert row["table"] == "main.serving_logs.bot_payload"
    assert row["request"] == {"messages": HELLO}
    assert row["response"] == answer.json()


def test_deprecated_inference_tables(bot: Api) -> None:
    tables = {"catalog_name": "main", "schema_name": "ml", "table_name_prefix": "old"}
    document = config(custom(name="a")) | {"auto_capture_config": tables}
    bot.ok("POST", ENDPOINTS, {"name": "x", "config": document})
    bot.advance(600)
    ask(bot, "x", {"instances": [1]})
    (row,) = bot.admin("GET", "usage")["payloads"]
    assert row["table"] == "main.ml.old_payload"


@given(st.lists(st.integers(1, 97), min_size=1, max_size=4).filter(lambda cuts: sum(cuts) < 100))
def test_every_split_is_exact_and_even(cuts: list[int]) -> None:
    shares = [*cuts, 100 - sum(cuts)]
    weights = {f"e{at}": share for at, share in enumerate(shares)}
    split, seen = Split(1), Counter[str]()
    for number in range(1, 201):
        seen[split.next(weights)] += 1
        for name, share in weights.items():  # hardly more than a request from its share
            assert abs(seen[name] - number * share / 100) < 1.5
        if number % 100 == 0:
            assert seen == {name: share * number // 100 for name, share in weights.items()}


def test_the_split_survives_refusals(bot: Api) -> None:
    entities = (custom(name="a"), custom("2", name="b"))
    bot.ok("POST", ENDPOINTS, {"name": "x", "config": config(*entities, a=50, b=50)})
    bot.advance(600)
    gateway(bot, "x", rate_limits=[{"calls": 4} | MINUTE])
    answers = [ask(bot, "x", {"instances": [1]}) for _ in range(6)]
    found = Counter(answer.headers.get("served-model-name") for answer in answers)
    assert found == {"a": 2, "b": 2, None: 2}
