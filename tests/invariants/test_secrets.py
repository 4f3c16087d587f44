"""A secret's value is in the request that needs it, and nowhere else."""

from __future__ import annotations

import json
import logging
import re
from base64 import b64encode
from typing import Any

import pytest
import yaml

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, serving
from . import canaries
from .canaries import canary, everything, key_file

_PROVIDERS = """
ai21: {provider: ai21labs, ai21labs_config: {ai21labs_api_key_plaintext: "${env:C_AI21}"}}
bedrock:
  provider: amazon-bedrock
  amazon_bedrock_config:
    aws_region: eu-west-1
    bedrock_provider: anthropic
    aws_access_key_id_plaintext: "${env:C_AWS_ID}"
    aws_secret_access_key_plaintext: "${env:C_AWS_SECRET}"
anthropic:
  provider: anthropic
  anthropic_config: {anthropic_api_key_plaintext: "${env:C_ANTHROPIC}"}
cohere: {provider: cohere, cohere_config: {cohere_api_key_plaintext: "${env:C_COHERE}"}}
custom-key:
  provider: custom
  custom_provider_config:
    custom_provider_url: https://llm.example.com
    api_key_auth: {key: X-Key, value_plaintext: "${env:C_CUSTOM_KEY}"}
custom-token:
  provider: custom
  custom_provider_config:
    custom_provider_url: https://llm.example.com
    bearer_token_auth: {token_plaintext: "${env:C_CUSTOM_TOKEN}"}
databricks:
  provider: databricks-model-serving
  databricks_model_serving_config:
    databricks_workspace_url: https://other.example.com
    databricks_api_token_plaintext: "${env:C_DATABRICKS}"
vertex:
  provider: google-cloud-vertex-ai
  google_cloud_vertex_ai_config:
    {project_id: p, region: r, private_key_plaintext: "${env:C_VERTEX}"}
openai: {provider: openai, openai_config: {openai_api_key_plaintext: "${env:C_OPENAI}"}}
entra:
  provider: openai
  openai_config:
    openai_api_type: azuread
    openai_api_base: https://x.openai.azure.com
    openai_api_version: "2024-10-21"
    openai_deployment_name: d
    microsoft_entra_tenant_id: t
    microsoft_entra_client_id: c
    microsoft_entra_client_secret_plaintext: "${env:C_ENTRA}"
palm: {provider: palm, palm_config: {palm_api_key_plaintext: "${env:C_PALM}"}}
"""
PROVIDERS: dict[str, Any] = yaml.safe_load(_PROVIDERS)
NAMES = re.findall(r"\$\{env:(\w+)\}", _PROVIDERS)


CANARIES = {name: canary(name) for name in NAMES} | {"C_VERTEX": key_file("C_VERTEX")}
NEEDLES = canaries.needles(CANARIES.values())


@pytest.fixture
def secrets(project: Project, signed_in: pytest.MonkeyPatch) -> None:
    """One endpoint for each provider, all secrets from the environment."""
    for name, value in CANARIES.items():
        signed_in.setenv(name, value)
    project.environment(record="record.json")
    for name, block in PROVIDERS.items():
        model = {"name": "m", "task": "llm/v1/chat", **block}
        project.endpoint(
            name, {"config": {"served_entities": [{"name": "m", "external_model": model}]}}
        )


def leaks(*texts: str) -> list[str]:
    return canaries.leaks(NEEDLES, texts)


@pytest.mark.usefixtures("secrets")
def test_values_are_in_the_requests_and_nowhere_else(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    saved = project.root / "plan.json"
    runs = [
        cli("validate", "-e", "dev", expect=0),
        cli("-vv", "plan", "-e", "dev", "--out", saved, expect=0),
        cli("plan", "-e", "dev", "-o", "json", expect=0),
        cli("plan", "-e", "dev", "-o", "markdown", expect=0),
        *(cli("validate", "-o", form, expect=0) for form in ("json", "sarif", "junit", "github")),
        cli("show", saved, expect=0),
        cli("-v", "plan", "-e", "dev", "-o", "markdown", expect=0),
        cli("show", saved, "-o", "markdown", expect=0),
        cli("-vv", "apply", "-e", "dev", saved, "--events", project.root / "events", expect=0),
        cli("plan", "-e", "dev", "--detailed-exitcode", expect=0),
        cli("drift", "-e", "dev", "-o", "json", expect=0),
        cli("drift", "-e", "dev", "-o", "markdown", expect=0),
        cli("-v", "show", saved, "-o", "html", expect=0),
        cli("drift", "-e", "dev", "-o", "html", expect=0),
        cli("status", "-e", "dev", "-o", "html", expect=0),
        cli("status", "-e", "dev", "-o", "markdown", expect=0),
        cli.apply("-o", "json"),
    ]
    assert len(CANARIES) == 12
    assert leaks(*everything(project.root, runs)) == []
    sent = json.dumps([entry["body"] for entry in emulator.writes()])
    assert all(json.dumps(value)[1:-1] in sent for value in CANARIES.values())
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_service_that_echoes_a_value_is_not_repeated(
    project: Project, cli: Cli, emulator: Emulator, form: str
) -> None:
    for name, value in CANARIES.items():
        emulator.fault(
            "POST",
            ENDPOINTS,
            times=1,
            status=400,
            error_code="INVALID_PARAMETER_VALUE",
            message=f"cannot use {name}: {value} is refused; body was {json.dumps(value)}",
        )
    events = project.root / "events"
    run = cli("-vv", "apply", "-e", "dev", "--auto-approve", "-o", form, "--events", events)
    assert "is refused" in events.read_text()
    assert run.code == 1
    assert "is refused" in run.out
    assert leaks(*everything(project.root, [run])) == []


@pytest.mark.usefixtures("secrets")
def test_a_build_that_echoes_a_value_is_not_repeated(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.build(outcome="failed", message=f"key {CANARIES['C_OPENAI']} was refused")
    run = cli("apply", "-e", "dev", "--auto-approve", "--only", "openai")
    assert "was refused" in run.out
    assert leaks(*everything(project.root, [run])) == []


@pytest.mark.usefixtures("secrets")
def test_a_value_that_is_missing_is_told_before_any_call(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    for name in ("C_OPENAI", "C_PALM"):
        signed_in.delenv(name)
    run = cli.apply(expect=4)
    assert "C_OPENAI" in run.err
    assert "C_PALM" in run.err
    assert "C_COHERE" not in run.err
    assert emulator.writes() == []


@pytest.mark.usefixtures("secrets")
def test_a_value_that_changed_is_sent_and_not_shown(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    cli.apply()
    emulator.forget()
    signed_in.setenv("C_OPENAI", "canary-rotated")
    run = cli("plan", "-e", "dev")
    assert run.out.splitlines()[-1].startswith("Plan: 0 to create, 1 to update")
    applied = cli.apply()
    assert [entry["path"] for entry in emulator.writes()] == [f"{ENDPOINTS}/openai/config"]
    assert "canary-rotated" in json.dumps(emulator.writes()[0]["body"])
    assert cli.settled()
    texts = [*everything(project.root, [run, applied])]
    assert not any("canary-rotated" in text for text in texts)


@pytest.mark.usefixtures("secrets")
def test_calls_are_told_without_their_bodies(
    project: Project, cli: Cli, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by -vv nor by the SDK's own logger, which masks only some fields."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "databricks.sdk")
    run = cli("-vv", "apply", "-e", "dev", "--auto-approve", expect=0)
    told = [line for line in run.err.splitlines() if line.startswith("POST ")]
    assert len(told) == len(PROVIDERS)
    assert all(re.fullmatch(rf"POST {ENDPOINTS} 200 \d+ ms", line) for line in told)
    assert "GET /api/2.0/preview/scim/v2/Me 200 " in run.err
    assert cli("-v", "plan", "-e", "dev").err.count("GET ") == 0
    assert leaks(*everything(project.root, [run]), caplog.text) == []
    assert not [one for one in caplog.records if "string_value" in one.getMessage()]
    assert len(emulator.writes()) == len(PROVIDERS)


@pytest.mark.usefixtures("secrets")
def test_a_failed_call_that_is_repeated_is_told_each_time(cli: Cli, emulator: Emulator) -> None:
    emulator.fault("GET", ENDPOINTS, times=1, status=429, headers={"Retry-After": "0"})
    run = cli("-vv", "plan", "-e", "dev", "--only", "openai", expect=0)
    told = [line for line in run.err.splitlines() if line.startswith(f"GET {ENDPOINTS} ")]
    assert [line.split()[2] for line in told] == ["429", "200"]


@pytest.mark.usefixtures("secrets")
def test_what_a_build_repeats_is_hidden_by_every_command(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    value = CANARIES["C_OPENAI"]
    said = f"key {value[3:30]} or {b64encode(value.encode()).decode()} was refused"
    emulator.build(outcome="failed", message=said, logs=f"line\n{said}\n")
    only = ("--only", "openai")
    runs = [
        cli("apply", "-e", "dev", "--auto-approve", *only),
        cli("plan", "-e", "dev", *only),
        cli("plan", "-e", "dev", "-o", "json", *only),
        cli("drift", "-e", "dev", *only),
        cli("drift", "-e", "dev", "-o", "json", *only),
        cli("status", "-e", "dev", *only),
        cli("wait", "-e", "dev", "openai"),
    ]
    assert any("was refused" in run.out + run.err for run in runs)
    assert leaks(*everything(project.root, runs)) == []


def test_a_secret_that_somebody_put_in_the_open_is_not_shown(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """Environment variables of models are the one place where the service shows values."""
    project.environment(record="record.json")
    declared = {"TOKEN": "{{secrets/llm/custom_token}}", "MODE": "fast", "HOME": "/opt"}
    project.endpoint("e", serving(custom(environment_vars=declared)))
    cli.apply()
    values = {"TOKEN": "open sesame by hand", "OTHER": canary("other")[:40].replace("/", "x")}
    by_hand = custom(environment_vars={**values, "MODE": "slow"})
    emulator.call("PUT", f"{ENDPOINTS}/e/config", {"served_entities": [by_hand]})
    runs = [
        cli("plan", "-e", "dev", expect=0),
        cli("-vv", "plan", "-e", "dev", "-o", "json", expect=0),
        cli("plan", "-e", "dev", "-o", "markdown", expect=0),
        cli("drift", "-e", "dev", expect=2),
        cli("drift", "-e", "dev", "-o", "json", expect=2),
        cli("drift", "-e", "dev", "-o", "markdown", expect=2),
        cli.apply(),
    ]
    text = "".join(everything(project.root, runs))
    assert not [value for value in values.values() if value in text]
    assert "slow -> fast" in runs[0].out
    assert cli.settled()


def test_a_secret_in_the_open_that_is_left_alone_is_sent_on_and_in_no_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(record="record.json")
    project.endpoint("e", serving(custom()))
    cli.apply()
    value = "open sesame by hand"
    by_hand = custom(environment_vars={"API_TOKEN": value})
    emulator.call("PUT", f"{ENDPOINTS}/e/config", {"served_entities": [by_hand]})
    project.endpoint("e", serving(custom(workload_size="Medium")))
    saved = project.root / "p.json"
    planned = cli("plan", "-e", "dev", "-o", "json", "--out", str(saved), expect=0)
    assert "${live:" in planned.out
    emulator.forget()
    applied = cli("apply", "-e", "dev", str(saved), expect=0)
    text = "".join(everything(project.root, [planned, applied]))
    assert value not in text + saved.read_text("utf-8")
    [sent] = [call for call in emulator.writes() if call["path"].endswith("/config")]
    assert sent["body"]["served_entities"][0]["environment_vars"] == {"API_TOKEN": value}
    assert cli.settled()


OPEN = {"DB_PASSWORD": "open sesame by hand", "OTHER": canary("by hand")[:40].replace("/", "x")}


def test_a_secret_in_the_open_is_not_imported_and_stays(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    by_hand = custom(environment_vars={**OPEN, "MODE": "slow"})
    emulator.call("POST", ENDPOINTS, {"name": "e", "config": {"served_entities": [by_hand]}})
    runs = [cli("import", "-e", "dev", "e", expect=0), cli.apply()]
    assert "import-open-secret" in runs[0].err
    assert "DB_PASSWORD, OTHER" in runs[0].err
    text = "".join(everything(project.root, runs))
    assert not [value for value in OPEN.values() if value in text]
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["environment_vars"] == {**OPEN, "MODE": "slow"}
    assert cli.settled()


@pytest.mark.parametrize("declared", [{"MODE": "fast"}, {"OTHER": "{{secrets/llm/custom_token}}"}])
def test_a_secret_in_the_open_is_not_accepted(
    project: Project, cli: Cli, emulator: Emulator, declared: dict[str, str]
) -> None:
    project.environment(record="record.json")
    path = project.endpoint("e", serving(custom(environment_vars=declared)))
    cli.apply()
    by_hand = custom(environment_vars={**OPEN, "MODE": "slow"})
    emulator.call("PUT", f"{ENDPOINTS}/e/config", {"served_entities": [by_hand]})
    runs = [cli("drift", "-e", "dev", "--accept", "e", "--yes")]
    assert "[DB_PASSWORD] is not accepted: it seems to be a secret in the open" in runs[0].err
    assert "MODE: slow" in path.read_text()
    text = "".join(everything(project.root, runs))
    assert not [value for value in OPEN.values() if value in text]


@pytest.mark.parametrize("place", ["project", "variable", "profile"])
def test_an_address_with_a_password_is_refused_and_not_repeated(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch, place: str
) -> None:
    password = canaries.token("host").replace("/", "-")
    host = emulator.url.replace("http://", f"http://me:{password}@")
    where = {"project": {"host": host}, "profile": {"profile": "mine"}}
    path = project.environment(workspace=where.get(place, {}))
    if place == "variable":
        signed_in.setenv("DATABRICKS_HOST", host)
    if place == "profile":
        signed_in.setenv("DATABRICKS_CONFIG_FILE", str(project.root / "profiles"))
        (project.root / "profiles").write_text(f"[mine]\nhost = {host}\ntoken = t\n")
    # What stands in a file is judged before anything is asked.
    run = cli("plan", "-e", "dev", expect=4 if place == "project" else 3)
    assert re.search("holds a user( name)? or a password", " ".join(run.err.split()))
    texts = everything(project.root, [run], path, project.root / "profiles")
    assert canaries.leaks(canaries.needles([password]), texts) == []
    assert all(entry["path"].startswith("/.well-known") for entry in emulator.requests())
