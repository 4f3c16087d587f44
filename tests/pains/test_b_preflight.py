"""What would make an apply fail is told by the plan: rights, schemas, accounts, room, cloud."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, Run, custom, external, serving

SECRETS = "/api/2.0/secrets"
UC = "/api/2.1/unity-catalog"
TABLE = {
    "inference_table_config": {
        "enabled": True,
        "catalog_name": "main",
        "schema_name": "serving_logs",
        "table_name_prefix": "e",
    }
}
USE = ["USE_CATALOG", "USE_SCHEMA"]


@pytest.fixture
def alice(signed_in: pytest.MonkeyPatch, project: Project) -> None:
    """Signed in as somebody who is no admin and owns nothing."""
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    project.environment(record="record.json")


def told(run: Run) -> list[tuple[str, str]]:
    return [(found["severity"], found["code"]) for found in run.json["problems"]]


def one(run: Run) -> Any:
    [found] = run.json["problems"]
    return found


def grant(emulator: Emulator, on: str, **principals: list[str]) -> None:
    emulator.seed(
        unity_catalog={"grants": {on: {k.replace("_", " "): v for k, v in principals.items()}}}
    )


@pytest.mark.usefixtures("alice")
def test_b5_whoever_may_not_read_a_secret_is_told_before_anything_is_made(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.seed(secrets={"llm": {"acls": {"users": None}}})
    for name in ("a", "b"):
        project.endpoint(name, serving(external()))
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("error", "secret-not-readable")
    assert found["summary"] == (
        "alice@example.com has no right to read the secret scope llm, used by a, b"
    )
    assert found["where"]["file"] == "endpoints/a.yaml"
    assert found["hint"] == "databricks secrets put-acl llm alice@example.com READ"
    cli.apply(expect=5)
    assert emulator.writes() == []
    emulator.seed(secrets={"llm": {"acls": {"ml-engineers": "READ"}}})
    assert told(cli.plan()) == []


@pytest.mark.usefixtures("alice")
def test_b5_the_check_can_be_switched_off(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(secrets={"llm": {"acls": {"users": None}}})
    project.endpoint(
        "e",
        serving(external(openai_api_key="{{secrets/nowhere/k}}")),
        permissions=[{"group": "nobody", "level": "CAN_QUERY"}],
    )
    assert {code for _, code in told(cli.plan())} == {"secret-missing", "unknown-principal"}
    emulator.forget()
    assert told(cli.plan("--no-preflight")) == []
    project.environment(record="record.json", preflight=False)
    assert told(cli.plan()) == []
    paths = {entry["path"] for entry in emulator.requests()}
    assert not [p for p in paths if "secrets" in p or "unity-catalog" in p or "Groups" in p]
    project.endpoint("e", serving(external()))
    cli("apply", "-e", "dev", "--auto-approve", "--no-preflight", expect=0)


@pytest.mark.usefixtures("alice")
def test_models_that_may_not_be_executed(project: Project, cli: Cli, emulator: Emulator) -> None:
    grant(emulator, "main", account_users=USE)
    project.endpoint("e", serving(custom()))
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "model-not-executable")
    assert (
        "alice@example.com seems to have no right to use main.ml.churn_classifier"
        in (found["summary"])
    )
    assert found["hint"].startswith("GRANT EXECUTE ON FUNCTION main.ml.churn_classifier TO")
    failed = cli.apply(expect=3)
    assert "does not have EXECUTE" in failed.err
    for on, who in (
        ("main.ml.churn_classifier", "alice@example.com"),
        ("main.ml", "ml-engineers"),
        ("main", "account users"),
    ):
        emulator.seed(unity_catalog={"grants": {on: {who: ["EXECUTE"]}}})
        assert told(cli.plan()) == []
        emulator.seed(unity_catalog={"grants": {on: {who: None}}})
        assert len(told(cli.plan())) == 1
    grant(emulator, "main.ml", account_users=["ALL_PRIVILEGES"])
    cli.apply()


@pytest.mark.usefixtures("alice")
def test_schemas_of_inference_tables(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()), ai_gateway=TABLE)
    assert told(cli.plan()) == []
    grant(emulator, "main", account_users=USE)
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "schema-not-writable")
    assert "CREATE TABLE ON SCHEMA main.serving_logs" in found["hint"]
    assert "CREATE TABLE" in cli.apply(expect=3).err
    grant(emulator, "main.serving_logs", ml_engineers=["CREATE_TABLE"])
    emulator.seed(
        unity_catalog={"grants": {"main.serving_logs": {"ml-engineers": ["CREATE_TABLE"]}}}
    )
    assert told(cli.plan()) == []
    cli.apply()
    wrong = {**TABLE["inference_table_config"], "schema_name": "serving_logz"}
    project.endpoint("e", serving(external()), ai_gateway={"inference_table_config": wrong})
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("error", "schema-missing")
    assert found["where"]["file"] == "endpoints/e.yaml"
    emulator.forget()
    cli.apply(expect=5)
    assert emulator.writes() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "alice@example.com, who created e, is not in the workspace"),
        ({"active": False}, "alice@example.com, who created e, is inactive"),
    ],
)
def test_a_creator_that_is_gone(
    project: Project, cli: Cli, emulator: Emulator, change: Any, words: str
) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    tags = [{"key": "provisioner", "value": "shop/dev"}]
    body = {"name": "e", **serving(external("gpt-4")), "tags": tags}
    emulator.call("POST", ENDPOINTS, body, token="token-alice")
    assert told(cli.plan()) == []
    project.endpoint("e", serving(external("gpt-4o")))
    assert told(cli.plan()) == []
    emulator.seed(identity={"users": {"alice@example.com": change}})
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "creator-gone")
    assert words in found["summary"]
    assert "is not in the workspace" in cli.apply(expect=3).out
    # What needs no new configuration goes on.
    project.endpoint("e", serving(external("gpt-4")), tags={"team": "a"})
    assert told(cli.plan()) == []
    cli.apply()


def test_another_creator_needs_the_rights(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(secrets={"other": {"keys": {"k": "v"}, "acls": {"user@example.com": "MANAGE"}}})
    tags = [{"key": "provisioner", "value": "shop/dev"}]
    body = {"name": "e", **serving(external("gpt-4")), "tags": tags}
    emulator.call("POST", ENDPOINTS, body, token="token-alice")
    project.endpoint("e", serving(external("gpt-4", openai_api_key="{{secrets/other/k}}")))
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "secret-not-readable")
    assert found["summary"].startswith("alice@example.com has no right to read the secret scope")
    emulator.fault("GET", f"{SECRETS}/acls/list", status=403, error_code="PERMISSION_DENIED")
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("notice", "not-checked")
    assert "whether alice@example.com may read the secret scope other" in found["summary"]


@pytest.mark.usefixtures("alice")
def test_what_cannot_be_known_is_said_once(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.fault(
        "GET", f"{UC}/effective-permissions/.*", status=403, error_code="PERMISSION_DENIED"
    )
    for name in ("a", "b", "c"):
        table = {**TABLE["inference_table_config"], "table_name_prefix": name}
        project.endpoint(name, serving(custom()), ai_gateway={"inference_table_config": table})
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("notice", "not-checked")
    assert found["summary"] == (
        "not to be known from here: who may use main.ml.churn_classifier; "
        "who may use main.serving_logs"
    )
    cli.apply()


def test_persons_in_production(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.environment(protected=True)
    project.endpoint("e", serving(external()))
    assert told(cli.plan()) == [("warning", "person-creates")]
    application = "11111111-2222-4333-8444-555555555555"
    emulator.seed(identity={"tokens": {"any-token": application}})
    assert told(cli.plan()) == []


def test_room_in_the_workspace(project: Project, cli: Cli, emulator: Emulator) -> None:
    names = [f"e{n}" for n in range(1000)]
    emulator.seed(endpoints={name: {"creator": "alice@example.com"} for name in names})
    project.endpoint("e", serving(external()))
    found = one(cli.plan())
    assert (found["severity"], found["code"]) == ("warning", "workspace-full")
    assert "1000 are the known limit" in found["summary"]


def test_the_cloud_is_what_the_workspace_tells(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    profile = "arn:aws:iam::123456789012:instance-profile/serving"
    project.endpoint("e", serving(custom(instance_profile_arn=profile)))
    assert told(cli.plan()) == []
    emulator.seed(cloud="Azure")
    assert told(cli.plan()) == [("error", "wrong-cloud")]


def test_an_unchanged_endpoint_is_not_asked_about(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()), ai_gateway=TABLE)
    cli.apply()
    emulator.forget()
    assert cli.settled()
    asked = {entry["path"] for entry in emulator.requests()}
    assert not [path for path in asked if path.startswith(UC) or "acls" in path]
