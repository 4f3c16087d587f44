"""Groups D and E, continued: legacy capture, and principals that are looked up first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, external, serving

HOSTED = "databricks-meta-llama-3-3-70b-instruct"
DEPLOYER = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"


def _line(path: Path, text: str) -> int:
    """Number of the only line of a file in which ``text`` stands."""
    [found] = [n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return found


def _flat(text: str) -> str:
    return " ".join(text.split())


def _capture(**more: Any) -> dict[str, Any]:
    table = {"catalog_name": "main", "schema_name": "ml", **more}
    return {"config": {"served_entities": [external()], "auto_capture_config": table}}


def test_d3_legacy_capture_cannot_come_back(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", _capture(enabled=True))
    cli.apply()
    project.endpoint("e", _capture(enabled=False))
    cli.apply()
    emulator.forget()
    project.endpoint("e", _capture(enabled=True))
    run = cli.plan()
    assert (run.entry("e")["action"], run.entry("e")["permit"]) == ("blocked", "")
    assert list(run.changes("e")) == ["config.auto_capture_config.enabled"]
    text = _flat(cli("plan", "-e", "dev", expect=0).out)
    assert "cannot be switched on again; use ai_gateway.inference_table_config" in text
    assert "0 to replace" in text
    cli.apply("--allow-replace", "e", expect=5)
    assert emulator.writes() == []


def test_d3_the_gateways_table_is_the_way(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", _capture(enabled=True))
    cli.apply()
    project.endpoint("e", _capture(enabled=False))
    cli.apply()
    table = {"enabled": True, "catalog_name": "main", "schema_name": "ml"}
    gateway = {"inference_table_config": table}
    project.endpoint("e", _capture(enabled=False), ai_gateway=gateway)
    cli.apply()
    found = emulator.endpoint("e")["ai_gateway"]["inference_table_config"]
    assert table.items() <= found.items()
    assert cli.settled()


@pytest.mark.parametrize("key", ["table_name_prefix", "schema_name"])
def test_d3_another_table_comes_with_the_alternative(project: Project, cli: Cli, key: str) -> None:
    project.endpoint("e", _capture(table_name_prefix="a"))
    cli.apply()
    project.endpoint("e", _capture(**{"table_name_prefix": "a", key: "support"}))
    [change] = cli.plan().changes("e").values()
    assert change["effect"] == "replace"
    assert "ai_gateway.inference_table_config" in change["note"]
    text = _flat(cli("plan", "-e", "dev", expect=0).out)
    assert "ai_gateway.inference_table_config can be renamed in place" in text


def test_e3_permissions_of_databricks_own_endpoint_are_refused_offline(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    (project.root / "endpoints" / "g.yaml").write_text(
        f"governs: {HOSTED}\n"
        "ai_gateway: {usage_tracking_config: {enabled: true}}\n"
        "permissions:\n"
        "  - {group: users, level: CAN_QUERY}\n"
    )
    emulator.forget()
    run = cli("validate", "-e", "dev", expect=4)
    assert "endpoints/g.yaml:4:3: error[not-governable]" in run.err
    assert "permissions cannot be managed on endpoints that Databricks provides" in run.err
    assert emulator.requests() == []
    cli("plan", "-e", "dev", expect=4)
    assert emulator.requests() == []


def test_e3_what_the_name_does_not_tell_the_plan_does(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    document = emulator.export()
    document["endpoints"]["theirs"] = document["endpoints"].pop(HOSTED) | {"name": "theirs"}
    emulator.seed(**document)
    content = "governs: theirs\npermissions: [{group: users, level: CAN_QUERY}]\n"
    (project.root / "endpoints" / "g.yaml").write_text(content)
    emulator.forget()
    run = cli.plan()
    assert run.entry("theirs")["action"] == "blocked"
    assert "provided by Databricks" in run.entry("theirs")["blocked_by"]
    cli.apply(expect=5)
    assert not any(PERMISSIONS in entry["path"] for entry in emulator.requests())


def test_e4_an_unknown_group_is_told_before_any_write(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    rows = [
        {"group": "users", "level": "CAN_QUERY"},
        {"group": "ml-enginers", "level": "CAN_MANAGE"},
    ]
    path = project.endpoint("e", serving(external()), permissions=rows)
    run = cli("plan", "-e", "dev", expect=0)
    assert f"endpoints/e.yaml:{_line(path, 'ml-enginers')}:" in run.out
    assert "error[unknown-principal]: e: there is no group ml-enginers" in run.out
    assert "did you mean ml-engineers?" in run.out
    cli.apply(expect=5)
    assert emulator.writes() == []
    assert emulator.names() == []


def test_e4_all_unknown_principals_at_once(project: Project, cli: Cli) -> None:
    rows = [
        {"user": "nobody@example.com", "level": "CAN_QUERY"},
        {"service_principal": OTHER, "level": "CAN_QUERY"},
        {"group": "data-scientists", "level": "CAN_QUERY"},
    ]
    project.endpoint("e", serving(external()), permissions=rows)
    problems = cli.plan().json["problems"]
    assert sorted(problem["summary"] for problem in problems) == [
        "e: there is no group data-scientists",
        f"e: there is no service principal {OTHER}",
        "e: there is no user nobody@example.com",
    ]
    assert {problem["code"] for problem in problems} == {"unknown-principal"}


def test_e4_a_service_principal_by_its_name(project: Project, cli: Cli, emulator: Emulator) -> None:
    rows = [{"service_principal": "deployer", "level": "CAN_MANAGE"}]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    assert emulator.rows("e")[DEPLOYER] == "CAN_MANAGE"
    assert cli.settled()


def test_e4_a_name_that_two_service_principals_have(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    twin = {"id": "2002", "display_name": "deployer", "groups": [], "client_secret": "x"}
    emulator.seed(identity={"service_principals": {OTHER: twin}})
    rows = [{"service_principal": "deployer", "level": "CAN_QUERY"}]
    path = project.endpoint("e", serving(external()), permissions=rows)
    [problem] = cli.plan().json["problems"]
    assert problem["code"] == "ambiguous-principal"
    assert DEPLOYER in problem["summary"]
    assert OTHER in problem["summary"]
    assert problem["where"]["line"] == _line(path, "deployer")
    cli.apply(expect=5)
    assert emulator.writes() == []
    rows = [{"service_principal": OTHER, "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    assert emulator.rows("e")[OTHER] == "CAN_QUERY"


@pytest.mark.parametrize("mode", ["additive", "exact"])
def test_e4_principals_have_no_case(
    project: Project, cli: Cli, emulator: Emulator, mode: str
) -> None:
    rows = [
        {"user": "BOB@Example.com", "level": "CAN_QUERY"},
        {"group": "Data-Science", "level": "CAN_VIEW"},
    ]
    project.endpoint("e", serving(external()), permissions={"mode": mode, "rows": rows})
    cli.apply()
    held = emulator.rows("e")
    assert (held["bob@example.com"], held["data-science"]) == ("CAN_QUERY", "CAN_VIEW")
    assert cli.settled(), cli.plan().changes("e")
    rows[1]["level"] = "CAN_QUERY"
    project.endpoint("e", serving(external()), permissions={"mode": mode, "rows": rows})
    assert list(cli.plan().changes("e")) == ["permissions[group:data-science]"]
    cli.apply()
    assert cli.settled()


def test_e4_the_deployer_by_its_own_name(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    emulator.seed(identity={"tokens": {"robot": DEPLOYER}})
    signed_in.setenv("DATABRICKS_TOKEN", "robot")
    rows = [{"service_principal": "deployer", "level": "CAN_MANAGE"}]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    assert emulator.endpoint("e")["creator"] == DEPLOYER
    assert cli.settled(), cli.plan().changes("e")


def test_e4_who_may_not_look_may_still_apply(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.fault("GET", ".*/scim/v2/Groups", status=403, error_code="PERMISSION_DENIED")
    rows = [{"group": "users", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    assert emulator.rows("e")["users"] == "CAN_QUERY"


def test_e5_all_rows_that_are_left_are_listed(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    rows = [
        {"group": "users", "level": "CAN_QUERY"},
        {"user": "bob@example.com", "level": "CAN_VIEW"},
    ]
    project.endpoint("e", serving(external()), permissions={"mode": "exact", "rows": rows})
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()))
    run = cli.plan()
    assert run.entry("e")["action"] == "none"
    assert {(change["effect"], change["reason"]) for change in run.changes("e").values()} == {
        ("none", "no_longer_managed")
    }
    cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    cli.apply()
    assert emulator.writes() == []
    assert emulator.rows("e") == {
        "bob@example.com": "CAN_VIEW",
        "user@example.com": "CAN_MANAGE",
        "users": "CAN_QUERY",
    }
    # From now on they are nobody's business.
    assert "no longer managed" not in cli("plan", "-e", "dev", expect=0).out
    emulator.forget()
    cli("plan", "-e", "dev", expect=0)
    assert not any(PERMISSIONS in entry["path"] for entry in emulator.requests())
    assert f"{ENDPOINTS}/e" in {entry["path"] for entry in emulator.requests()}
