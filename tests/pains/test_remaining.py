"""Groups I, K and L, continued, and the commands that look and bring back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, custom, external, serving

LIMIT = {"key": "endpoint", "renewal_period": "minute", "calls": 5}
GATEWAY = {"rate_limits": [LIMIT]}


def _line(path: Path, text: str) -> int:
    """Number of the only line of a file in which ``text`` stands."""
    [found] = [n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return found


def _flat(text: str) -> str:
    return " ".join(text.split())


def _tag(emulator: Emulator, name: str, key: str, value: str) -> None:
    body = {"add_tags": [{"key": key, "value": value}]}
    emulator.call("PATCH", f"{ENDPOINTS}/{name}/tags", body)


# I3: who owns it.


@pytest.mark.parametrize("command", ["plan", "drift", "release"])
def test_i3_every_command_names_the_other_project(
    project: Project, cli: Cli, emulator: Emulator, command: str
) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    _tag(emulator, "e", "provisioner", "other-team/prod")
    emulator.seed(files={"/Workspace/Shared/.provisioner/shop/dev.json": None})
    emulator.forget()
    run = cli(command, "-e", "dev", *(["e"] if command == "release" else []))
    assert "other-team/prod" in run.out + run.err
    cli.apply("--adopt", "*", "--allow-retire", "*", "--allow-replace", "*", expect=5)
    assert emulator.writes() == []


def test_i3_what_another_project_took_is_not_retired(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("f", serving(external()))
    cli.apply()
    _tag(emulator, "e", "provisioner", "other-team/prod")
    project.remove("e")
    emulator.forget()
    cli.apply("--allow-retire", "*")
    assert emulator.writes() == []
    assert emulator.names() == ["e", "f"]


# K1: each change in text and as data.


def _edited(project: Project, cli: Cli, emulator: Emulator) -> Path:
    """An endpoint with one change of every kind to come."""
    project.endpoint(
        "e",
        serving(external("gpt-4o", name="prod")),
        description="old",
        tags={"a": "1", "gone": "x"},
        ai_gateway=GATEWAY,
    )
    project.endpoint("leaving", serving(external()))
    cli.apply()
    _tag(emulator, "e", "a", "by-hand")
    project.remove("leaving")
    project.endpoint("new", serving(external()))
    return project.endpoint(
        "e",
        serving(external("gpt-4o-mini", name="prod")),
        description="fresh",
        tags={"a": "1", "b": "2"},
        ai_gateway={"rate_limits": [LIMIT | {"calls": 7}]},
    )


def test_k1_old_new_and_place_of_each_change(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    path = _edited(project, cli, emulator)
    text = _flat(cli("plan", "-e", "dev", "--only", "e", expect=0).out)
    places = {key: f"endpoints/e.yaml:{_line(path, value)}" for key, value in _PLACES.items()}
    for expected in (
        f"~ external_model.name gpt-4o -> gpt-4o-mini ({places['model']})",
        f"~ calls 5 -> 7 ({places['calls']})",
        f"+ b 2 ({places['b']})",
        f"- gone was x (no longer declared, {places['a']})",
        f"~ a by-hand -> 1 (changed outside, {places['a']})",
        f"= description old -> fresh (cannot be changed in place, {places['description']})",
    ):
        assert expected in text


_PLACES = {
    "model": "name: gpt-4o-mini",
    "calls": "calls: 7",
    "a": "a: '1'",
    "b": "b: '2'",
    "description": "description: fresh",
}


def _mapped(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Keys in which data and schema are not the same, all the way down."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema and value is not None:
        [schema] = [option for option in schema["anyOf"] if option.get("type") != "null"]
        yield from _mapped(value, schema, root)
    elif isinstance(value, dict) and "properties" in schema:
        yield from sorted(value.keys() ^ schema["properties"].keys())
        for key in value.keys() & schema["properties"].keys():
            yield from _mapped(value[key], schema["properties"][key], root)
    elif isinstance(value, list):
        for item in value:
            yield from _mapped(item, schema.get("items", {}), root)


def _fits(data: Any, cli: Cli, kind: str) -> None:
    schema = cli("schema", kind, expect=0).json
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(data)
    assert list(_mapped(data, schema, schema)) == []
    assert data["format_version"] == 1


def test_k1_data_has_the_keys_of_the_schema_and_no_others(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _edited(project, cli, emulator)
    saved = project.root / "p.json"
    run = cli("plan", "-e", "dev", "-o", "json", "--out", saved, expect=0)
    assert json.loads(saved.read_text()) == run.json
    _fits(run.json, cli, "plan")
    _fits(cli("drift", "-e", "dev", "--unmanaged", "-o", "json", expect=2).json, cli, "drift")
    emulator.fault("POST", ENDPOINTS, status=400, error_code="INVALID_PARAMETER_VALUE", times=1)
    outcome = cli.apply("--allow-retire", "leaving", "-o", "json", expect=8).json
    _fits(outcome, cli, "outcome")
    assert {entry["result"] for entry in outcome["endpoints"]} == {"done", "failed"}


def test_k1_data_is_of_what_changes_only(project: Project, cli: Cli, emulator: Emulator) -> None:
    _edited(project, cli, emulator)
    changes = cli.plan().changes("e")
    assert sorted(changes) == [
        "ai_gateway.rate_limits[endpoint].calls",
        "config.served_entities[prod].external_model.name",
        "description",
        "tags[a]",
        "tags[b]",
        "tags[gone]",
    ]
    assert "creation_timestamp" not in json.dumps(cli.plan().json)


# K4: fingerprints, stale plans.


def test_k4_the_fingerprint_knows_neither_order_nor_comments(project: Project, cli: Cli) -> None:
    project.endpoint(
        "e",
        """
        name: e
        tags: {a: "1", b: "2"}
        config:
          served_entities:
            - name: gpt
              external_model:
                provider: openai
                name: gpt-4o
                task: llm/v1/chat
                openai_config: {openai_api_key: "{{secrets/llm/openai_api_key}}"}
        ai_gateway:
          rate_limits:
            - {key: endpoint, renewal_period: minute, calls: 5}
            - {key: user, renewal_period: minute, calls: 1}
        """,
    )
    first = cli.plan().json
    project.endpoint(
        "e",
        """
        # Owned by the assistants' team.
        ai_gateway:
          rate_limits:
            - {calls: 1, key: user, renewal_period: minute}   # per head
            - renewal_period: minute
              calls: 5
              key: endpoint
        config:
          served_entities:
            - external_model:
                task: "llm/v1/chat"
                openai_config:
                  openai_api_key: '{{secrets/llm/openai_api_key}}'
                provider: openai
                name: "gpt-4o"
              name: gpt
        tags:
          - {key: b, value: "2"}
          - {key: a, value: "1"}
        name: e
        """,
    )
    second = cli.plan().json
    assert second["fingerprint"] == first["fingerprint"]
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    project.environment().write_text("# moved\n" + project.environment().read_text())
    assert cli.plan().json["fingerprint"] == first["fingerprint"]
    cli("apply", "-e", "dev", saved, expect=0)
    assert cli.settled()


def test_k4_a_stale_plan_shows_just_the_difference(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("e", "f"):
        project.endpoint(name, serving(external("gpt-4")), tags={"a": "1", "b": "2"})
    cli.apply()
    for name in ("e", "f"):
        project.endpoint(name, serving(external("gpt-4o")), tags={"a": "2", "b": "2"})
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    _tag(emulator, "e", "b", "by-hand")
    emulator.forget()
    run = cli("apply", "-e", "dev", saved, expect=12)
    shown = [line.strip() for line in run.err.splitlines()]
    assert "! moved  e" in shown
    assert shown[shown.index("tags[b]") + 1] == "planned against 2, now by-hand"
    assert not any("tags[a]" in line or "gpt-4" in line for line in shown)
    assert not any(re.search(r"\bf\b", line) for line in shown)
    assert emulator.writes() == []
    # It can be shown all the same.
    assert "gpt-4 -> gpt-4o" in cli("show", saved, expect=0).out


def test_k4_a_plan_of_an_endpoint_that_was_deleted_is_stale(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    project.endpoint("e", serving(external("gpt-4o")))
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    emulator.call("DELETE", f"{ENDPOINTS}/e")
    emulator.forget()
    assert "changed after it was made: e" in _flat(cli("apply", "-e", "dev", saved, expect=12).err)
    assert emulator.writes() == []


def test_k4_a_plan_applied_by_a_newer_patch_level(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    data = json.loads(saved.read_text())
    saved.write_text(json.dumps(data | {"tool_version": "0.0.0", "a_later_key": 1}))
    cli("apply", "-e", "dev", saved, expect=0)
    emulator.forget()
    assert "applied already" in cli("apply", "-e", "dev", saved, expect=0).out
    assert emulator.writes() == []
    saved.write_text(json.dumps(data | {"format_version": 2}))
    assert "format version 2" in cli("apply", "-e", "dev", saved, expect=4).err


# L4 and L5: what was changed by hand, and what becomes of it.

_BY_HAND: dict[str, tuple[str, str, Any, str, Any, Any]] = {
    "limit": (
        "PUT",
        "ai-gateway",
        {"rate_limits": [LIMIT | {"calls": 500}]},
        "ai_gateway.rate_limits[endpoint].calls",
        5,
        500,
    ),
    "limit removed": (
        "PUT",
        "ai-gateway",
        {},
        "ai_gateway.rate_limits[endpoint].calls",
        5,
        None,
    ),
    "model": (
        "PUT",
        "config",
        {"served_entities": [external("gpt-4")]},
        "config.served_entities[gpt].external_model.name",
        "gpt-4o",
        "gpt-4",
    ),
    "tag": ("PATCH", "tags", {"delete_tags": ["team"]}, "tags[team]", "a", None),
    "address": (
        "PATCH",
        "notifications",
        {"email_notifications": {"on_update_failure": ["b@example.com"]}},
        "email_notifications.on_update_failure",
        ["a@example.com"],
        ["b@example.com"],
    ),
    "right": (
        "PATCH",
        "",
        {"access_control_list": [{"group_name": "users", "permission_level": "CAN_MANAGE"}]},
        "permissions[group:users]",
        "CAN_QUERY",
        "CAN_MANAGE",
    ),
}


def _text(value: Any) -> str:
    if value is None:
        return "(unset)"
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("name", _BY_HAND)
def test_l4_l5_a_hand_made_change_is_told_and_taken_back(
    project: Project, cli: Cli, emulator: Emulator, name: str
) -> None:
    project.endpoint(
        "e",
        serving(external("gpt-4o")),
        tags={"team": "a"},
        ai_gateway=GATEWAY,
        email_notifications={"on_update_failure": ["a@example.com"]},
        permissions=[{"group": "users", "level": "CAN_QUERY"}],
    )
    cli.apply()
    method, part, body, path, declared, live = _BY_HAND[name]
    url = f"{ENDPOINTS}/e/{part}" if part else f"{PERMISSIONS}/{emulator.endpoint('e')['id']}"
    emulator.call(method, url, body)

    change = cli("drift", "-e", "dev", "-o", "json", expect=2).changes("e")[path]
    assert (change["after"], change["before"], change["cause"]) == (declared, live, "drift")
    assert change["source"]["file"] == "endpoints/e.yaml"
    text = cli("drift", "-e", "dev", expect=2).out.splitlines()
    at = next(number for number, line in enumerate(text) if line.strip() == path)
    assert text[at + 1].strip() == f"declared {_text(declared)}, live {_text(live)}"
    assert text[at + 2].strip() == f"(changed outside, endpoints/e.yaml:{change['source']['line']})"

    plan = cli("plan", "-e", "dev", expect=0).out
    assert "(changed outside, endpoints/e.yaml:" in _flat(plan)
    assert cli.plan().changes("e")[path]["cause"] == "drift"
    cli.apply()
    assert cli.settled()
    cli("drift", "-e", "dev", expect=0)


def test_l5_what_is_not_declared_is_nobodys_drift(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    emulator.call("PUT", f"{ENDPOINTS}/e/ai-gateway", GATEWAY)
    cli("drift", "-e", "dev", expect=0)
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []
    assert emulator.endpoint("e")["ai_gateway"] == GATEWAY


# Looking, and bringing back.


def test_status_tells_how_endpoints_are(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("bad", serving(custom()))
    project.endpoint("good", serving(external()))
    cli.apply()
    cli("status", "-e", "dev", expect=0)
    emulator.build(match={"endpoint": "bad"}, outcome="failed", message="No memory")
    project.endpoint("bad", serving(custom(version="2")))
    cli.apply(expect=1)
    emulator.forget()
    run = cli("status", "-e", "dev", "-o", "json", expect=10)
    assert (run.entry("bad")["health"], run.entry("good")["health"]) == ("update_failed", "ready")
    assert run.entry("bad")["messages"] == ["churn: No memory"]
    assert run.entry("good")["invocation_url"].endswith("/serving-endpoints/good/invocations")
    text = cli("status", "-e", "dev", expect=10).out
    assert re.search(r"update_failed\s+1\s+bad", text)
    assert "bad: churn: No memory" in text
    cli("status", "-e", "dev", "--only", "good", expect=0)
    emulator.call("POST", f"{ENDPOINTS}/bad/config:stop")
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}


def test_rollback_goes_back_one_and_leaves_the_yaml(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external("gpt-4")), tags={"a": "1"})
    cli.apply()
    assert "nothing earlier" in cli("rollback", "-e", "dev", "e", "--auto-approve", expect=5).err
    path = project.endpoint("e", serving(external("gpt-4o")), tags={"a": "2", "b": "3"})
    cli.apply()
    written = path.read_text()
    emulator.forget()
    assert "nobody is there to ask" in cli("rollback", "-e", "dev", "e", expect=5).err
    assert emulator.writes() == []
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/e/tags", f"PUT {ENDPOINTS}/e/config"]
    found = emulator.endpoint("e")
    model = found["config"]["served_entities"][0]["external_model"]["name"]
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    assert (model, tags) == ("gpt-4", {"a": "1", "provisioner": "shop/dev"})
    assert path.read_text() == written
    # The YAML still wants the other one, and that is said.
    assert "gpt-4 -> gpt-4o" in cli("plan", "-e", "dev", expect=0).out
    cli("rollback", "-e", "dev", "unknown", "--auto-approve", expect=5)


def test_rollback_of_an_alias_goes_to_the_number(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    alias = "/api/2.1/unity-catalog/models/main.ml.churn_classifier/aliases/champion"
    project.endpoint("e", serving(custom(version="@champion")))
    cli.apply()
    emulator.call("PUT", alias, {"version_num": 3})
    cli.apply()
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "2"


def test_restore_makes_a_retired_endpoint_again(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    rows = [{"group": "users", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), ai_gateway=GATEWAY, permissions=rows)
    project.endpoint("f", serving(external()))
    cli.apply()
    before = emulator.endpoint("e")
    path = project.root / "endpoints" / "e.yaml"
    written = path.read_text()
    project.remove("e")
    cli.apply("--allow-retire", "e")
    run = cli("restore", "-e", "dev", "nothing", "--auto-approve", expect=5)
    assert "remembered are: e" in run.err
    emulator.forget()
    cli("restore", "-e", "dev", "e", expect=5)
    assert emulator.writes() == []
    cli("restore", "-e", "dev", "e", "--auto-approve", expect=0)
    assert emulator.calls() == [f"POST {ENDPOINTS}", f"PATCH {PERMISSIONS}/{{id}}"]
    after = emulator.endpoint("e")
    assert after["id"] != before["id"]
    assert after["ai_gateway"] == before["ai_gateway"]
    assert emulator.rows("e")["users"] == "CAN_QUERY"
    path.write_text(written)
    assert cli.settled(), cli.plan().changes("e")
    cli("restore", "-e", "dev", "e", "--auto-approve", expect=5)


def test_release_leaves_the_endpoint_without_our_tags(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), tags={"a": "1"}, lifecycle={"protect": True})
    cli.apply()
    project.remove("e")
    emulator.forget()
    cli("release", "-e", "dev", "e", expect=0)
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/e/tags"]
    assert [tag["key"] for tag in emulator.endpoint("e")["tags"]] == ["a"]
    assert cli.settled()
    assert "no such endpoint" in cli("release", "-e", "dev", "gone", expect=5).err
