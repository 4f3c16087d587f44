"""A secret's value is in the request that needs it, and nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from ..conftest import ENDPOINTS, Cli, Emulator, Project, Run

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
CANARIES = {name: f'canary"{name.lower()}\\x' for name in NAMES} | {
    "C_VERTEX": "-----BEGIN PRIVATE KEY-----\ncanary-c_vertex-line-one\n  two\n-----END-----\n"
}
_NEEDLES = {
    form
    for value in CANARIES.values()
    for line in [value, *value.splitlines()]
    if "canary" in line
    for form in (
        line,
        json.dumps(line)[1:-1],
        quote(line, safe=""),
        base64.b64encode(line.encode()).decode().rstrip("="),
    )
}


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
    return sorted(needle for text in texts for needle in _NEEDLES if needle in text)


def _everything(root: Path, runs: list[Run]) -> Iterator[str]:
    for run in runs:
        yield run.out
        yield run.err
    for path in root.rglob("*"):
        if path.is_file():
            yield path.read_text("utf-8", "replace")


@pytest.mark.usefixtures("secrets")
def test_values_are_in_the_requests_and_nowhere_else(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    saved = project.root / "plan.json"
    runs = [
        cli("validate", "-e", "dev", expect=0),
        cli("-vv", "plan", "-e", "dev", "--out", saved, expect=0),
        cli("plan", "-e", "dev", "-o", "json", expect=0),
        cli("show", saved, expect=0),
        cli("-vv", "apply", "-e", "dev", saved, expect=0),
        cli("plan", "-e", "dev", "--detailed-exitcode", expect=0),
        cli("drift", "-e", "dev", "-o", "json", expect=0),
        cli.apply("-o", "json"),
    ]
    assert len(CANARIES) == 12
    assert leaks(*_everything(project.root, runs)) == []
    sent = json.dumps([entry["body"] for entry in emulator.writes()])
    assert all(json.dumps(value)[1:-1] in sent for value in CANARIES.values())
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("form", ["text", "json"])
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
    run = cli("-vv", "apply", "-e", "dev", "--auto-approve", "-o", form)
    assert run.code == 1
    assert "is refused" in run.out
    assert leaks(*_everything(project.root, [run])) == []


@pytest.mark.usefixtures("secrets")
def test_a_build_that_echoes_a_value_is_not_repeated(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.build(outcome="failed", message=f"key {CANARIES['C_OPENAI']} was refused")
    run = cli("apply", "-e", "dev", "--auto-approve", "--only", "openai")
    assert "was refused" in run.out
    assert leaks(*_everything(project.root, [run])) == []


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
    texts = [*_everything(project.root, [run, applied])]
    assert not any("canary-rotated" in text for text in texts)
