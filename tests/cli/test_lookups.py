"""What a plan looks up: what is there, what is not, and what nobody could say."""

from __future__ import annotations

import itertools
import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ..conftest import (
    ENDPOINTS,
    Cli,
    Emulator,
    Project,
    Run,
    custom,
    external,
    serving,
    throughput,
)

UC = "/api/2.1/unity-catalog"
MODEL = "main.ml.churn_classifier"
SPEC = "main.ml.customer_features"
ROBOT = "11111111-2222-4333-8444-555555555555"
DOWN = {"status": 500, "error_code": "INTERNAL_ERROR", "message": "boom"}


def unversioned(model: str = MODEL) -> dict[str, Any]:
    return {"name": "churn", "entity_name": model, "scale_to_zero_enabled": True}


def told(run: Run) -> list[tuple[str, str]]:
    return [(problem["severity"], problem["code"]) for problem in run.json["problems"]]


def only(run: Run, code: str) -> Any:
    [found] = [problem for problem in run.json["problems"] if problem["code"] == code]
    return found


def asked(emulator: Emulator, part: str) -> list[str]:
    return [entry["path"] for entry in emulator.requests() if part in entry["path"]]


def line_of(project: Project, name: str, text: str) -> int:
    lines = (project.root / "endpoints" / f"{name}.yaml").read_text().splitlines()
    [found] = [number for number, line in enumerate(lines, 1) if text in line]
    return found


def plan(cli: Cli, *more: str) -> Run:
    """A plan as data, whatever its code."""
    return cli("plan", "-e", "dev", "-o", "json", *more)


# Versions.


def test_a_forgotten_version_is_told_by_the_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(unversioned()))
    offline = cli("validate", "-e", "dev", expect=0)
    assert "notice[version-missing]" in offline.err
    found = only(plan(cli), "version-missing")
    assert found["severity"] == "error"
    assert found["summary"] == f"e: model {MODEL} is to be served without a version"
    assert 'a number or "@challenger"' in found["hint"]
    assert found["where"]["line"] == line_of(project, "e", "- name: churn")
    emulator.forget()
    cli.apply(expect=5)
    assert emulator.writes() == []


def test_a_feature_spec_has_no_version(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(unity_catalog={"feature_specs": [SPEC]})
    project.endpoint("e", serving({**unversioned(SPEC), "entity_version": "1"}))
    found = only(plan(cli), "model-missing")
    assert found["summary"] == f"e: there is no model {SPEC}"
    assert "a feature spec is served without `entity_version`" in found["hint"]
    project.endpoint("e", serving(unversioned(SPEC)))
    # That it is no model is all that a look tells of it.
    assert only(plan(cli), "not-checked")["summary"].endswith(f": who may use {SPEC}")
    cli.apply()
    emulator.forget()
    assert cli.settled()
    assert asked(emulator, UC) == []


@pytest.mark.parametrize(
    ("entity", "summary", "hint"),
    [
        (
            {"entity_name": "main.ml.churn_clasifier"},
            "there is no model main.ml.churn_clasifier",
            f"did you mean {MODEL}?",
        ),
        ({"entity_version": "9"}, f"model {MODEL} has no version 9", "register it, or let"),
        ({"entity_version": "@prod"}, f"model {MODEL} has no alias @prod", "register it, or let"),
        (
            {"entity_version": "7"},
            f"version 7 of model {MODEL} is not registered yet",
            "run it again later",
        ),
        (
            {"entity_version": "8"},
            f"version 8 of model {MODEL} failed to be registered",
            "register another version",
        ),
        (
            {"entity_version": "@next"},
            f"alias @next of model {MODEL} is not registered yet",
            "run it again later",
        ),
    ],
)
def test_what_is_missing_of_a_model(
    project: Project, cli: Cli, emulator: Emulator, entity: Any, summary: str, hint: str
) -> None:
    states = {"7": {"status": "PENDING_REGISTRATION"}, "8": {"status": "FAILED_REGISTRATION"}}
    emulator.seed(unity_catalog={"models": {MODEL: {"versions": states, "aliases": {"next": 7}}}})
    project.endpoint("e", serving({**custom(), **entity}))
    run = plan(cli)
    found = only(run, "model-missing")
    assert found["summary"] == f"e: {summary}"
    assert found["hint"].startswith(hint)
    line = "entity_name" if "entity_name" in entity else "entity_version"
    assert found["where"]["line"] == line_of(project, "e", line)
    # It is not there, so that it is not unchanged either.
    assert (run.json["summary"]["none"], run.json["summary"]["pending"]) == (0, 1)
    text = cli("plan", "-e", "dev").out
    assert "0 to adopt, 0 unchanged." in text
    assert "\n1 pending.\n" in text


def test_a_missing_model_hides_nothing_else(project: Project, cli: Cli) -> None:
    variables = {"KEY": "{{secrets/llm/missing-key}}"}
    content = serving(custom(version="99", environment_vars=variables))
    rows = [{"group": "nonesuch", "level": "CAN_QUERY"}]
    project.endpoint("e", content, permissions=rows)
    errors = {code for severity, code in told(plan(cli)) if severity == "error"}
    assert errors == {"model-missing", "secret-missing", "unknown-principal"}
    # What is left out for now is not looked at.
    project.endpoint("e", content, permissions=rows, lifecycle={"if_missing": "skip"})
    assert told(plan(cli)) == [("warning", "model-missing")]


def test_capacity_of_a_missing_version_is_not_asked_for(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving({**throughput(), "entity_version": "99"}))
    emulator.forget()
    assert told(plan(cli)) == [("error", "model-missing")]
    assert asked(emulator, "optimization-info") == []


# Nobody can say.


def test_a_failing_catalog_leaves_a_question_open(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom(version="1")))
    project.endpoint("f", serving(external()))
    emulator.fault("GET", f"{UC}/.*", **DOWN)
    run = plan(cli)
    found = only(run, "not-checked")
    assert found["severity"] == "notice"
    assert f"whether the version 1 of {MODEL} can be served (boom)" in found["summary"]
    assert {entry["action"] for entry in run.json["endpoints"]} == {"create"}
    cli.apply()
    assert emulator.names() == ["e", "f"]


@pytest.mark.parametrize("failure", [DOWN, {"status": 403, "error_code": "PERMISSION_DENIED"}])
def test_an_alias_that_nobody_can_tell_is_no_missing_model(
    project: Project, cli: Cli, emulator: Emulator, failure: Any
) -> None:
    project.endpoint("e", serving(custom(version="@champion")))
    emulator.fault("GET", f"{UC}/.*", **failure)
    run = plan(cli)
    found = only(run, "version-unknown")
    assert found["severity"] == "error"
    assert f"which version of model {MODEL} is @champion cannot be found out" in found["summary"]
    assert ("boom" in found["summary"]) is ("message" in failure)
    assert "model-missing" not in run.out
    emulator.forget()
    cli.apply(expect=5)
    assert emulator.writes() == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/2.0/preview/scim/v2/Groups", "whether there is a group users"),
        ("/api/2.0/secrets/list", "which secrets are in the scope llm"),
        (f"{ENDPOINTS}/get-model-optimization-info/.*", "how main.support.ticket_llama is sold"),
        (f"{UC}/effective-permissions/.*", "who may use main.support.ticket_llama"),
    ],
)
def test_each_question_may_stay_open(
    project: Project, cli: Cli, emulator: Emulator, path: str, words: str
) -> None:
    project.endpoint("e", serving(throughput()))
    rows = [{"group": "users", "level": "CAN_VIEW"}]
    project.endpoint("f", serving(external()), permissions=rows)
    assert told(plan(cli)) == []
    emulator.fault("GET", path, **DOWN)
    run = plan(cli)
    assert words in only(run, "not-checked")["summary"]
    assert [severity for severity, _ in told(run)] == ["notice"]
    assert run.json["summary"]["create"] == 2


def test_a_drift_check_goes_on_without_answers(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply()
    project.endpoint("e", serving(custom(version="2")))
    emulator.fault("GET", f"{UC}/.*", **DOWN)
    run = cli("drift", "-e", "dev", "-o", "json", expect=2)
    assert run.entry("e")["config"] == "pending"


def test_a_service_that_is_down_is_not_waited_for_again_and_again(
    project: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        content = serving(custom(version="1", entity_name=f"main.ml.{name}"))
        project.endpoint(name, content)
    emulator.fault("GET", f"{UC}/.*", **DOWN)
    once = ["--parallelism", "1"]
    assert plan(cli, *once).json["summary"]["create"] == 3
    assert len(asked(emulator, "/versions/1")) == 3
    hours = itertools.count(0, 3600)
    clock = SimpleNamespace(monotonic=lambda: float(next(hours)))
    monkeypatch.setattr("provisioner.cli.environment.lookups.time", clock)
    emulator.forget()
    run = plan(cli, *once)
    assert len(asked(emulator, "/versions/1")) == 1
    assert "whether the version 1 of main.ml." in only(run, "not-checked")["summary"]
    assert run.json["summary"]["create"] == 3


def test_an_expired_sign_in_is_no_open_question(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    emulator.fault("GET", f"{UC}/.*", status=401, error_code="UNAUTHENTICATED", message="expired")
    assert "authentication-failed" in plan(cli).err
    cli("plan", "-e", "dev", expect=3)


# Whom rights and limits are for.


def limits(*pairs: tuple[str, str]) -> dict[str, Any]:
    rows = [
        {"renewal_period": "minute", "key": key, "principal": who, "calls": 10}
        for key, who in pairs
    ]
    return {"ai_gateway": {"rate_limits": rows}}


@pytest.mark.parametrize(
    ("key", "who", "severity", "code", "said"),
    [
        ("user_group", "ml-enginers", "warning", "unknown-principal", "did you mean ml-engineers?"),
        ("user", "Nobody@example.com", "warning", "unknown-principal", "no user Nobody@example."),
        ("service_principal", "My Robot", "warning", "unknown-principal", "principal My Robot"),
        ("service_principal", "deployer", "error", "rate-limit-principal", f"write {ROBOT}"),
        (
            "service_principal",
            "21111111-2222-4333-8444-555555555555",
            "warning",
            "unknown-principal",
            "service principal 21111111",
        ),
    ],
)
def test_limits_for_nobody(
    project: Project, cli: Cli, key: str, who: str, severity: str, code: str, said: str
) -> None:
    right = limits(("user_group", "ml-engineers"), ("user", "alice@example.com"))
    right["ai_gateway"]["rate_limits"] += limits((key, who))["ai_gateway"]["rate_limits"]
    project.endpoint("e", serving(external()), **right)
    run = plan(cli)
    found = only(run, code)
    assert found["severity"] == severity
    assert said in found["summary"] + found["hint"]
    line = line_of(project, "e", f"principal: {who}")
    assert found["where"]["line"] in {line, line - 2}
    by_name = key == "service_principal" and not who.startswith("2")
    offline = cli("validate", "-e", "dev").err
    assert ("warning[rate-limit-principal]" in offline) is by_name


def test_limits_are_looked_up_when_they_are_new(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    known = ("user_group", "ml-engineers")
    project.endpoint("e", serving(external()), **limits(known))
    cli.apply()
    emulator.forget()
    assert cli.settled()
    assert asked(emulator, "scim/v2/Groups") == []
    more = limits(known, ("service_principal", ROBOT))
    more["ai_gateway"]["rate_limits"][0]["calls"] = 20
    project.endpoint("e", serving(external()), **more)
    emulator.forget()
    assert told(plan(cli)) == []
    assert len(asked(emulator, "scim/v2/ServicePrincipals")) == 1
    assert asked(emulator, "scim/v2/Groups") == []


def test_a_governed_endpoint_is_limited_for_somebody(project: Project, cli: Cli) -> None:
    name = "databricks-gte-large-en"
    content = {"governs": name, **limits(("user_group", "nonesuch"))}
    path = project.root / "endpoints" / "g.yaml"
    path.write_text(yaml.safe_dump(content))
    assert told(plan(cli)) == [("warning", "unknown-principal")]


@pytest.mark.parametrize(
    ("row", "who"),
    [
        ({"user": "Nobody@Example.com"}, "user Nobody@Example.com"),
        ({"service_principal": "My Robot"}, "service principal My Robot"),
    ],
)
def test_an_unknown_principal_is_told_as_it_is_written(
    project: Project, cli: Cli, row: dict[str, str], who: str
) -> None:
    rows = [{"group": "users", "level": "CAN_VIEW"}, {**row, "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=rows)
    found = only(plan(cli), "unknown-principal")
    assert found["summary"] == f"e: there is no {who}"
    assert found["where"]["line"] == line_of(project, "e", next(iter(row.values())))


def test_a_right_is_placed_at_its_row_in_any_spelling(project: Project, cli: Cli) -> None:
    rows = [
        {"user": "Alice@Example.com", "level": "CAN_QUERY"},
        {"service_principal": "Deployer", "level": "CAN_MANAGE"},
    ]
    project.endpoint("e", serving(external()), permissions=rows)
    changes = cli.plan().changes("e")
    alice, robot = changes["permissions[user:alice@example.com]"], f"service_principal:{ROBOT}"
    assert alice["source"]["line"] == line_of(project, "e", "Alice@")
    assert changes[f"permissions[{robot}]"]["source"]["line"] == line_of(project, "e", "Deployer")


def test_a_name_that_nobody_can_tell_is_not_sent(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    rows = [{"service_principal": "deployer", "level": "CAN_MANAGE"}]
    project.endpoint("e", serving(external()), permissions={"mode": "exact", "rows": rows})
    cli.apply()
    emulator.fault("GET", "/api/2.0/preview/scim/v2/ServicePrincipals", **DOWN)
    found = only(plan(cli), "unknown-principal")
    assert found["summary"] == "e: which service principal deployer is cannot be found out"
    assert found["hint"] == "write its application id"
    emulator.forget()
    cli.apply(expect=5)
    assert emulator.writes() == []


# What is hidden is not gone.


def test_who_cannot_see_an_endpoint_does_not_plan_to_make_it(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    project.environment(record="record.json")
    project.endpoint("e", serving(external()))
    project.endpoint("old", serving(external()))
    cli.apply()
    signed_in.setenv("DATABRICKS_TOKEN", "token-bob")
    emulator.forget()
    run = cli("plan", "-e", "dev", expect=3)
    assert "permission-denied" in run.err
    assert re.search(r"cannot read endpoint (e|old)", run.err)
    assert "create" not in run.out
    cli.apply(expect=3)
    # What nobody declares any more would have been retired, and is not gone either.
    project.remove("e")
    cli("plan", "-e", "dev", "--only", "e", expect=3)
    assert emulator.writes() == []
    # Who may see it, and finds it gone, makes it anew.
    signed_in.setenv("DATABRICKS_TOKEN", "any-token")
    emulator.call("DELETE", f"{ENDPOINTS}/old")
    assert plan(cli).entry("old")["action"] == "create"


# Said once, and of what is selected.


def test_what_the_workspace_says_is_not_said_twice(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    entity = "system.ai.llama_v3_3_70b_instruct"
    emulator.seed(unity_catalog={"models": {entity: {"throughput_chunk_size": 970}}})
    project.endpoint("e", serving({**throughput(top=1000), "entity_name": entity}))
    assert "warning[capacity-step]" in cli("validate", "-e", "dev").err
    steps = [found for found in told(plan(cli)) if found[1] == "capacity-step"]
    assert steps == [("error", "capacity-step")]


def test_warnings_of_what_is_left_out_are_not_said(project: Project, cli: Cli) -> None:
    wrong = limits(("service_principal", "My Robot"))
    project.endpoint("a", serving(external()), **wrong)
    project.endpoint("b", serving(external()))
    path = project.root / "endpoints" / "two.yaml"
    documents = [{"name": name, **serving(external()), **wrong} for name in ("c", "d")]
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    files = {
        name: [
            problem["where"]["file"]
            for problem in plan(cli, "--only", name).json["problems"]
            if problem["where"]
        ]
        for name in "abcd"
    }
    assert set(files["a"]) == {"endpoints/a.yaml"}
    assert files["b"] == []
    assert set(files["c"]) == set(files["d"]) == {"endpoints/two.yaml"}
    lines = {
        name: {p["where"]["line"] for p in plan(cli, "--only", name).json["problems"]}
        for name in "cd"
    }
    assert not lines["c"] & lines["d"]
