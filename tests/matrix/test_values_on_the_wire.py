"""Unset, null, zero, false, "" and [] are six things, and arrive in bodies as what they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, external, serving, throughput

_UNSET = object()
_ENTITY = ("config", "served_entities", 0)
_LIMIT = ("ai_gateway", "rate_limits", 0)
_INPUT = ("ai_gateway", "guardrails", "input")


def _limited(**more: Any) -> dict[str, Any]:
    limit = {"key": "user", "calls": 5, "renewal_period": "minute", **more}
    return {"ai_gateway": {"rate_limits": [limit]}}


def _guarded() -> dict[str, Any]:
    return {"ai_gateway": {"guardrails": {"input": {"pii": {"behavior": "BLOCK"}}}}}


@dataclass(frozen=True)
class Value:
    """A field, what is declared around it, and values that mean something for it."""

    path: tuple[str | int, ...]
    around: Mapping[str, Any]
    usual: Any
    """A value to begin with, so that a change can be seen."""
    empties: tuple[Any, ...]
    wire: tuple[str | int, ...] = ()
    """Where it is in the body, if elsewhere."""
    call: str = "config"


FIELDS = {
    "calls": Value(
        (*_LIMIT, "calls"),
        serving(external()) | _limited(tokens=9),
        7,
        (_UNSET, None, 0),
        call="ai-gateway",
    ),
    "tokens": Value(
        (*_LIMIT, "tokens"),
        serving(external()) | _limited(),
        7,
        (_UNSET, None, 0),
        call="ai-gateway",
    ),
    "safety": Value(
        (*_INPUT, "safety"),
        serving(external()) | _guarded(),
        True,
        (_UNSET, None, False),
        call="ai-gateway",
    ),
    "invalid_keywords": Value(
        (*_INPUT, "invalid_keywords"),
        serving(external()) | _guarded(),
        ["secret"],
        (_UNSET, None, []),
        call="ai-gateway",
    ),
    "usage tracking": Value(
        ("ai_gateway", "usage_tracking_config", "enabled"),
        serving(external()) | {"ai_gateway": {"usage_tracking_config": {}}},
        True,
        (_UNSET, None, False),
        call="ai-gateway",
    ),
    "on_update_failure": Value(
        ("email_notifications", "on_update_failure"),
        serving(external()) | {"email_notifications": {"on_update_success": ["a@example.com"]}},
        ["b@example.com"],
        (_UNSET, None, []),
        call="notifications",
    ),
    "min_provisioned_throughput": Value(
        (*_ENTITY, "min_provisioned_throughput"),
        serving(throughput(top=1960)),
        980,
        (_UNSET, None, 0),
    ),
    "scale_to_zero_enabled": Value(
        (*_ENTITY, "scale_to_zero_enabled"), serving(custom()), True, (False,)
    ),
    "an environment variable": Value(
        (*_ENTITY, "environment_vars", "MODE"),
        serving(custom(environment_vars={"OTHER": "x"})),
        "fast",
        (_UNSET, None, ""),
    ),
    "a tag": Value(
        ("tags", "team"),
        serving(external()) | {"tags": {"z": "1"}},
        "a",
        (_UNSET, None, ""),
        call="tags",
    ),
    "traffic": Value(
        ("traffic", "gpt"),
        serving(external(), external("gpt-4", "old")) | {"traffic": {"old": 100}},
        40,
        (0,),
        wire=("traffic_config", "routes"),
    ),
    "sampling_fraction": Value(
        ("telemetry_config", "inference_table_config", "sampling_fraction"),
        serving(custom())
        | {
            "telemetry_config": {
                "table_names": {"logs_table": "main.ml.logs"},
                "inference_table_config": {},
            }
        },
        0.5,
        (_UNSET, None, 0),
        call="telemetry-config",
    ),
}
_CASES = [
    pytest.param(
        *(name, value),
        id=f"{name}: {'unset' if value is _UNSET else repr(value)}",
        # To the service the same as null, but for one field in the quick version.
        marks=[pytest.mark.exhaustive] if value is _UNSET and name != "safety" else [],
    )
    for name, entry in FIELDS.items()
    for value in entry.empties
]
_MISSING = "missing"


def _declared(entry: Value, value: Any) -> dict[str, Any]:
    result: dict[str, Any] = copy.deepcopy(dict(entry.around))
    block: Any = result
    for key in entry.path[:-1]:
        block = block.setdefault(key, {}) if isinstance(block, dict) else block[int(key)]
    if value is _UNSET:
        block.pop(entry.path[-1], None)
    else:
        block[entry.path[-1]] = value
    if entry.path[0] == "traffic":
        result["traffic"]["old"] = 100 - value
    return result


def _sent(body: Any, path: tuple[str | int, ...]) -> Any:
    """The value at a path of a body, tags and routes by name."""
    for key in path:
        if isinstance(body, list) and isinstance(key, str):
            named = {
                item.get("key") or item.get("served_entity_name"): item.get(
                    "value", item.get("traffic_percentage", _MISSING)
                )
                for item in body
            }
            body = named.get(key, _MISSING)
        elif isinstance(body, list) or key in body:
            body = body[key]  # type: ignore[index]
        else:
            return _MISSING
    return body


def _typed(value: Any) -> tuple[bool, Any]:
    """JSON keeps 0 and false apart, and Python does not."""
    return isinstance(value, bool), value


@pytest.mark.parametrize(("name", "value"), _CASES)
def test_when_created(
    project: Project, cli: Cli, emulator: Emulator, name: str, value: Any
) -> None:
    """What says nothing is not sent, and everything else is sent as written."""
    entry = FIELDS[name]
    project.endpoint("e", _declared(entry, value))
    cli.apply()
    [post] = emulator.writes()
    path = ("config", "traffic_config", "routes", "gpt") if name == "traffic" else entry.path
    expected = _MISSING if value is None or value is _UNSET else value
    assert _typed(_sent(post["body"], path)) == _typed(expected)
    assert cli.settled(), cli.plan().out


@pytest.mark.parametrize(("name", "value"), _CASES)
def test_when_changed(
    project: Project, cli: Cli, emulator: Emulator, name: str, value: Any
) -> None:
    """A key that left, or is null, is gone from what is sent; the rest is sent as written."""
    entry = FIELDS[name]
    project.endpoint("e", _declared(entry, entry.usual))
    cli.apply()
    project.endpoint("e", _declared(entry, value))
    emulator.forget()
    cli.apply()
    [write] = emulator.writes()
    assert write["path"] == f"{ENDPOINTS}/e/{entry.call}"
    gone = value is None or value is _UNSET
    if entry.call == "tags":
        body = write["body"]
        assert body == ({"delete_tags": ["team"]} if gone else _added(value))
    else:
        path = (*entry.wire, "gpt") if entry.wire else entry.path
        body = write["body"]
        if path[0] in {"config", "ai_gateway"}:
            path = path[1:]
        assert _typed(_sent(body, path)) == _typed(_MISSING if gone else value), body
    assert cli.settled(), cli.plan().out


def _added(value: Any) -> dict[str, Any]:
    return {"add_tags": [{"key": "team", "value": value}]}


def test_ten_fields_at_least() -> None:
    assert len(FIELDS) >= 10
    declared = [value for entry in FIELDS.values() for value in entry.empties]
    kinds = {"unset" if value is _UNSET else repr(value) for value in declared}
    assert kinds == {"unset", "None", "0", "False", "''", "[]"}


_NONE_ALLOWED = [
    {"key": "user", "calls": 0, "renewal_period": "minute"},
    {"key": "endpoint", "tokens": 0, "renewal_period": "minute"},
]


def test_a_limit_of_zero_is_read_back(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": _NONE_ALLOWED})
    cli.apply()
    requests = [(entry["method"], entry["path"]) for entry in emulator.requests()]
    made = requests.index(("POST", ENDPOINTS))
    assert ("GET", f"{ENDPOINTS}/e") in requests[made:]
    sent = emulator.writes()[0]["body"]["ai_gateway"]["rate_limits"]
    held = emulator.endpoint("e")["ai_gateway"]["rate_limits"]
    by_key = {limit["key"]: limit for limit in _NONE_ALLOWED}
    assert [{limit["key"]: limit for limit in found} for found in (sent, held)] == [by_key] * 2


def test_a_limit_of_zero_that_got_lost_is_an_error(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """The service accepts the gateway, and answers without the limit afterwards."""
    project.endpoint("e", serving(external()))
    cli.apply()
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": _NONE_ALLOWED})
    emulator.fault("PUT", f"{ENDPOINTS}/e/ai-gateway", effect="before", status=200)
    run = cli.apply(expect=1)
    assert "limit not in force" in run.out
    assert "ai_gateway.rate_limits[user].calls" in run.out
    assert "ai_gateway.rate_limits[endpoint].tokens" in run.out
    emulator.admin("DELETE", "faults")
    assert not cli.settled()
    cli.apply()
    assert cli.settled()
