"""Secrets where none should be are found, and nothing that the tool says repeats them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.errors import ExitCode, Problem, ProjectInvalid, error
from provisioner.redaction import HIDDEN, look_of, without_keys
from tests.conftest import invoke
from tests.pure.rule_projects import found_in, project_of

SECRETS = [
    "sk-" + "proj-abcdefghijklmnopqrst",
    "sk-" + "ant-api03-abcdefghijkl",
    "dapi" + "0123456789abcdef" * 2 + "-2",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "hf_" + "abcdefghijklmnopqrstuvwxyz",
    "xoxb-" + "123456789012-abcdef",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n",
    "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "kX9vQ2mZr7Tq4LpWc8Ny3B" + "dHs6Fj1GuEa5Ro0Yi",
    "postgres://:" + "correct-horse-battery@db",
    "jdbc:sqlserver://db;user=sa;password=" + "correct-horse-battery",
]
_OPENAI = {"openai_api_key": "{{secrets/llm/key}}", "openai_organization": "acme"}
_MODEL = {"provider": "openai", "name": "gpt-4o", "task": "llm/v1/chat", "openai_config": _OPENAI}
_BEDROCK = {
    "aws_region": "eu-central-1",
    "bedrock_provider": "anthropic",
    "aws_access_key_id": "{{secrets/llm/id}}",
    "aws_secret_access_key_plaintext": "${env:KEY}",
}
_LIMIT = {"calls": 5, "renewal_period": "minute", "key": "user", "principal": "a@example.com"}
_TABLE = {"catalog_name": "main", "schema_name": "ml", "table_name_prefix": "x", "enabled": True}
ENDPOINTS: dict[str, dict[str, Any]] = {
    "external": {
        "name": "chat",
        "description": "for talks",
        "tags": {"team": "assistants"},
        "api_extra": {"new": [{"deep": "text"}]},
        "budget_policy_id": "b-1",
        "config": {
            "served_entities": [
                {"name": "a", "external_model": _MODEL},
                {
                    "name": "b",
                    "external_model": {
                        "provider": "amazon-bedrock",
                        "name": "claude-sonnet-4-5",
                        "task": "llm/v1/chat",
                        "amazon_bedrock_config": _BEDROCK,
                    },
                },
            ],
            "traffic_config": {
                "routes": [
                    {"served_entity_name": "a", "traffic_percentage": 50},
                    {"served_entity_name": "b", "traffic_percentage": 50},
                ]
            },
        },
        "ai_gateway": {
            "rate_limits": [_LIMIT],
            "guardrails": {"input": {"pii": {"behavior": "BLOCK"}, "invalid_keywords": ["x"]}},
            "inference_table_config": _TABLE,
        },
        "permissions": [{"group": "users", "level": "CAN_QUERY"}],
        "email_notifications": {"on_update_failure": ["a@example.com"]},
        "checks": [{"name": "c", "prompt": "hello", "expect": {"json_path": {"id": "x"}}}],
        "lifecycle": {"ignore": ["tags"], "timeouts": {"create": "5m"}, "if_missing": "fail"},
        "rollout": {"steps": [10], "hold": "1m"},
    },
    "custom": {
        "name": "churn",
        "config": {
            "served_entities": [
                {
                    "name": "v1",
                    "entity_name": "main.ml.churn",
                    "entity_version": "1",
                    "workload_size": "Small",
                    "workload_type": "CPU",
                    "scale_to_zero_enabled": True,
                    "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/x",
                    "environment_vars": {"STORE": "s3", "API_TOKEN": "{{secrets/llm/key}}"},
                    "architecture": "llama",
                }
            ],
            "auto_capture_config": _TABLE,
        },
        "traffic": {"v1": 100},
        "telemetry_config": {
            "table_names": {"logs_table": "main.ml.logs"},
            "enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"],
        },
    },
    "governed": {"governs": "databricks-gte-large-en", "tags": {"a": "b"}},
}
ENVIRONMENT: dict[str, Any] = {
    "project": "shop",
    "extends": "_base",
    "workspace": {"host": "https://x.cloud.databricks.com", "profile": "p", "auth_type": "pat"},
    "variables": {"scope": "llm", "more": "${var.scope}"},
    "defaults": {"tags": {"cost": "low"}},
    "overrides": {"chat": {"description": "other"}},
    "rules": {"cold-start": {"level": "off", "reason": "nobody waits", "endpoints": ["c*"]}},
    "secrets": {"llm/key": {"env": "KEY"}, "llm/id": {"command": ["pass", "id"]}},
    "name_prefix": "dev-",
    "include": ["*"],
    "policy": {"require_tags": ["team"]},
    "record": "record.json",
}


def variants(document: Any, secret: str) -> Iterator[tuple[str, Any]]:
    """A document with a secret in the place of each text, number and key, one after another."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            rest = {name: below for name, below in document.items() if name != key}
            yield f"{key} as key", {**rest, secret: value}
            for place, below in variants(value, secret):
                yield f"{key}.{place}", {**rest, key: below}
    elif isinstance(document, list):
        for index, value in enumerate(document):
            for place, below in variants(value, secret):
                yield f"{index}.{place}", [*document[:index], below, *document[index + 1 :]]
    else:
        yield "value", secret
        yield "part", f"use {secret} for it"
        yield "reference", f"{{{{secrets/llm/{secret}}}}}"
        yield "variable", f"${{var.{secret}}}"


def leaked(secret: str, shown: str) -> list[str]:
    """What is shown of a secret, eight characters at a time; beginnings of keys are public."""
    secret = secret.replace("\n", "\\n")
    start = secret.find("correct") if "correct" in secret else 8
    end = len(secret) - (3 if secret.endswith("@db") else 0)
    slices = (secret[at : at + 8] for at in range(start, end - 7))
    return [part for part in slices if part in shown.replace("\n", "\\n")]


def said(found: list[Problem]) -> str:
    return repr(
        [(problem.summary, problem.hint, str(problem.where), problem.endpoint) for problem in found]
    )


def some_or_all() -> list[Any]:
    """Each secret with the places that it is tried in; many of them take long."""
    more = [pytest.param(s, 3, 0, marks=pytest.mark.exhaustive) for s in SECRETS]
    return [pytest.param(s, len(SECRETS), n) for n, s in enumerate(SECRETS)] + more


@pytest.mark.parametrize(("secret", "step", "first"), some_or_all())
def test_no_place_of_a_file_repeats_a_secret(
    tmp_path: Path, secret: str, step: int, first: int
) -> None:
    files = {
        f"endpoints/{name}.yaml": variants(document, secret) for name, document in ENDPOINTS.items()
    }
    files["environments/dev.yaml"] = variants(ENVIRONMENT, secret)
    for file, tried in files.items():
        for place, document in list(tried)[first::step]:
            texts = {
                "environments/_base.yaml": "",
                "environments/dev.yaml": "",
                "endpoints/chat.yaml": "name: chat\n",
                file: yaml.safe_dump(document, sort_keys=False),
            }
            root = project_of(tmp_path, "".join(f"# {n}\n{text}" for n, text in texts.items()))
            if file.startswith("env"):
                (root / file).write_text(texts[file])
            found = found_in(root)
            (root / file).unlink()
            assert not leaked(secret, said(found)), f"{file} {place}: {said(found)}"


FOUND = {
    "environment_vars": (
        "name: churn\nconfig:\n  served_entities:\n"
        "    - {name: v1, entity_name: main.ml.churn, entity_version: 1,"
        " scale_to_zero_enabled: true, environment_vars: {STORE: %s}}\n"
    ),
    "description": "name: chat\ndescription: %s\n",
    "tags": "name: chat\ntags: {note: %s}\n",
    "keys": "name: chat\ntags: {%s: note}\n",
    "keys of variables": (
        "name: churn\nconfig:\n  served_entities:\n"
        "    - {name: v1, entity_name: main.ml.churn, entity_version: 1,"
        " scale_to_zero_enabled: true, environment_vars: {%s: s3}}\n"
    ),
    "api_extra": "name: chat\napi_extra: {new: [{deep: %s}]}\n",
    "variables": (
        "# environments/dev.yaml\nvariables: {key: %s}\n# endpoints/chat.yaml\nname: chat\n"
    ),
}


@pytest.mark.parametrize("place", FOUND)
@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_found(tmp_path: Path, place: str, secret: str) -> None:
    quoted = '"' + secret.replace("\n", "\\n") + '"'
    found = found_in(project_of(tmp_path, FOUND[place] % quoted))
    assert "secret-in-text" in {problem.code for problem in found}
    assert not leaked(secret, repr(found))


@pytest.mark.parametrize("secret", ["sk-" + "proj-abcdefghijklmnopqrst", SECRETS[11]])
@pytest.mark.parametrize("text", ["{{secrets/llm/%s}}", "{{secrets/%s/key}}", "{{secrets/a/b}} %s"])
def test_a_reference_may_hold_one(tmp_path: Path, text: str, secret: str) -> None:
    found = found_in(project_of(tmp_path, FOUND["environment_vars"] % f'"{text % secret}"'))
    assert [problem.code for problem in found] == ["secret-in-text"]
    assert not leaked(secret, said(found))


@pytest.mark.parametrize(
    "text",
    [
        "name: chat\ndescription: *SECRET\n",
        "name: chat\ndescription: !SECRET x\n",
        "name: chat\ntags: {SECRET: a, SECRET: b}\n",
        "name: chat\nSECRET\n",
        "name: chat\n<<: SECRET\n",
        "name: chat\ndescription: 'SECRET\n",
        "name: chat\nSECRET: &SECRET [*SECRET]\n",
    ],
)
def test_syntax_does_not_repeat_one(tmp_path: Path, text: str) -> None:
    for secret in SECRETS[:8]:
        found = found_in(project_of(tmp_path, text.replace("SECRET", secret)))
        assert not leaked(secret, said(found))


FIXED = """\
# the key is SECRET
name: chat
config:
  served_entities:
    - name: a
      external_model:
        provider: openai
        name: SECRET
        task: LLM/v1/chat
        openai_config: {openai_api_key: hunter2-hunter2}
    - name: b
      external_model:
        provider: custom
        name: SECRET
        task: LLM/v1/chat
        custom_provider_config:
          custom_provider_url: https://x.example.com
          api_key_auth:
            key: x-key
            value_plaintext: |
              hunter2-hunter2
permissions: [{level: can_query, group: users}]
ai_gateway: {rate_limits: [{calls: 5, renewal_perod: minute, key: SECRET}]}
tags: {SECRET: SECRET, note: stays}
"""


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github", "fix"])
@pytest.mark.parametrize("secret", [SECRETS[0], SECRETS[10], SECRETS[12]])
def test_no_form_of_output_repeats_one(tmp_path: Path, form: str, secret: str) -> None:
    root = project_of(tmp_path, FIXED.replace("SECRET", secret))
    how = ["--fix", "--yes"] if form == "fix" else ["-o", form]
    run = invoke(["--project", str(root), "validate", *how])
    assert run.code == ExitCode.INVALID
    assert not leaked(secret, run.out + run.err)
    assert "hunter2" not in run.out + run.err
    if form == "fix":
        assert "+        task: llm/v1/chat" in run.err
        assert "+permissions: [{level: CAN_QUERY, group: users}]" in run.err
        assert f" tags: {{{HIDDEN}: {HIDDEN}, note: stays}}" in run.err.splitlines()
        written = (root / "endpoints/example.yaml").read_text()
        assert written.count(secret) == FIXED.count("SECRET")


def test_every_exception_hides_them_too() -> None:
    problem = error("x", f"cannot use {SECRETS[0]}", f"write {SECRETS[11]} elsewhere")
    assert (problem.summary, problem.hint) == (
        f"cannot use {HIDDEN}",
        f"write {HIDDEN} elsewhere",
    )
    assert str(ProjectInvalid(problem)) == f"cannot use {HIDDEN}"


@pytest.mark.parametrize(
    "text",
    [
        "Qwen3-Next-80B-A3B-Instruct-FP8-Dynamic-W8A8",
        "Meta-Llama-3-1-70B-Instruct-FP8-W8A16-KV8-2024-07-23",
        "unsloth/DeepSeek-R1-Distill-Qwen-32B-FP8-KV8-v2B",
        "llama-4-Scout-17B-16E-Instruct-FP8-A100-80GB",
        "/Volumes/main/ml/Qwen2-5-7B-LoRA-r16-a32-e3-bs8/ckpt-1200",
        "GPU_MEDIUM-A10G-x4-CUDA-12-1-cuDNN-8-9-py310",
        "databricks-meta-llama-3-3-70b-instruct",
        "system.ai.llama_v3_3_70b_instruct",
        "123e4567-e89b-12d3-a456-426614174000",
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/Serving-EU1",
        "0f3c2b1a9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/Users/Anna.Schmidt@example.com/Team-Projects/Churn2024/Notebooks/TrainV3",
        "TELEMETRY_FEATURE_INFERENCE_TABLE and scale_to_zero_enabled",
        "arn:aws:iam::123456789012:instance-profile/ServingProfileForTheWholeTeam2",
        "sk-learn-classifier and hf_transformers, xoxb-short, dapi-docs, AKIA",
        "{{secrets/llm-Platform-prod/openai_API_key_2024_v2}}",
        "{{secrets/SCOPE/KEY}} or ${env:OPENAI_API_KEY} or ${var.token}",
        "https://adb-1234567890123456.7.azuredatabricks.net/?o=1234567890123456#job/1",
        "https://example.com:8443/path?to=a@b and mail bob@example.com",
        "http://127.0.0.1:39041/api/2.0/serving-endpoints/chat",
        "ssh://git@example.com:22/repo.git, git@example.com:team/repo.git",
        "postgres://bob@db/x, postgres://user:password@host/db, redis://:****@cache",
        "postgres://bob:${PASSWORD}@db, mysql://app:<password>@db, amqp://a:{{ pw }}@mq",
        "postgres://bob:{{secrets/db/password}}@db/x",
        "jdbc:postgresql://db/x?user=bob&sslmode=require&password=${PASSWORD}",
        "https://example.com/reset?password=",
        "see http://a.example.com, then password: ask",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert look_of(text) == ""
    assert (
        without_keys(f"cannot use `{text}` here, {text}.") == f"cannot use `{text}` here, {text}."
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://bob:hunter2@db/x", "postgres://bob:[hidden]@db/x"),
        ("see postgres://bob:p@ss@db/x, bob", "see postgres://bob:[hidden]@db/x, bob"),
        ("mongodb+srv://:h2@c.example.com", "mongodb+srv://:[hidden]@c.example.com"),
        ("https://x-token:abc@example.com/r", "https://x-token:[hidden]@example.com/r"),
        (
            "jdbc:mysql://db/x?user=b&password=h2&ssl=1",
            "jdbc:mysql://db/x?user=b&password=[hidden]&ssl=1",
        ),
        ('{"a": "amqp://b:h2@mq", "c": "d@e"}', '{"a": "amqp://b:[hidden]@mq", "c": "d@e"}'),
    ],
)
def test_the_password_of_an_address_is_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert look_of(text) == "a password in an address"
    assert without_keys(text) == shown
    assert without_keys(shown) == shown
    assert look_of(shown) == ""
