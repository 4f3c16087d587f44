"""Tighten first, loosen last: which change is which, and in which calls they are made."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.diff import Cause, Comparison, Difference, Effect, Reason, Scope, compare
from provisioner.fields import pattern_of, table
from provisioner.plan import Desired, Step, Target, WorkspaceRef
from provisioner.plan import steps as calls
from provisioner.plan.order import loosens
from provisioner.wire.answers import Live

Json = dict[str, Any]
_TARGET = Target("shop", "dev", WorkspaceRef("https://example.com", "1"), "user:me@example.com")


def _difference(path: str, before: Any, after: Any) -> Difference:
    effect = Effect.REMOVE if after is None else Effect.SET
    field = table().get(pattern_of(path))
    return Difference(path, (), field, before, after, effect, Cause.SPEC, Reason.DECLARED)


_LIMIT = "ai_gateway.rate_limits[user].calls"
_TOKENS = "ai_gateway.rate_limits[user].tokens"
_SAFETY = "ai_gateway.guardrails.input.safety"
_PII = "ai_gateway.guardrails.output.pii.behavior"
_WORDS = "ai_gateway.guardrails.input.invalid_keywords"
_TOPICS = "ai_gateway.guardrails.output.valid_topics"
_USAGE = "ai_gateway.usage_tracking_config.enabled"
_TABLE = "ai_gateway.inference_table_config.enabled"
_FALLBACK = "ai_gateway.fallback_config.enabled"
_ROW = "permissions[group:users]"


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        (_LIMIT, 10, 100, True),
        (_LIMIT, 100, 10, False),
        (_LIMIT, 10, 0, False),
        (_LIMIT, 0, 10, True),
        (_LIMIT, 10, None, True),
        (_LIMIT, 0, None, True),
        (_LIMIT, None, 10, False),
        (_LIMIT, None, 0, False),
        (_TOKENS, 10, 100, True),
        (_TOKENS, 100, 10, False),
        (_TOKENS, 10, None, True),
        (_SAFETY, True, False, True),
        (_SAFETY, True, None, True),
        (_SAFETY, None, True, False),
        (_SAFETY, False, True, False),
        (_SAFETY, None, False, False),
        (_PII, "BLOCK", "MASK", True),
        (_PII, "MASK", "NONE", True),
        (_PII, "BLOCK", None, True),
        (_PII, "MASK", "BLOCK", False),
        (_PII, None, "MASK", False),
        (_WORDS, ["a"], ["a", "b"], False),
        (_WORDS, ["a", "b"], ["a"], True),
        (_WORDS, ["a"], ["b"], True),
        (_WORDS, ["a"], [], True),
        (_WORDS, ["a"], None, True),
        (_WORDS, None, ["a"], False),
        (_TOPICS, ["a"], ["a", "b"], True),
        (_TOPICS, ["a", "b"], ["a"], False),
        (_TOPICS, ["a"], [], True),
        (_TOPICS, ["a"], None, True),
        (_TOPICS, None, ["a"], False),
        (_TOPICS, [], ["a"], False),
        (_USAGE, True, False, True),
        (_USAGE, False, True, False),
        (_TABLE, True, None, True),
        (_TABLE, None, True, False),
        (_FALLBACK, False, True, True),
        (_FALLBACK, True, False, False),
        (_ROW, "CAN_VIEW", "CAN_QUERY", True),
        (_ROW, "CAN_QUERY", "CAN_MANAGE", True),
        (_ROW, None, "CAN_VIEW", True),
        (_ROW, "CAN_MANAGE", "CAN_QUERY", False),
        (_ROW, "CAN_VIEW", None, False),
        ("tags[team]", "a", "b", False),
        ("config.served_entities[a].entity_version", "1", "2", False),
    ],
)
def test_what_loosens(path: str, before: Any, after: Any, expected: bool) -> None:
    assert loosens(_difference(path, before, after)) is expected


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (_LIMIT, [None, 0, 1, 100]),
        (_SAFETY, [False, True]),
        (_PII, ["NONE", "MASK", "BLOCK"]),
        (_ROW, [None, "CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]),
        (_WORDS, [[], ["a"], ["a", "b"]]),
    ],
)
def test_a_change_and_its_undoing_do_not_both_loosen(path: str, values: list[Any]) -> None:
    for before in values:
        for after in values:
            there = loosens(_difference(path, before, after))
            back = loosens(_difference(path, after, before))
            assert there is not back or before == after or not there


# The steps of an update.


def _config(version: str = "1") -> Json:
    entity = {"entity_name": "main.ml.churn", "entity_version": version, "workload_size": "Small"}
    return {"served_entities": {"churn": entity}}


def _steps(live: Json, want: Json, *, updating: bool = False) -> tuple[Step, ...]:
    """The calls from one document to another, all of it declared by us."""
    endpoint = Live(
        name="e",
        id="1",
        document={"name": "e", **live},
        owner="shop/dev",
        protected=False,
        hosted=False,
        ready=True,
        update="IN_PROGRESS" if updating else "NOT_UPDATING",
        version=1,
        pending_version=0,
    )
    scope = Scope(exact_permissions=True)
    desired = Desired(name="e", kind="custom_model", document={"name": "e", **want}, scope=scope)
    found: Comparison = compare(desired.document, endpoint.document, endpoint.document, scope)
    return calls.update(_TARGET, desired, endpoint, found)


def _short(steps: tuple[Step, ...]) -> list[str]:
    return [
        step.call.split(" ")[0] + " " + step.call.rsplit("/", 1)[1].replace("1", "permissions")
        for step in steps
    ]


def _limits(**calls_by_key: int) -> Json:
    return {
        "rate_limits": {
            key: {"calls": number, "renewal_period": "minute"}
            for key, number in calls_by_key.items()
        }
    }


_ALL_BEFORE: Json = {
    "config": _config(),
    "tags": {"team": "a"},
    "ai_gateway": _limits(user=100, endpoint=10),
    "email_notifications": {"on_update_failure": ["a@example.com"]},
    "permissions": {"group:users": "CAN_QUERY", "group:ops": "CAN_VIEW"},
    "telemetry_config": {"enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"]},
}
_ALL_AFTER: Json = {
    "config": _config("2"),
    "tags": {"team": "b"},
    "ai_gateway": _limits(user=1, endpoint=1000),
    "email_notifications": {"on_update_failure": ["b@example.com"]},
    "permissions": {"group:users": "CAN_VIEW", "group:ops": "CAN_MANAGE"},
    "telemetry_config": {"enabled_telemetry_features": ["TELEMETRY_FEATURE_METRICS"]},
}


def test_the_order_of_everything() -> None:
    steps = _steps(_ALL_BEFORE, _ALL_AFTER)
    assert _short(steps) == [
        "PATCH tags",
        "PATCH permissions",
        "PUT ai-gateway",
        "PUT config",
        "PUT ai-gateway",
        "PATCH notifications",
        "PATCH permissions",
        "PATCH telemetry-config",
    ]
    settles = [step.settle_first for step in steps]
    assert settles == [False, False, False, False, True, False, True, True]


def test_two_gateway_calls_around_a_roll_out() -> None:
    """In between both limits are the tighter ones."""
    before, _, after = _steps(
        {"config": _config(), "ai_gateway": _limits(user=100, endpoint=10)},
        {"config": _config("2"), "ai_gateway": _limits(user=1, endpoint=1000)},
    )
    assert _sent_limits(before) == {"user": 1, "endpoint": 10}
    assert _sent_limits(after) == {"user": 1, "endpoint": 1000}
    assert before.changes == ("ai_gateway.rate_limits[user].calls",)
    assert after.changes == ("ai_gateway.rate_limits[endpoint].calls",)


def _sent_limits(step: Step) -> Json:
    assert step.body is not None
    return {limit["key"]: limit["calls"] for limit in step.body["rate_limits"]}


@pytest.mark.parametrize(
    ("live", "want", "expected"),
    [
        (_limits(user=9), _limits(user=1), ["PUT ai-gateway", "PUT config"]),
        (_limits(user=1), _limits(user=9), ["PUT config", "PUT ai-gateway"]),
        ({}, _limits(user=9), ["PUT ai-gateway", "PUT config"]),
        (_limits(user=9), {"rate_limits": None}, ["PUT config", "PUT ai-gateway"]),
        (
            {"fallback_config": {"enabled": False}},
            {"fallback_config": {"enabled": True}},
            ["PUT config", "PUT ai-gateway"],
        ),
        (
            {"fallback_config": {"enabled": True}},
            {"fallback_config": {"enabled": False}},
            ["PUT ai-gateway", "PUT config"],
        ),
    ],
)
def test_one_gateway_call_where_it_belongs(live: Json, want: Json, expected: list[str]) -> None:
    steps = _steps(
        {"config": _config(), "ai_gateway": live}, {"config": _config("2"), "ai_gateway": want}
    )
    assert _short(steps) == expected


def test_without_a_roll_out_the_gateway_is_one_call() -> None:
    steps = _steps(
        {"ai_gateway": _limits(user=100, endpoint=10)},
        {"ai_gateway": _limits(user=1, endpoint=1000)},
    )
    assert _short(steps) == ["PUT ai-gateway"]
    assert _sent_limits(steps[0]) == {"user": 1, "endpoint": 1000}


@pytest.mark.parametrize(
    "tightened", [{}, {"guardrails": {"input": {"safety": True}}}], ids=["alone", "and tightened"]
)
def test_a_limit_goes_as_a_whole(tightened: Json) -> None:
    """No call holds a limit with half of its fields."""
    steps = _steps(
        {"config": _config(), "ai_gateway": _limits(user=9)},
        {"config": _config("2"), "ai_gateway": {"rate_limits": {}, **tightened}},
    )
    sent = [step.body for step in steps if step.call.endswith("/ai-gateway")]
    assert len(sent) == 1 + bool(tightened)
    for body in sent:
        assert body is not None
        for limit in body.get("rate_limits", ()):
            assert limit == {"key": "user", "calls": 9, "renewal_period": "minute"}
    assert not (sent[-1] or {}).get("rate_limits")


def test_an_inference_table_goes_as_a_whole() -> None:
    names = {"catalog_name": "main", "schema_name": "ml", "table_name_prefix": "p"}
    steps = _steps(
        {"config": _config(), "ai_gateway": {"inference_table_config": {"enabled": True, **names}}},
        {"config": _config("2"), "ai_gateway": {"inference_table_config": None}},
    )
    for step in steps:
        table = (step.body or {}).get("inference_table_config") or {}
        assert not table.get("enabled") or table.items() >= names.items()


def test_rights_are_narrowed_before_and_widened_after() -> None:
    steps = _steps(
        {"config": _config(), "permissions": {"group:a": "CAN_MANAGE", "group:b": "CAN_VIEW"}},
        {"config": _config("2"), "permissions": {"group:a": "CAN_VIEW", "group:b": "CAN_MANAGE"}},
    )
    assert _short(steps) == ["PATCH permissions", "PUT config", "PATCH permissions"]
    assert _rows(steps[0]) == {"a": "CAN_VIEW"}
    assert _rows(steps[2]) == {"b": "CAN_MANAGE"}
    assert [step.settle_first for step in steps] == [False, False, True]


def test_a_removed_row_is_put_before_and_does_not_widen() -> None:
    steps = _steps(
        {"config": _config(), "permissions": {"group:a": "CAN_QUERY", "group:b": "CAN_VIEW"}},
        {"config": _config("2"), "permissions": {"group:b": "CAN_MANAGE"}},
    )
    assert _short(steps) == ["PUT permissions", "PUT config", "PATCH permissions"]
    assert _rows(steps[0]) == {"b": "CAN_VIEW", "me@example.com": "CAN_MANAGE"}
    assert _rows(steps[2]) == {"b": "CAN_MANAGE"}


def _rows(step: Step) -> Json:
    assert step.body is not None
    return {
        row.get("group_name") or row.get("user_name"): row["permission_level"]
        for row in step.body["access_control_list"]
    }


def test_a_roll_out_waits_for_the_one_in_flight() -> None:
    [step] = _steps({"config": _config()}, {"config": _config("2")}, updating=True)
    assert step.settle_first
    [step] = _steps({"tags": {"a": "1"}}, {"tags": {"a": "2"}}, updating=True)
    assert not step.settle_first


def test_nothing_to_change_is_no_call() -> None:
    assert _steps(_ALL_BEFORE, _ALL_BEFORE) == ()


def test_a_creation_grants_rights_last() -> None:
    document = {"name": "e", **_ALL_AFTER}
    want = Desired(name="e", kind="custom_model", document=document)
    steps = calls.creation(_TARGET, want, compare(document, {}, {}))
    assert [step.call.split(" ")[0] for step in steps] == ["POST", "PATCH"]
    assert "permissions" not in (steps[0].body or {})
    assert {path.split("[")[0] for path in steps[1].changes} == {"permissions"}
