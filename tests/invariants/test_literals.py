"""What is filled in is known by its place: a text that looks like a placeholder stays a text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from provisioner.fields import table

from ..conftest import ENDPOINTS, Cli, Emulator, Project, Run, custom, external, serving
from .test_secrets import PROVIDERS

CANARY = "TOPSECRET-of-the-pipeline"
HOSTILE = "${env:CI_TOKEN}"
TEXTS = [
    HOSTILE,
    "${env:NO_SUCH}",
    "a ${env:CI_TOKEN} b",
    "${env:CI_TOKEN}#0123456789abcdef",
    "${live:m.API_TOKEN}",
    "$${env:CI_TOKEN}",
    "$$${env:CI_TOKEN}",
    "${var.team}",
]
OPEN = "open sesame by hand"
"""The value of an environment variable of a model whose name says that it is a secret."""


@pytest.fixture
def attacked(signed_in: pytest.MonkeyPatch, project: Project) -> Project:
    """A pipeline that has a token, and keeps its record in a file."""
    signed_in.setenv("CI_TOKEN", CANARY)
    project.environment(record="record.json")
    return project


def _written(text: str) -> str:
    """How a file says this text."""
    return text.replace("${", "$${")


def _told(project: Project, emulator: Emulator, runs: list[Run]) -> str:
    files = [path for path in project.root.rglob("*") if path.is_file()]
    texts = [path.read_text("utf-8", "replace") for path in files]
    sent = json.dumps([entry["body"] for entry in emulator.writes()])
    return "".join([*texts, *(run.out + run.err for run in runs), sent])


# By hand, in every field.


def _around(pattern: str) -> dict[str, Any]:
    """An endpoint that has the block of a field."""
    for block in PROVIDERS.values():
        name = next((key for key in block if key.endswith("_config")), "-")
        if f".{name}." in pattern:
            model = {"name": "m", "task": "llm/v1/chat", **_references(block)}
            return serving({"name": "m", "external_model": model})
    is_external = "external_model" in pattern or "ai_gateway" in pattern
    return serving(external(name="m") if is_external else custom("m"))


def _references(value: Any) -> Any:
    """A provider's block that refers to secrets of a scope."""
    if not isinstance(value, dict):
        return value
    return {
        key.removesuffix("_plaintext"): "{{secrets/llm/custom_token}}"
        if key.endswith("_plaintext")
        else _references(item)
        for key, item in value.items()
    }


def _poison(endpoint: dict[str, Any], pattern: str, text: str) -> None:
    """Put a text where the field is in the emulator's store of an endpoint."""
    if pattern == "tags[]":
        endpoint["tags"].append({"key": "by-hand", "value": text})
        return
    first, *rest = re.split(r"\.", pattern.replace("served_entities[]", "served_entities"))
    block: Any = endpoint.setdefault(first, {}) if rest else endpoint
    for key in rest[:-1]:
        if key == "served_entities":
            block = block[key][0]
        elif key.endswith("[]"):
            block = block.setdefault(key[:-2], [{"key": "user", "calls": 5}])[0]
        else:
            block = block.setdefault(key, {})
    last = rest[-1] if rest else first
    if last.endswith("[]"):
        block.setdefault(last[:-2], {})["BY_HAND"] = text
    else:
        block[last] = [text] if _is_list(pattern) else text


def _is_list(pattern: str) -> bool:
    return table().fields[pattern].compare.value == "set"


_NO_TEXT = re.compile(
    r"name$|permissions|traffic|fallback|enabled$|safety$|calls$|tokens$|_optimized$|fraction$"
    r"|units$|(min|max)_provisioned|capture"
)
"""The identity, what was never a text, and blocks that are not made beside others."""
FIELDS = [
    pattern
    for pattern in table().fields
    if not _NO_TEXT.search(pattern) or pattern.endswith("external_model.name")
]


def _declared(pattern: str, stage: int) -> dict[str, Any]:
    """Two stages between which every kind of call is made, and the field is never declared."""
    found = {**_around(pattern), "tags": {"stage": str(stage)}}
    entity = found["config"]["served_entities"][0]
    if "external_model" in entity:
        entity["external_model"]["task"] = "llm/v1/chat" if stage == 1 else "llm/v1/completions"
        limit = {"key": "user", "calls": 5 * stage, "renewal_period": "minute"}
        found["ai_gateway"] = {"rate_limits": [limit]}
    else:
        entity["entity_version"] = str(stage)
        features = ["TELEMETRY_FEATURE_LOGS", "TELEMETRY_FEATURE_METRICS"]
        found["telemetry_config"] = {
            "table_names": {"logs_table": "main.ml.logs"},
            "enabled_telemetry_features": features[:stage],
        }
    found["email_notifications"] = {"on_update_failure": [f"{stage}@example.com"]}
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", [HOSTILE, "${env:NO_SUCH}", "${live:m.API_TOKEN}"])
@pytest.mark.parametrize("pattern", FIELDS)
def test_a_text_by_hand_in_any_field_is_never_replaced(
    attacked: Project, cli: Cli, emulator: Emulator, pattern: str, text: str
) -> None:
    _attack(attacked, cli, emulator, pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "config.served_entities[].environment_vars[]",
        "ai_gateway.guardrails.input.invalid_keywords",
        "config.served_entities[].external_model.openai_config.openai_api_base",
    ],
)
def test_a_text_by_hand_is_never_replaced(
    attacked: Project, cli: Cli, emulator: Emulator, pattern: str
) -> None:
    _attack(attacked, cli, emulator, pattern, HOSTILE)


def _attack(project: Project, cli: Cli, emulator: Emulator, pattern: str, text: str) -> None:
    project.endpoint("vic", _declared(pattern, 1))
    cli.apply()
    state = emulator.export()
    _poison(state["endpoints"]["vic"], pattern, text)
    entity = state["endpoints"]["vic"]["config"]["served_entities"][0]
    if "external_model" not in entity:
        entity.setdefault("environment_vars", {})["API_TOKEN"] = OPEN
    emulator.seed(**state)
    project.endpoint("vic", _declared(pattern, 2))
    saved = project.root / "p.json"
    emulator.forget()
    runs = [
        cli("drift", "-e", "dev"),
        cli("plan", "-e", "dev", "--out", saved),
        cli("show", saved, expect=0),
        cli("-vv", "apply", "-e", "dev", saved),
        cli("plan", "-e", "dev"),
        cli("drift", "-e", "dev", "--accept", "*", "--yes"),
    ]
    told = _told(project, emulator, runs)
    assert "missing-environment-variable" not in told
    assert CANARY not in told
    assert emulator.writes(), runs[3].err
    for sent in emulator.writes():
        body = json.dumps(sent["body"])
        # What the endpoint shows is sent on word by word, and nothing else of its in that place.
        assert OPEN not in body.replace(f'"API_TOKEN": "{OPEN}"', "")
    for run in runs:
        assert OPEN not in run.out + run.err
    if "environment_vars" in pattern:
        [put] = [sent for sent in emulator.writes() if sent["path"].endswith("/config")]
        vars_sent = put["body"]["served_entities"][0]["environment_vars"]
        assert vars_sent == {"BY_HAND": text, "API_TOKEN": OPEN}
        assert emulator.endpoint("vic")["config"]["served_entities"][0]["environment_vars"] == {
            "BY_HAND": text,
            "API_TOKEN": OPEN,
        }


# Declared.


def _literal(text: str) -> dict[str, Any]:
    """An endpoint that says a text wherever a text of one's own may stand."""
    said = _written(text)
    return {
        **serving(custom("m", workload_size="Medium", environment_vars={"NICE": said})),
        "description": said,
        "tags": {"nice": said, "plain": "word"},
        "email_notifications": {"on_update_failure": [said]},
    }


@pytest.mark.parametrize("text", TEXTS)
def test_a_declared_text_is_itself_all_the_way(
    attacked: Project, cli: Cli, emulator: Emulator, text: str
) -> None:
    attacked.endpoint("lit", _literal(text))
    saved = attacked.root / "p.json"
    emulator.forget()
    runs = [
        cli("plan", "-e", "dev", "--out", saved, expect=0),
        cli("apply", "-e", "dev", saved, expect=0),
        cli("drift", "-e", "dev", expect=0),
        cli("plan", "-e", "dev", "--detailed-exitcode", expect=0),
    ]
    live = emulator.endpoint("lit")
    assert live["description"] == text
    assert {"key": "nice", "value": text} in live["tags"]
    assert live["email_notifications"] == {"on_update_failure": [text]}
    assert live["config"]["served_entities"][0]["environment_vars"] == {"NICE": text}
    # Accepted where somebody wrote it by hand, and imported where no file says it.
    body = {"add_tags": [{"key": "plain", "value": text}]}
    emulator.call("PATCH", f"{ENDPOINTS}/lit/tags", body)
    runs.append(cli("drift", "-e", "dev", "--accept", "*", "--yes", expect=0))
    runs.append(cli("plan", "-e", "dev", "--detailed-exitcode", expect=0))
    attacked.remove("lit")
    runs.append(cli("import", "-e", "dev", "lit", expect=0))
    runs.append(cli("plan", "-e", "dev", "--detailed-exitcode", expect=0))
    assert CANARY not in _told(attacked, emulator, runs)


@pytest.mark.parametrize(
    "declared",
    [
        {"tags": {"x_plaintext": HOSTILE}},
        serving(custom("m", environment_vars={"X_plaintext": HOSTILE})),
        serving(external(openai_api_key=None, openai_api_key_plaintext=f"${HOSTILE}")),
        serving(external(openai_api_key=None, openai_api_key_plaintext="${var.literal}")),
    ],
    ids=["tag", "variable", "escaped", "by a variable"],
)
def test_a_secret_is_named_where_the_service_hides_it_and_nowhere_else(
    attacked: Project, cli: Cli, declared: dict[str, Any]
) -> None:
    attacked.environment(record="record.json", variables={"literal": f"${HOSTILE}"})
    attacked.endpoint("e", {**serving(custom("m")), **declared})
    run = cli("validate", "-e", "dev", expect=4)
    assert "env-not-allowed" in run.err + run.out or "secret-literal" in run.err + run.out


# What others than the files name.


def _plain(name: str) -> dict[str, Any]:
    return external(openai_api_key=None, openai_api_key_plaintext=f"${{env:{name}}}")


def test_what_only_the_record_names_is_sent_only_if_it_was_sent_before(
    attacked: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("OLD_KEY", "an-old-canary")
    attacked.endpoint("e", serving(_plain("OLD_KEY")))
    cli.apply()
    attacked.endpoint("e", serving(external()))
    cli.apply()
    emulator.forget()
    record = attacked.root / "record.json"
    honest = record.read_text("utf-8")
    back = ("rollback", "-e", "dev", "--auto-approve", "e")
    for forged in ("${env:CI_TOKEN}", "${env:CI_TOKEN}#0123456789abcdef"):
        record.write_text(re.sub(r"\$\{env:OLD_KEY\}(#[0-9a-f]+)?", forged, honest))
        run = cli(*back, expect=4)
        assert "undeclared-environment-variable" in run.err
        assert CANARY not in run.err + run.out
    assert emulator.writes() == []
    record.write_text(honest)
    cli(*back, expect=0)
    [put] = emulator.writes()
    assert "an-old-canary" in json.dumps(put["body"])


def test_the_digest_of_a_rotated_key_is_still_known(
    attacked: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    """Digests that were written before are those of today: a record is not worth less."""
    signed_in.setenv("KEY", "first-canary")
    attacked.endpoint("e", serving(_plain("KEY")), tags={"like": _written(HOSTILE)})
    cli.apply()
    record = json.loads((attacked.root / "record.json").read_text("utf-8"))
    document = record["endpoints"]["e"]["document"]
    assert document["tags"]["like"] == HOSTILE
    block = document["config"]["served_entities"]["gpt"]["external_model"]["openai_config"]
    assert re.fullmatch(r"\$\{env:KEY\}#[0-9a-f]{16}", block["openai_api_key_plaintext"])
    assert cli.settled()
    signed_in.setenv("KEY", "second-canary")
    assert not cli.settled()
