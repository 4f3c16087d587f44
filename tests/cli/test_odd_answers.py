"""What answers may not be the API, or not as documented: it is named, and never a bug."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, external, serving

HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE = "<!doctype html><html><head><title>Sign in &amp; go</title></head><body>x</body></html>"
ME = "/api/2.0/preview/scim/v2/Me"
OURS = [{"key": "provisioner", "value": "shop/dev"}]
ROUTES = {
    ENDPOINTS: {"endpoints": [{"name": "e", "tags": OURS}]},
    f"{ENDPOINTS}/e": {
        "name": "e",
        "id": "1" * 32,
        "creator": "user@example.com",
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "tags": OURS,
        "config": {
            "config_version": 1,
            "served_entities": [
                {
                    "name": "gpt",
                    "external_model": {
                        "provider": "openai",
                        "name": "gpt-4o",
                        "task": "llm/v1/chat",
                        "openai_config": {"openai_api_key": "{{secrets/llm/openai_api_key}}"},
                    },
                    "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
                }
            ],
            "traffic_config": {"routes": [{"served_model_name": "gpt", "traffic_percentage": 100}]},
        },
        "ai_gateway": {
            "rate_limits": [{"key": "user", "calls": 5, "renewal_period": "minute"}],
            "guardrails": {"input": {"pii": {"behavior": "BLOCK"}, "invalid_keywords": ["x"]}},
            "usage_tracking_config": {"enabled": True},
        },
    },
    f"{PERMISSIONS}/.*": {
        "access_control_list": [
            {
                "group_name": "users",
                "all_permissions": [{"permission_level": "CAN_QUERY", "inherited": False}],
            }
        ]
    },
    ME: {"userName": "user@example.com", "groups": [{"display": "users"}]},
    "/api/2.0/preview/scim/v2/Groups": {"Resources": [{"displayName": "users"}]},
    "/api/2.0/secrets/list": {"secrets": [{"key": "openai_api_key", "last_updated_timestamp": 1}]},
    "/api/2.0/secrets/acls/list": {"items": [{"principal": "users", "permission": "READ"}]},
    "/api/2.1/unity-catalog/metastore_summary": {"region": "us-east-1"},
    "/api/2.0/workspace/export": {"format_version": 1, "endpoints": {}},
}


@pytest.fixture
def odd(project: Project, cli: Cli, emulator: Emulator) -> Cli:
    """An endpoint in force, another that is new."""
    users = [{"group": "users", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=users)
    cli.apply()
    project.endpoint("e", serving(external("gpt-4")), permissions=users, tags={"a": "1"})
    project.endpoint("new", serving(external()), permissions=users)
    emulator.forget()
    return cli


def answers(emulator: Emulator, path: str, body: str, method: str = "GET", **more: Any) -> None:
    emulator.admin("DELETE", "faults")
    emulator.fault(method, re.escape(path).replace(r"\.\*", ".*"), body=body, **more)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "key", "config", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items if isinstance(value, (dict, list)) else ():
        yield from places(item, (*path, key)) if isinstance(item, (dict, list)) else [(*path, key)]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = put(value[path[0]], path[1:], new)
    return copied


@st.composite
def odd_answers(draw: st.DrawFn) -> tuple[str, Any]:
    """A route, and its answer with one part that is anything."""
    route = draw(st.sampled_from(sorted(ROUTES)))
    place = draw(st.sampled_from(sorted(places(ROUTES[route]), key=repr)))
    return route, put(ROUTES[route], place, draw(JSON))


def _never_a_bug(odd: Cli, emulator: Emulator, found: tuple[str, Any]) -> None:
    route, answer = found
    answers(emulator, route, json.dumps(answer))
    for command in (["plan", "-e", "dev"], ["drift", "-e", "dev"], ["status", "-e", "dev"]):
        run = odd(*command)
        assert run.code != 70, run.err
        assert "Traceback" not in run.err


_quietly = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@settings(_quietly, max_examples=12, derandomize=True)
@given(odd_answers())
def test_no_answer_is_a_bug(odd: Cli, emulator: Emulator, found: tuple[str, Any]) -> None:
    _never_a_bug(odd, emulator, found)


@pytest.mark.exhaustive
@settings(_quietly, max_examples=400)
@given(odd_answers())
def test_no_answer_is_a_bug_at_length(odd: Cli, emulator: Emulator, found: tuple[str, Any]) -> None:
    _never_a_bug(odd, emulator, found)


@pytest.mark.parametrize("body", ["[]", "{}", "null", "", "5", "[" * 100_000])
def test_an_endpoint_that_is_none(odd: Cli, emulator: Emulator, body: str) -> None:
    answers(emulator, f"{ENDPOINTS}/e", body)
    run = odd("plan", "-e", "dev", expect=1)
    assert "error[unexpected-answer]" in run.err
    assert f"GET {ENDPOINTS}/e" in " ".join(run.err.split())
    assert len(run.err) < 1000


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (ENDPOINTS, '{"endpoints": [null]}', "`endpoints[0]`: an object is expected, not null"),
        (f"{ENDPOINTS}/e", '{"name": "e", "tags": "x"}', "`tags`: a list is expected"),
        (f"{PERMISSIONS}/.*", '{"access_control_list": [5]}', "`access_control_list[0]`: an "),
        (ME, '{"userName": ["sk-canary"]}', "`userName`: a text is expected, not a list"),
    ],
)
def test_what_is_wrong_with_it(
    odd: Cli, emulator: Emulator, path: str, body: str, said: str
) -> None:
    answers(emulator, path, body)
    run = odd("plan", "-e", "dev", expect=1)
    assert said in " ".join(run.err.split())
    assert "canary" not in run.err


@pytest.mark.parametrize("status", [200, 401, 403, 404, 502])
def test_a_page_is_none_of_the_api(odd: Cli, emulator: Emulator, status: int) -> None:
    answers(emulator, f"{ENDPOINTS}/e", PAGE, status=status, headers=HTML)
    run = odd("plan", "-e", "dev", expect=1)
    text = " ".join(run.err.split())
    assert "error[unexpected-answer]" in text
    assert "the answer is a web page (`Sign in & go`), not the API" in text
    assert "Expecting value" not in text
    assert "bug" not in text


def test_a_page_in_answer_to_a_write_is_looked_behind(odd: Cli, emulator: Emulator) -> None:
    """Whether the call went through is not known; it is read, and made again."""
    emulator.fault("PATCH", f"{ENDPOINTS}/e/tags", body=PAGE, headers=HTML, times=1)
    odd.apply()
    assert emulator.calls().count(f"PATCH {ENDPOINTS}/e/tags") == 2
    assert odd.settled()


def test_a_long_message_is_cut(odd: Cli, emulator: Emulator) -> None:
    emulator.fault("GET", f"{ENDPOINTS}/e", status=400, error_code="BAD", message="x" * 3000)
    run = odd("plan", "-e", "dev", expect=1)
    assert "(2500 more characters)" in " ".join(run.err.split())
    assert len(run.err) < 1000


@pytest.mark.parametrize("seconds", ["-5", "0"])
def test_a_wait_of_less_than_nothing(odd: Cli, emulator: Emulator, seconds: str) -> None:
    emulator.fault("GET", ENDPOINTS, status=429, times=1, headers={"Retry-After": seconds})
    odd("plan", "-e", "dev", expect=0)


@pytest.mark.parametrize("call", ["GET", "PATCH"])
def test_a_wait_of_a_day_is_not_begun(odd: Cli, emulator: Emulator, call: str) -> None:
    path = {"GET": ENDPOINTS, "PATCH": f"{ENDPOINTS}/e/tags"}[call]
    busy = {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}
    emulator.fault(call, path, status=429, headers={"Retry-After": "86400"}, **busy)
    began = time.monotonic()
    run = odd("apply", "-e", "dev", "--auto-approve", "-o", "json")
    assert time.monotonic() - began < 20
    assert run.code == {"GET": 1, "PATCH": 8}[call]
    said = " ".join((run.err if call == "GET" else run.entry("e")["error"]).split())
    assert "it asks to wait 86400 s, and calls are tried for 2 s" in said
    assert "limit-exceeded" in run.out + run.err


def test_a_wait_is_said(odd: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch) -> None:
    signed_in.setenv("PROVISIONER_PATIENCE_SECONDS", "20")
    signed_in.setattr("provisioner.workspace.retries._SILENT", 0.5)
    emulator.fault("GET", ENDPOINTS, status=429, times=1, headers={"Retry-After": "1"})
    run = odd("plan", "-e", "dev", expect=0)
    assert "for the workspace: it asks for that" in run.err


@pytest.mark.parametrize("value", ["abc", "-1", "0", "1e3", "99999999"])
def test_patience_is_a_number(
    odd: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch, value: str
) -> None:
    signed_in.setenv("PROVISIONER_PATIENCE_SECONDS", value)
    run = odd("plan", "-e", "dev", expect=64)
    assert "PROVISIONER_PATIENCE_SECONDS" in run.err
    assert emulator.requests() == []


@pytest.mark.parametrize("token", ["sk-canary\n", "sk-canary\r\nX: 1", "sk-canary\u2013"])
def test_a_token_that_cannot_be_sent(odd: Cli, signed_in: pytest.MonkeyPatch, token: str) -> None:
    signed_in.setenv("DATABRICKS_TOKEN", token)
    run = odd("plan", "-e", "dev", expect=3)
    assert "a character that no header may have" in " ".join(run.err.split())
    assert "canary" not in run.err


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_is_none(cli: Cli, port: str) -> None:
    run = cli("emulator", "serve", "--port", port, expect=64)
    assert "--port" in run.err
