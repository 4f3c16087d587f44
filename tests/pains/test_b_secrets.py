"""Group B: secrets that change, and secrets that are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, anthropic, custom, external, serving

SECRETS = "/api/2.0/secrets"
KEY = "llm/openai_api_key"
REFERENCE = "config.served_entities[gpt].external_model.openai_config.openai_api_key"


def _rotate(emulator: Emulator, key: str = "openai_api_key") -> None:
    body = {"scope": "llm", "key": key, "string_value": "rotated-by-hand"}
    emulator.call("POST", f"{SECRETS}/put", body)


def _plaintext(name: str = "KEY") -> dict[str, Any]:
    block: dict[str, Any] = {
        "openai_api_key": None,
        "openai_api_key_plaintext": f"${{env:{name}}}",
    }
    return serving(external(**block))


def _line(path: Path, text: str) -> int:
    """Number of the only line of a file in which ``text`` stands."""
    [found] = [n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return found


def test_b1_a_rotated_value_is_a_change_without_the_value(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "first-canary")
    project.endpoint("e", _plaintext())
    cli.apply()
    assert cli.settled()
    signed_in.setenv("KEY", "second-canary")
    run, text = cli.plan(), cli("plan", "-e", "dev", expect=0)
    [(path, change)] = run.changes("e").items()
    assert path == f"{REFERENCE}_plaintext"
    assert change["before"] != change["after"]
    for value in (change["before"], change["after"]):
        assert value.startswith("${env:KEY}#")
    assert not any("canary" in part for part in (run.out, text.out, text.err))
    emulator.forget()
    cli.apply()
    [put] = emulator.writes()
    assert (put["method"], put["path"]) == ("PUT", f"{ENDPOINTS}/e/config")
    assert "second-canary" in json.dumps(put["body"])
    assert cli.settled()


def test_b1_a_plan_needs_no_value_and_takes_the_last_for_valid(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "first-canary")
    project.endpoint("e", _plaintext())
    cli.apply()
    signed_in.delenv("KEY")
    assert cli.settled()


def test_b1_a_saved_plan_remembers_what_was_sent(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    project.endpoint("e", _plaintext())
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    cli("apply", "-e", "dev", saved, expect=4)
    assert emulator.writes() == []
    signed_in.setenv("KEY", "first-canary")
    cli("apply", "-e", "dev", saved, expect=0)
    assert cli.settled()
    assert "first-canary" not in saved.read_text()
    signed_in.setenv("KEY", "second-canary")
    assert list(cli.plan().changes("e")) == [f"{REFERENCE}_plaintext"]


def test_b4_a_newer_secret_is_told_by_drift(project: Project, cli: Cli, emulator: Emulator) -> None:
    path = project.endpoint("e", serving(external()))
    cli.apply()
    assert "secret-stale" not in cli("drift", "-e", "dev", expect=0).out
    _rotate(emulator)
    emulator.forget()
    run = cli("drift", "-e", "dev", expect=0)
    line = _line(path, "{{secrets/llm/openai_api_key}}")
    assert f"endpoints/e.yaml:{line}:" in run.out
    assert f"notice[secret-stale]: e: secret {KEY} changed after" in run.out
    assert "--refresh-secrets" in run.out
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}
    assert not any(entry["path"] == f"{SECRETS}/get" for entry in emulator.requests())
    [problem] = cli("drift", "-e", "dev", "-o", "json", expect=0).json["problems"]
    assert (problem["code"], problem["severity"]) == ("secret-stale", "notice")
    assert cli.settled()


def test_b4_secrets_status_tells_who_uses_what(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("f", serving(anthropic()))
    cli.apply()
    assert KEY in cli("secrets", "status", "-e", "dev", expect=0).out
    _rotate(emulator)
    text = cli("secrets", "status", "-e", "dev", expect=10).out
    assert f"{KEY} is newer than e" in text
    assert "e[gpt]" in text
    document = cli("secrets", "status", "-e", "dev", "-o", "json", expect=10).json
    assert document["environment"] == "dev"
    assert document["workspace"]["host"] == emulator.url
    assert document["unused"] == []
    rows = document["secrets"]
    assert {row["secret"]: (row["state"], row["stale_endpoints"]) for row in rows} == {
        "llm/anthropic_api_key": ("ok", []),
        KEY: ("stale", ["e"]),
    }
    assert rows[-1]["uses"] == [{"endpoint": "e", "path": REFERENCE}]
    assert "rotated-by-hand" not in text


def test_b4_secrets_status_names_what_nobody_uses(project: Project, cli: Cli) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("f", serving(anthropic()))
    project.environment(secrets={key: {"env": "K"} for key in ("LLM/OpenAI_api_key", "llm/old")})
    cli.apply()
    ask = ("secrets", "status", "-e", "dev")
    assert "llm/old is declared, and no endpoint uses it" in cli(*ask, expect=0).out
    assert cli(*ask, "-o", "json", expect=0).json["unused"] == ["llm/old"]
    part = cli(*ask, "--only", "f", "-o", "json", expect=0)
    assert part.json["unused"] is None
    assert "is declared" not in cli(*ask, "--only", "f", expect=0).out


def test_b4_secrets_status_of_what_is_missing_or_hidden(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external(openai_api_key="{{secrets/llm/absent}}")))
    [row] = cli("secrets", "status", "-e", "dev", "-o", "json", expect=10).json["secrets"]
    assert (row["secret"], row["state"]) == ("llm/absent", "missing")
    emulator.fault("GET", f"{SECRETS}/list", status=403, error_code="PERMISSION_DENIED")
    [row] = cli("secrets", "status", "-e", "dev", "-o", "json", expect=0).json["secrets"]
    assert (row["secret"], row["state"]) == ("llm/absent", "unknown")


def test_b4_refresh_sends_the_configuration_once(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("f", serving(anthropic()))
    cli.apply()
    _rotate(emulator)
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []
    run = cli.apply("--refresh-secrets")
    assert "the secret changed, sent again" in run.out
    [put] = emulator.writes()
    assert (put["method"], put["path"]) == ("PUT", f"{ENDPOINTS}/e/config")
    sent = put["body"]["served_entities"][0]["external_model"]["openai_config"]
    assert sent == {"openai_api_key": "{{secrets/llm/openai_api_key}}"}
    emulator.forget()
    cli.apply("--refresh-secrets")
    assert emulator.writes() == []
    cli("secrets", "status", "-e", "dev", expect=0)
    assert "secret-stale" not in cli("drift", "-e", "dev", expect=0).out


def test_b4_refresh_rides_on_another_change(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    _rotate(emulator)
    emulator.forget()
    project.endpoint("e", serving(external("gpt-4o")), tags={"a": "1"})
    cli.apply("--refresh-secrets")
    assert sorted(emulator.calls()) == [f"PATCH {ENDPOINTS}/e/tags", f"PUT {ENDPOINTS}/e/config"]


def test_b4_secrets_in_the_environment_of_an_own_model(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    variables = {"TOKEN": "{{secrets/llm/custom_token}}", "MODE": "fast"}
    project.endpoint("e", serving(custom(environment_vars=variables)))
    cli.apply()
    _rotate(emulator, "custom_token")
    assert "llm/custom_token" in cli("drift", "-e", "dev", expect=0).out
    emulator.forget()
    cli.apply("--refresh-secrets")
    [put] = emulator.writes()
    assert put["body"]["served_entities"][0]["environment_vars"] == variables


def test_b4_a_missing_key_is_an_error_at_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    path = project.endpoint("e", serving(external(openai_api_key="{{secrets/llm/openai_apikey}}")))
    run = cli("plan", "-e", "dev", expect=0)
    assert f"endpoints/e.yaml:{_line(path, 'openai_apikey')}:" in run.out
    assert "error[secret-missing]: e: there is no secret llm/openai_apikey" in run.out
    assert f"did you mean {KEY}?" in run.out
    cli.apply(expect=5)
    assert emulator.writes() == []
    assert emulator.names() == []


def test_b5_a_missing_scope_is_an_error_at_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external(openai_api_key="{{secrets/llmm/openai_api_key}}")))
    [problem] = cli.plan().json["problems"]
    assert (problem["code"], problem["severity"]) == ("secret-missing", "error")
    assert "no such scope" in problem["summary"]
    assert problem["where"]["file"] == "endpoints/e.yaml"
    cli.apply(expect=5)
    assert emulator.writes() == []
