"""The emulator's own side: faults, recordings, seeds, the clock."""

import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from ..conftest import until
from .conftest import ENDPOINTS, Api, custom, external

UNAVAILABLE = {"status": 503, "error_code": "TEMPORARILY_UNAVAILABLE"}


def test_health_needs_no_token(api: Api) -> None:
    health = requests.get(f"{api.url}/__emulator/health", timeout=10).json()
    assert health["status"] == "ok"
    assert health["clock"] == "instant"


def test_fault_before_has_no_effect(api: Api) -> None:
    api.admin("POST", "faults", {"match": {"method": "POST"}, "times": 1} | UNAVAILABLE)
    body = {"name": "bare"}
    assert api.refused("POST", ENDPOINTS, body) == (503, "TEMPORARILY_UNAVAILABLE")
    assert api.refused("GET", f"{ENDPOINTS}/bare")[0] == 404
    api.ok("POST", ENDPOINTS, body)


def test_fault_after_keeps_the_effect(api: Api) -> None:
    api.admin("POST", "faults", {"effect": "after", "times": 1, "status": 500, "message": "oops"})
    assert api.refused("POST", ENDPOINTS, {"name": "bare"})[0] == 500
    assert api.message == "oops"
    assert api.refused("POST", ENDPOINTS, {"name": "bare"}) == (409, "RESOURCE_ALREADY_EXISTS")


@pytest.mark.parametrize(("effect", "status"), [("before", 404), ("after", 200)])
def test_dropped_connection(api: Api, effect: str, status: int) -> None:
    api.admin("POST", "faults", {"drop": True, "effect": effect, "match": {"method": "POST"}})
    with pytest.raises(requests.ConnectionError):
        api.call("POST", ENDPOINTS, {"name": "bare"})
    assert api.call("GET", f"{ENDPOINTS}/bare").status_code == status
    [lost, _] = api.admin("GET", "requests")["requests"]
    assert lost["status"] is None


def test_fault_that_only_adds(api: Api) -> None:
    api.admin("POST", "faults", {"headers": {"Retry-After": "7"}, "delay_seconds": 0.1})
    before = time.monotonic()
    answer = api.call("GET", ENDPOINTS)
    assert time.monotonic() - before >= 0.1
    assert answer.status_code == 200
    assert answer.headers["Retry-After"] == "7"


def test_fault_paths_match_in_full(api: Api) -> None:
    api.admin("POST", "faults", {"match": {"path": f"{ENDPOINTS}/[^/]+"}} | UNAVAILABLE)
    api.ok("GET", ENDPOINTS)
    assert api.refused("GET", f"{ENDPOINTS}/x")[0] == 503
    assert api.refused("GET", f"{ENDPOINTS}/x/metrics")[0] == 404


def test_fault_skips_and_counts(api: Api) -> None:
    api.admin("POST", "faults", {"skip": 1, "times": 2} | UNAVAILABLE)
    statuses = [api.call("GET", ENDPOINTS).status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert api.admin("GET", "faults")["faults"][0]["fired"] == 2
    api.admin("DELETE", "faults")
    assert api.admin("GET", "faults") == {"faults": []}


def test_fault_dice_are_repeatable(api: Api) -> None:
    def draw() -> list[int]:
        api.admin("DELETE", "faults")
        api.admin("POST", "faults", {"probability": 0.5, "seed": 4} | UNAVAILABLE)
        return [api.call("GET", ENDPOINTS).status_code for _ in range(20)]

    first = draw()
    assert set(first) == {200, 503}
    assert draw() == first


@pytest.mark.parametrize(
    ("side", "rule"),
    [
        ("faults", {"path": "x"}),
        ("faults", {"effect": "sideways"}),
        ("faults", {"match": {"path": "("}}),
        ("builds", {"outcome": "maybe"}),
        ("builds", {"endpoint": "x"}),
    ],
)
def test_bad_rules_are_refused(api: Api, side: str, rule: dict[str, Any]) -> None:
    assert api.refused("POST", f"/__emulator/{side}", rule)[0] == 400


def test_delays_do_not_block_others(api: Api) -> None:
    path = f"{ENDPOINTS}/slow"
    api.admin("POST", "faults", {"match": {"path": path}, "delay_seconds": 3600})
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2]))) as waiting:
        waiting.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(
            lambda: path in [entry["path"] for entry in api.admin("GET", "requests")["requests"]],
            "it is held back",
        )
        api.ok("GET", ENDPOINTS)
        assert select.select([waiting], [], [], 0)[0] == [], "the other one is still waiting"


def test_requests_are_recorded_in_order(api: Api) -> None:
    api.create("bot", external())
    api.call("GET", f"{ENDPOINTS}?a=1")
    api.admin("POST", "faults", {"times": 1} | UNAVAILABLE)
    api.call("DELETE", f"{ENDPOINTS}/bot")
    seen = api.admin("GET", "requests")["requests"]
    assert [(r["method"], r["path"], r["status"]) for r in seen] == [
        ("POST", ENDPOINTS, 200),
        ("GET", ENDPOINTS, 200),
        ("DELETE", f"{ENDPOINTS}/bot", 503),
    ]
    assert seen[0]["body"]["name"] == "bot"
    assert seen[1]["query"] == {"a": "1"}
    assert "authorization" not in seen[0]["headers"]
    api.admin("DELETE", "requests")
    assert api.admin("GET", "requests") == {"requests": []}


def test_export_is_deterministic_and_seeds_itself(api: Api) -> None:
    def play() -> str:
        api.admin("POST", "reset")
        api.admin("POST", "builds", {"match": {"endpoint": "churn"}, "outcome": "never"})
        api.create("bot", external())
        api.create("churn", custom())
        api.ok("PATCH", f"{ENDPOINTS}/bot/tags", {"add_tags": [{"key": "a"}]})
        return export(api)

    first = play()
    assert play() == first
    api.admin("POST", "reset")
    assert export(api) != first
    response = api.session.post(f"{api.url}/__emulator/seed", data=first, timeout=10)
    assert response.status_code == 200
    assert export(api) == first


def export(api: Api) -> str:
    return api.call("GET", "/__emulator/export").text


def test_seed_is_merged_and_null_removes(api: Api) -> None:
    api.admin("POST", "seed", {
        "secrets": {"extra": {"keys": {"token": "v"}}, "llm": {"keys": {"palm_api_key": None}}},
        "unity_catalog": {"models": {"main.ml.new": {"versions": {"1": {"status": "READY"}}}}},
        "endpoints": {"theirs": {"creator": "bob@example.com", "config": {}}},
    })  # fmt: skip
    [key] = api.ok("GET", "/api/2.0/secrets/list?scope=extra")["secrets"]
    assert key["key"] == "token"
    keys = [k["key"] for k in api.ok("GET", "/api/2.0/secrets/list?scope=llm")["secrets"]]
    assert "palm_api_key" not in keys
    assert "openai_api_key" in keys
    api.create("new", custom(entity_name="main.ml.new"))
    theirs = api.endpoint("theirs")
    assert theirs["config"] == {}
    assert theirs["creator"] == "bob@example.com"


def test_seed_takes_a_pasted_answer(api: Api) -> None:
    answer = api.create("bot", external()) and api.endpoint("bot")
    api.admin("POST", "reset")
    api.admin("POST", "seed", {"endpoints": {"bot": answer}})
    pasted = api.endpoint("bot")
    assert {k: v for k, v in pasted.items() if k != "id"} == {
        k: v for k, v in answer.items() if k != "id"
    }


@pytest.mark.parametrize("update", ["IN_PROGRESS", "UPDATE_FAILED", "UPDATE_CANCELED"])
def test_seed_sets_the_state_of_an_update(api: Api, update: str) -> None:
    answer = api.create("bot", external())
    answer["state"]["config_update"] = update
    api.admin("POST", "reset")
    api.admin("POST", "seed", {"endpoints": {"bot": answer}})
    assert api.endpoint("bot")["state"] == {
        "ready": "NOT_READY",
        "config_update": update,
        "suspend": "NOT_SUSPENDED",
    }
    assert api.endpoint("bot")["pending_config"] == answer["pending_config"]


@pytest.mark.parametrize(
    "document", [{"nonsense": 1}, {"endpoints": []}, {"format": 99}, {"complete": True}]
)
def test_bad_seeds_change_nothing(api: Api, document: dict[str, Any]) -> None:
    before = export(api)
    assert api.refused("POST", "/__emulator/seed", document)[0] == 400
    assert export(api) == before


def test_clock_only_moves_when_manual(api: Api, slow: Api) -> None:
    body = {"advance_seconds": 1}
    assert api.refused("POST", "/__emulator/clock", body)[0] == 400
    before = slow.admin("GET", "health")["now_ms"]
    assert slow.admin("POST", "clock", body)["now_ms"] == before + 1000
    assert slow.refused("POST", "/__emulator/clock", {"advance_seconds": -1})[0] == 400


def test_unknown_admin_route(api: Api) -> None:
    assert api.refused("GET", "/__emulator/nope")[0] == 404
    assert api.refused("PATCH", "/__emulator/faults", {})[0] == 404


def test_parallel_reads_are_answered(api: Api) -> None:
    api.create("bot", external())

    def read(_: int) -> int:
        return requests.get(
            f"{api.url}{ENDPOINTS}/bot", headers={"Authorization": "Bearer x"}, timeout=10
        ).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(read, range(100))) == {200}
