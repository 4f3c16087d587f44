"""What a workspace has no room for is told by the plan, and explained when the service says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, Run, custom, external, serving, units

OVERRIDE = "catalog.override.yaml"
CODES = {"concurrency-full", "model-units-full", "workspace-concurrency", "not-checked"}


def sized(most: int, name: str = "churn") -> dict[str, Any]:
    """A custom model that scales up to so many requests at once."""
    entity = custom(name, min_provisioned_concurrency=4, max_provisioned_concurrency=most)
    del entity["workload_size"]
    return entity


def told(run: Run) -> list[Any]:
    return [found for found in run.json["problems"] if found["code"] in CODES]


def limited(project: Project, **limits: int) -> None:
    """Facts of a team: this workspace takes less concurrency, so many model units."""
    entries = {
        "concurrency": "values: {workspace: %d}",
        "model_units": "value: %d",
    }
    lines = [
        f'- {{id: {key.replace("_", "-")}, {entries[key] % most}, checked: "2026-11-24"}}'
        for key, most in limits.items()
    ]
    (project.root / OVERRIDE).write_text("limits:\n" + "".join(f"{x}\n" for x in lines), "utf-8")


def test_a_sum_of_what_is_declared_is_said_once(project: Project, cli: Cli) -> None:
    limited(project, concurrency=36)
    project.endpoint("a", serving(sized(24)))
    cli.apply()
    project.endpoint("b", serving(custom(workload_size="Medium")))
    for narrowed in ((), ("--only", "b")):
        [found] = told(cli.plan(*narrowed))
        assert (found["severity"], found["code"]) == ("warning", "workspace-concurrency")
    project.environment(rules={"workspace-concurrency": {"level": "off", "reason": "we got 40"}})
    [found] = told(cli.plan("--only", "b"))
    assert found["code"] == "concurrency-full"
    assert found["summary"].endswith("a concurrency of at least 40, 36 is the known limit")
    limited(project, concurrency=40)
    assert told(cli.plan()) == []


def test_live_sizes_count_and_others_are_a_lower_bound(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    limited(project, concurrency=40)
    unsized = custom()
    del unsized["workload_size"]
    project.endpoint("a", serving(unsized))
    cli.apply()
    # By hand; what is not declared is left alone.
    by_hand = {"served_entities": [custom(workload_size="Medium")]}
    emulator.call("PUT", f"{ENDPOINTS}/a/config", by_hand)
    body = {"name": "theirs", **serving(custom(workload_size="Large"))}
    emulator.call("POST", ENDPOINTS, body, token="token-alice")
    emulator.call("POST", ENDPOINTS, {"name": "passed-on", **serving(external())})
    project.endpoint("b", serving(sized(24)))
    assert told(cli.plan()) == []
    project.endpoint("b", serving(sized(28)))
    emulator.forget()
    [found] = told(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "concurrency-full")
    assert found["summary"] == (
        "the workspace would have a concurrency of at least 44, 40 is the known limit; "
        "1 endpoint of others not counted, whose size the list does not tell"
    )
    assert (found["where"]["file"], found["where"]["line"]) == ("endpoints/b.yaml", 4)
    assert "catalog.override.yaml" in found["hint"]
    read = [entry["path"] for entry in emulator.requests() if entry["path"].startswith(ENDPOINTS)]
    assert sorted(set(read)) == [ENDPOINTS, f"{ENDPOINTS}/a"]  # nothing is asked for this
    assert told(cli.plan("--no-preflight")) == []
    # It is a warning: Databricks may have given more. And what stays adds nothing.
    cli.apply()
    assert told(cli.plan()) == []
    project.endpoint("b", serving(sized(24)))
    assert told(cli.plan()) == []


def test_a_rollout_needs_room_for_both(project: Project, cli: Cli) -> None:
    limited(project, concurrency=40)
    project.endpoint("a", serving(sized(24, "one")))
    cli.apply()
    project.endpoint("a", serving({**sized(24, "two"), "entity_version": "2"}))
    assert told(cli.plan()) == []
    rollout = {"steps": [50], "max_error_share": 0.1}
    two = serving({**sized(24, "two"), "entity_version": "2"})
    project.endpoint("a", two, rollout=rollout)
    [found] = told(cli.plan())
    assert "at least 48, 40 is the known limit" in found["summary"]
    assert told(cli.plan("--no-rollout")) == []


def test_model_units_have_the_limit_that_a_team_was_told(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(units(amount=100)))
    [found] = told(cli.plan())
    assert (found["severity"], found["code"]) == ("notice", "not-checked")
    assert found["summary"] == (
        "not to be known from here: whether there is room for 100 more model units"
    )
    limited(project, model_units=120)
    assert told(cli.plan()) == []
    cli.apply()
    project.endpoint("b", serving(units(amount=50)))
    for narrowed in ((), ("--only", "b")):
        [found] = told(cli.plan(*narrowed))
        assert (found["severity"], found["code"]) == ("warning", "model-units-full")
        assert found["summary"] == (
            "the workspace would have at least 150 model units, 120 is the known limit"
        )
        assert found["where"]["file"] == "endpoints/b.yaml"
    project.remove("a")
    assert told(cli.plan()) == []  # what is retired makes room


def test_databricks_own_endpoints_take_no_room(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    hosted = [e for e in emulator.call("GET", ENDPOINTS)["endpoints"] if "id" not in e]
    assert hosted
    names = [f"e{n}" for n in range(999)]
    emulator.seed(endpoints={name: {"creator": "alice@example.com"} for name in names})
    project.endpoint("e", serving(external()))
    assert [found["code"] for found in cli.plan().json["problems"]] == []


@pytest.mark.parametrize("code", ["RESOURCE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED"])
def test_a_quota_that_the_service_knows_of_is_explained(
    project: Project, cli: Cli, emulator: Emulator, code: str
) -> None:
    emulator.fault(
        "POST",
        ENDPOINTS,
        skip=1,
        times=1,
        status=400,
        error_code=code,
        message="Workspace 1 exceeded the provisioned concurrency quota of 4096.",
    )
    for name in ("a", "b", "c"):
        project.endpoint(name, serving(sized(8)))
    failed = cli.apply("--parallelism", "1", "-o", "json", expect=8).entry("b")
    assert failed["error_code"] == "limit-exceeded"
    assert failed["error"].endswith("exceeded the provisioned concurrency quota of 4096.")
    assert "ask Databricks for more" in failed["hint"]
    assert emulator.names() == ["a", "c"]
    emulator.forget()
    cli.apply()  # the rest goes on where it was
    assert emulator.calls() == [f"POST {ENDPOINTS}"]


def test_a_rate_limit_that_does_not_end_is_another_matter(
    project: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_PATIENCE_SECONDS", "1")
    emulator.fault("POST", ENDPOINTS, status=429, error_code="REQUEST_LIMIT_EXCEEDED", message="no")
    project.endpoint("d", serving(external()))
    assert "--parallelism" in cli.apply("-o", "json", expect=1).entry("d")["hint"]


def test_a_deployment_that_found_no_room_is_explained(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.build(outcome="failed", message="Workspace quota for GPU_SMALL exceeded.")
    project.endpoint("a", serving(custom()))
    run = cli.apply("-o", "json", expect=1)
    assert "a quota of the workspace is used up" in json.dumps(run.json)
