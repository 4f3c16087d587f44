"""The pipelines, step by step, from the pull request to the night's drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENDPOINTS, Emulator, Project, external, forged, serving
from tests.forges import TOKEN, StandIn, standing_in
from tests.workflows.runner import Hub, Job, made

exhaustive = pytest.mark.exhaustive


@pytest.fixture
def hub(tmp_path: Path, emulator: Emulator) -> Iterator[Hub]:
    """A repository whose environments `dev` and `prod` share an emulated workspace."""
    project = Project(tmp_path / "repository", emulator.url)
    emulator.seed(secrets={})
    for name, more in (("dev", {}), ("prod", {"protected": True, "name_prefix": "prod-"})):
        place = {"host": emulator.url, "auth_type": "pat"}
        project.environment(name, workspace=place, **more)
    project.environment("local", workspace={"emulator": "embedded"}, record=".provisioner/l.json")
    project.endpoint("chat", serving(external()))
    variables = {
        "PROVISIONER_PACKAGE": "endpoint-provisioner",
        "PROVISIONER_ENVIRONMENTS": "dev,prod",
    }
    with standing_in() as (forge, url):
        found = made(project.root, forge, f"{url}/github", variables)
        yield found


def project_of(hub: Hub) -> Project:
    project = object.__new__(Project)
    project.root = hub.root
    return project


def change(hub: Hub, branch: str, model: str, name: str = "chat") -> None:
    """A branch from main on which an endpoint has another model."""
    hub.git("checkout", "-q", "main")
    hub.git("checkout", "-qb", branch)
    project_of(hub).endpoint(name, serving(external(model)))
    hub.commit(branch)


def good(jobs: dict[str, Job]) -> dict[str, Job]:
    for job in jobs.values():
        assert job.ok, f"{job.name}\n{job.log}"
        assert TOKEN not in job.log + job.summary
    return jobs


def comments(hub: Hub, number: int) -> dict[str, str]:
    """Bodies by key."""
    found = {}
    for note in hub.forge.comments.get(number, []):
        mark, _, body = note["body"].partition("\n")
        found[mark.removeprefix("<!-- provisioner: ").removesuffix(" -->")] = body
    assert len(found) == len(hub.forge.comments.get(number, []))
    return found


def model(emulator: Emulator, name: str) -> Any:
    return emulator.endpoint(name)["config"]["served_entities"][0]["external_model"]["name"]


def applied(hub: Hub, number: int, branch: str) -> dict[str, Job]:
    good(hub.pull_request(number))
    hub.merge(number, branch)
    return hub.push()


def test_a_pull_request_shows_what_its_merge_will_do(hub: Hub) -> None:
    hub.variables["PROVISIONER_ENVIRONMENTS"] = "dev"
    jobs = good(hub.pull_request(1))
    assert list(jobs) == ["check", "plan dev"]
    assert jobs["check"].outputs == {"matrix": '{"include": [{"environment": "dev", "shard": ""}]}'}
    assert "chat" in comments(hub, 1)["plan/dev"]
    assert "chat" in jobs["plan dev"].summary
    [kept] = hub.forge.artifacts
    assert json.loads(kept["files"]["plan.json"])["summary"]["create"] == 1


@exhaustive
def test_the_whole_round(hub: Hub, emulator: Emulator) -> None:
    # The first pull request makes the endpoints; a second push changes its comment in place.
    hub.git("checkout", "-qb", "one")
    good(hub.pull_request(1))
    project_of(hub).endpoint("embed", serving(external(name="other")))
    hub.commit()
    jobs = good(hub.pull_request(1))
    assert list(jobs) == ["check", "plan dev", "plan prod"]
    said = comments(hub, 1)
    assert said.keys() == {"plan/dev", "plan/prod"}
    assert "embed" in said["plan/dev"]
    assert "prod-embed" in said["plan/prod"]
    assert emulator.names() == []

    hub.merge(1, "one")
    jobs = good(hub.push())
    assert list(jobs) == ["find", "apply dev", "apply prod"]
    assert emulator.names() == ["chat", "embed", "prod-chat", "prod-embed"]
    records = [kept for kept in hub.forge.artifacts if kept["name"].startswith("apply-")]
    assert [kept["name"] for kept in records] == ["apply-dev", "apply-prod"]
    assert {"plan.json", "events.jsonl", "apply.md", "apply.log"} <= records[0]["files"].keys()
    assert "held" not in jobs["apply dev"].log  # nothing is left over

    # The same push again is done already.
    emulator.forget()
    good(hub.push())
    assert emulator.writes() == []

    # No drift, no issue; then somebody changes something by hand.
    good(hub.night())
    assert hub.forge.issues == []
    tag = {"add_tags": [{"key": "team", "value": "x"}]}
    emulator.call("PATCH", f"{ENDPOINTS}/chat/tags", tag)
    good(hub.night())
    assert hub.forge.issues == []  # what is not declared is nobody's business
    gateway = serving(external())["config"]
    gateway["served_entities"][0]["external_model"]["name"] = "gpt-4"
    gateway["served_entities"][0]["external_model"].pop("task")
    emulator.call("DELETE", f"{ENDPOINTS}/prod-embed")
    emulator.forget()
    good(hub.night())
    [issue] = hub.forge.issues
    assert (issue["title"], issue["state"]) == ("Drift in prod", "open")
    assert "prod-embed" in issue["body"]
    assert emulator.writes() == []
    hub.forge.forget()
    good(hub.night())
    assert hub.forge.writes() == []  # nothing new, nothing sent

    # Made good by hand, so closed; and opened again the next time.
    jobs = good(hub.by_hand("prod"))
    assert list(jobs) == ["find", "plan prod", "apply prod"]
    assert "prod-embed" in emulator.names()
    good(hub.night())
    assert hub.forge.issues[0]["state"] == "closed"
    emulator.call("DELETE", f"{ENDPOINTS}/prod-embed")
    good(hub.night())
    [issue] = hub.forge.issues
    assert issue["state"] == "open"

    # What goes wrong is not drift.
    emulator.fault("GET", ENDPOINTS, status=403, error_code="PERMISSION_DENIED")
    hub.forge.forget()
    jobs = hub.night()
    assert not jobs["drift dev"].ok
    assert hub.forge.writes() == []


@exhaustive
def test_a_fork_is_validated_and_told_so(hub: Hub, emulator: Emulator) -> None:
    emulator.forget()
    jobs = good(hub.pull_request(2, fork=True))
    assert list(jobs) == ["check"]
    assert "comes from a fork" in jobs["check"].summary
    assert emulator.requests() == []
    assert hub.forge.writes() == []
    change(hub, "broken", "gpt-4")
    (hub.root / "endpoints" / "chat.yaml").write_text("name: chat\nconfg: {}\n")
    hub.commit()
    jobs = hub.pull_request(2, fork=True)
    assert not jobs["check"].ok
    assert "::error file=endpoints/chat.yaml,line=2" in jobs["check"].log
    # A fork's artifact is never taken for a reviewed plan.
    head = hub.git("rev-parse", "HEAD")
    hub.forge.keep(hub.forge.runs[-1]["id"], "plan-dev", {"plan.json": b"{}"})
    project_of(hub).endpoint("chat", serving(external("gpt-4")))
    hub.commit()
    commit = hub.merge(2, "broken")
    hub.forge.pulls[-1]["head"]["sha"] = head
    jobs = hub.push(commit)
    assert "no-reviewed-plan" in jobs["apply dev"].log
    assert emulator.names() == []


@exhaustive
def test_a_plan_that_went_stale_is_refused(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "one")
    good(applied(hub, 1, "one"))
    change(hub, "two", "gpt-4")
    good(hub.pull_request(2))
    tag = {"add_tags": [{"key": "team", "value": "x"}]}
    emulator.call("PATCH", f"{ENDPOINTS}/chat/tags", tag)
    emulator.forget()
    hub.merge(2, "two")
    jobs = hub.push()
    assert list(jobs) == ["find", "apply dev"]  # prod does not come after dev was refused
    assert not jobs["apply dev"].ok
    assert "ended with exit code 12" in jobs["apply dev"].summary
    assert "chat" in jobs["apply dev"].summary
    assert emulator.writes() == []
    good(hub.by_hand("dev"))
    assert model(emulator, "chat") == "gpt-4"
    assert model(emulator, "prod-chat") == "gpt-4o"


@exhaustive
def test_a_plan_that_is_missing_is_refused(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "one")
    good(hub.pull_request(1))
    hub.merge(1, "one")
    for kept in hub.forge.artifacts:
        kept["expired"] = True
    jobs = hub.push()
    assert not jobs["apply dev"].ok
    assert "no-reviewed-plan" in jobs["apply dev"].log
    assert "Apply" not in jobs["apply dev"].steps
    project_of(hub).endpoint("chat", serving(external("gpt-4")))
    hub.commit("pushed past the review")
    assert "is not the merge of a pull" in " ".join(hub.push()["apply dev"].log.split())
    assert emulator.names() == []


@exhaustive
def test_an_apply_that_fails_half_way_goes_on(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "one")
    project_of(hub).endpoint("embed", serving(external(name="other")))
    hub.commit()
    good(hub.pull_request(1))
    hub.merge(1, "one")
    emulator.fault("POST", ENDPOINTS, skip=1, times=1, status=400)
    jobs = hub.push()
    assert list(jobs) == ["find", "apply dev"]
    assert "ended with exit code 8" in jobs["apply dev"].summary
    assert len(emulator.names()) == 1
    [record] = [kept for kept in hub.forge.artifacts if kept["name"] == "apply-dev"]
    assert record["files"]["events.jsonl"]
    good(hub.push())  # the job is simply run again
    assert emulator.names() == ["chat", "embed", "prod-chat", "prod-embed"]


@exhaustive
def test_two_merges_at_once(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "zero")
    project_of(hub).endpoint("embed", serving(external(name="other")))
    hub.commit()
    good(applied(hub, 1, "zero"))
    change(hub, "one", "gpt-4")
    good(hub.pull_request(2))
    change(hub, "two", "gpt-4", name="embed")
    good(hub.pull_request(3))
    change(hub, "three", "gpt-4-turbo")
    good(hub.pull_request(4))
    first = hub.merge(2, "one")
    second = hub.merge(3, "two")
    jobs = good(hub.push(first))  # main has both by now; only the first is applied
    assert (model(emulator, "chat"), model(emulator, "embed")) == ("gpt-4", "gpt-4o")
    good(hub.push(second))
    assert (model(emulator, "chat"), model(emulator, "embed")) == ("gpt-4", "gpt-4")
    # The third changed what the first had changed: git sees it first, and its plan is stale.
    hub.git("checkout", "-q", "main")
    hub.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", "Merge 4", "three")
    third = hub.git("rev-parse", "HEAD")
    hub.forge.merged(4, hub.git("rev-parse", "three"), third)
    jobs = hub.push(third)
    assert "ended with exit code 12" in jobs["apply dev"].summary
    assert model(emulator, "chat") == "gpt-4"


@exhaustive
def test_a_poisoned_plan_is_refused(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "one")
    good(applied(hub, 1, "one"))
    change(hub, "two", "gpt-4")
    good(hub.pull_request(2))
    [kept] = [a for a in hub.forge.artifacts if a["name"] == "plan-dev"][-1:]
    plan = json.loads(kept["files"]["plan.json"])
    [entry] = plan["endpoints"]
    entry |= {"action": "retire", "permit": "--allow-retire", "declared": None, "changes": []}
    entry["steps"] = [{"call": f"DELETE {ENDPOINTS}/chat", "body": None, "changes": []}]
    hub.forge.keep(kept["run"], "plan-dev", {"plan.json": forged(plan).encode()})
    hub.merge(2, "two")
    jobs = hub.push()
    assert "ended with exit code 5" in jobs["apply dev"].summary
    assert "chat" in emulator.names()


@exhaustive
def test_a_plan_that_fails_says_so_in_the_same_comment(hub: Hub, emulator: Emulator) -> None:
    hub.git("checkout", "-qb", "one")
    good(hub.pull_request(1))
    emulator.fault("GET", ENDPOINTS, status=403, error_code="PERMISSION_DENIED")
    jobs = hub.pull_request(1)
    assert not jobs["plan dev"].ok
    assert "### plan/dev failed" in comments(hub, 1)["plan/dev"]
    emulator.admin("DELETE", "faults")
    good(hub.pull_request(1))
    assert "failed" not in comments(hub, 1)["plan/dev"]


@exhaustive
def test_before_anything_is_set_up(hub: Hub, emulator: Emulator) -> None:
    """A fresh clone: its pull requests are planned on the built-in workspace, and no more."""
    del hub.variables["PROVISIONER_ENVIRONMENTS"]
    emulator.forget()
    assert list(good(hub.pull_request(1))) == ["check", "plan local"]
    assert list(good(hub.push())) == ["find"]
    assert list(good(hub.night())) == ["find"]
    assert emulator.requests() == []
    del hub.variables["PROVISIONER_PACKAGE"]
    jobs = hub.night()
    assert "PROVISIONER_PACKAGE is not set" in jobs["find"].log


@exhaustive
def test_a_large_environment_in_shards(hub: Hub, emulator: Emulator) -> None:
    hub.variables |= {"PROVISIONER_ENVIRONMENTS": "dev", "PROVISIONER_PER_SHARD": "3"}
    hub.git("checkout", "-qb", "one")
    for number in range(5):
        project_of(hub).endpoint(f"e{number}", serving(external()))
    hub.commit()
    jobs = good(applied(hub, 1, "one"))
    assert list(jobs) == ["find", "apply dev 1/2", "apply dev 2/2"]
    assert emulator.names() == ["chat", "e0", "e1", "e2", "e3", "e4"]
    assert comments(hub, 1).keys() == {"plan/dev/1/2", "plan/dev/2/2"}
    assert isinstance(hub.forge, StandIn)


@exhaustive
def test_models_that_will_be_retired_are_listed_at_night(hub: Hub, emulator: Emulator) -> None:
    """An endpoint of a retired model that is as declared opens no issue, and is told."""
    hub.git("checkout", "-qb", "one")
    entity = {
        "name": "old",
        "entity_name": "system.ai.meta_llama_v3_1_405b_instruct_fp8",
        "entity_version": "1",
        "max_provisioned_throughput": 850,
    }
    project_of(hub).endpoint("old", {"config": {"served_entities": [entity]}})
    hub.commit()
    jobs = hub.night()
    assert "retire" in jobs["drift dev"].summary
    assert emulator.names() == []
