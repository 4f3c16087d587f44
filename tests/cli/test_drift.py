"""Drift that can be trusted: who may look, what is not seen, and what ends soon."""

from __future__ import annotations

import json

import jsonschema
import pytest

from provisioner.errors import ExitCode
from provisioner.plan.drift import Sync
from provisioner.report import words

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, external, invoke, serving

RECORD = "/api/2.0/workspace/export"
QUERY = [{"group": "users", "level": "CAN_QUERY"}]


@pytest.fixture
def two(project: Project, cli: Cli) -> Cli:
    """Two endpoints with tags and permissions, applied."""
    for name in ("chat", "search"):
        project.endpoint(name, serving(external()), tags={"team": "a"}, permissions=QUERY)
    cli.apply()
    return cli


def as_bob(emulator: Emulator, signed_in: pytest.MonkeyPatch, **levels: str) -> None:
    """Go on as somebody who is no administrator, with these levels only."""
    for name, level in levels.items():
        rows = [
            {"user_name": "user@example.com", "permission_level": "CAN_MANAGE"},
            {"user_name": "bob@example.com", "permission_level": level},
        ]
        rows += [{"group_name": "users", "permission_level": "CAN_QUERY"}]
        kept = rows if level else rows[:1]
        path = f"{PERMISSIONS}/{emulator.endpoint(name)['id']}"
        emulator.call("PUT", path, {"access_control_list": kept})
    document = emulator.export()["identity"]["users"]["bob@example.com"]
    document["groups"] = ["support-agents"]
    emulator.seed(identity={"users": {"bob@example.com": document}})
    signed_in.setenv("DATABRICKS_TOKEN", "token-bob")
    emulator.forget()


def retag(emulator: Emulator, name: str) -> None:
    added = {"add_tags": [{"key": "team", "value": "b"}]}
    emulator.call("PATCH", f"{ENDPOINTS}/{name}/tags", added)


def test_who_may_only_view_sees_all_drift_and_nothing_is_written(
    two: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    retag(emulator, "chat")
    as_bob(emulator, signed_in, chat="CAN_VIEW", search="CAN_VIEW")
    before = emulator.export()
    denied = {"status": 403, "error_code": "PERMISSION_DENIED", "message": "not your folder"}
    emulator.fault("GET", RECORD, **denied)
    run = two("drift", "-e", "dev", "--unmanaged", expect=ExitCode.CHANGES)
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}
    assert emulator.export() == before
    assert "warning[record-unusable]" in run.out
    assert "declared a, live b" in run.out
    assert "Drift: 1 in sync, 1 drifted" in run.out.splitlines()[-1]
    assert "permissions" not in run.out


def test_what_may_not_be_seen_is_not_missing(
    two: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    retag(emulator, "chat")
    as_bob(emulator, signed_in, chat="CAN_VIEW", search="")
    assert "search" not in str(emulator.call("GET", ENDPOINTS, token="token-bob"))
    run = two("drift", "-e", "dev", "-o", "json", expect=ExitCode.AUTH)
    jsonschema.validate(run.json, json.loads(invoke(["schema", "drift"]).out))
    assert run.entry("chat")["config"] == "drifted"
    assert (run.entry("search")["config"], run.entry("search")["health"]) == (
        "unreadable",
        "unknown",
    )
    assert "does not have permission 'CAN_VIEW'" in run.entry("search")["unread"]
    text = two("drift", "-e", "dev", expect=ExitCode.AUTH).out
    assert "! unreadable  search\n      not compared: cannot read endpoint search:" in text
    assert text.splitlines()[-1] == "Drift: 1 drifted, 1 unreadable."
    assert two("drift", "-e", "dev", "--fail-on", "drift").code == ExitCode.CHANGES
    assert two("drift", "-e", "dev", "--fail-on", "unhealthy").code == ExitCode.OK
    assert two("drift", "-e", "dev", "--fail-on", "none").code == ExitCode.OK
    assert two("plan", "-e", "dev", "--only", "chat").code == ExitCode.OK


def test_an_endpoint_that_is_gone_is_missing_to_everybody(
    two: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    as_bob(emulator, signed_in, chat="CAN_VIEW")
    emulator.call("DELETE", f"{ENDPOINTS}/search")
    run = two("drift", "-e", "dev", "-o", "json", expect=ExitCode.CHANGES)
    assert run.entry("search")["config"] == "missing"


def test_permissions_that_may_not_be_read_are_told_and_the_rest_is_compared(
    two: Cli, emulator: Emulator
) -> None:
    retag(emulator, "chat")
    chat = emulator.endpoint("chat")["id"]
    denied = {"status": 403, "error_code": "PERMISSION_DENIED", "message": "not for you"}
    emulator.fault("GET", f"{PERMISSIONS}/{chat}", **denied)
    run = two("drift", "-e", "dev", "-o", "json", expect=ExitCode.AUTH)
    assert list(run.changes("chat")) == ["tags[team]"]
    assert "cannot read the permissions of chat" in run.entry("chat")["unread"]
    assert (run.entry("search")["config"], run.entry("search")["unread"]) == ("in_sync", "")
    emulator.fault("GET", f"{PERMISSIONS}/{emulator.endpoint('search')['id']}", **denied)
    text = two("drift", "-e", "dev", expect=ExitCode.AUTH).out
    assert "= in sync  search  ready\n      not compared: cannot read the permissions" in text


def test_what_databricks_provides_is_told_by_its_kind(two: Cli, emulator: Emulator) -> None:
    entity = {"name": "house", "foundation_model": {"name": "house", "display_name": "House"}}
    own = {"id": "0" * 32, "creator": "bob@example.com", "config": {"served_entities": []}}
    emulator.seed(
        endpoints={
            "house-llm": {"name": "house-llm", "config": {"served_entities": [entity]}},
            "databricks-of-bob": own,
        }
    )
    found = two("drift", "-e", "dev", "--unmanaged", "-o", "json", expect=0).json["endpoints"]
    assert [one["name"] for one in found if one["config"] == "unmanaged"] == ["databricks-of-bob"]


def test_a_model_that_is_retired_is_a_warning_where_one_only_looks(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    model = {
        "provider": "databricks-model-serving",
        "name": "databricks-kimi-k2-7-code",
        "task": "llm/v1/chat",
        "databricks_model_serving_config": {
            "databricks_workspace_url": "https://other.example.com",
            "databricks_api_token": "{{secrets/llm/openai_api_key}}",
        },
    }
    project.endpoint("chat", serving({"name": "kimi", "external_model": model}))
    early, last = ("--as-of", "2026-05-01"), ("--as-of", "2026-10-30")
    cli.apply(*early)
    [ahead] = cli("drift", "-e", "dev", "-o", "json", *early, expect=0).json["retirements"]
    assert (ahead["endpoint"], ahead["on"], ahead["days"]) == ("chat", "2026-10-30", 182)
    assert (ahead["replacement"], ahead["source"]["line"]) == ("databricks-kimi-k3", 7)
    emulator.forget()
    for command in ("validate", "plan", "apply"):
        run = cli(command, "-e", "dev", *last, expect=ExitCode.INVALID)
        assert "error[retired-model]" in run.err
    assert emulator.requests() == []
    run = cli("drift", "-e", "dev", *last, expect=0)
    assert "warning[retired-model]: databricks-kimi-k2-7-code was retired" in run.out
    assert cli("drift", "-e", "all", "-o", "json", *last, expect=0).json["exit_code"] == 0
    told = cli("status", "-e", "dev", "-o", "json", *early, expect=0).json["retirements"]
    assert [one["days"] for one in told] == [182]
    assert "kimi" not in cli("plan", "-e", "dev", *early, expect=0).err
    soon = cli("plan", "-e", "dev", "--as-of", "2026-10-29", expect=0)
    assert "retired on 2026-10-30, in 1 day" in soon.out + soon.err
    assert cli("status", "-e", "dev", *last).code == ExitCode.OK
    assert cli("status", "-e", "dev", "--as-of", "soon").code == ExitCode.USAGE
    project.endpoint("other", "name: other\nconfig: {served_entities: 1}\n")
    assert cli("drift", "-e", "dev").code == ExitCode.INVALID


def test_every_state_has_a_mark() -> None:
    assert words.SYNCS.keys() == set(Sync)
