"""Group E: permissions."""

from __future__ import annotations

from typing import Any

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, external, serving

A_QUERY = {"group": "data-science", "level": "CAN_QUERY"}
A_MANAGE = {"group": "data-science", "level": "CAN_MANAGE"}
B_MANAGE = {"group": "ml-engineers", "level": "CAN_MANAGE"}


def _grant(emulator: Emulator, *rows: dict[str, str]) -> None:
    body = {"access_control_list": list(rows)}
    endpoint_id = emulator.endpoint("e")["id"]
    emulator.call("PATCH", f"{PERMISSIONS}/{endpoint_id}", body)


def test_e1_additive_rows_leave_others_alone(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY])
    cli.apply()
    _grant(emulator, {"group_name": "ml-engineers", "permission_level": "CAN_MANAGE"})
    project.endpoint("e", serving(external()), permissions={"mode": "additive", "rows": [A_MANAGE]})
    [change] = cli.plan().changes("e").values()
    assert (change["path"], change["before"], change["after"]) == (
        "permissions[group:data-science]",
        "CAN_QUERY",
        "CAN_MANAGE",
    )
    cli.apply()
    assert emulator.rows("e") == {
        "user@example.com": "CAN_MANAGE",
        "data-science": "CAN_MANAGE",
        "ml-engineers": "CAN_MANAGE",
    }
    assert cli.settled()


def test_e1_exact_rows_list_what_is_removed(project: Project, cli: Cli, emulator: Emulator) -> None:
    rows: dict[str, Any] = {"mode": "exact", "rows": [A_QUERY]}
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    _grant(emulator, {"group_name": "ml-engineers", "permission_level": "CAN_MANAGE"})
    changes = cli.plan().changes("e")
    assert {path: change["effect"] for path, change in changes.items()} == {
        "permissions[group:ml-engineers]": "remove"
    }
    emulator.forget()
    cli.apply()
    assert emulator.rows("e") == {"user@example.com": "CAN_MANAGE", "data-science": "CAN_QUERY"}
    assert cli.settled()
    [put] = emulator.writes()
    assert put["body"]["access_control_list"] == [
        {"group_name": "data-science", "permission_level": "CAN_QUERY"},
        {"user_name": "user@example.com", "permission_level": "CAN_MANAGE"},
    ]


def test_e1_admins_and_inherited_rows_never_appear(project: Project, cli: Cli) -> None:
    project.endpoint("e", serving(external()), permissions={"mode": "exact", "rows": [A_QUERY]})
    cli.apply()
    assert cli.settled()
    assert "admins" not in cli.plan().out


def test_e1_a_removed_row_does_not_take_the_creator_along(
    project: Project, cli: Cli, emulator: Emulator, signed_in: Any
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY, B_MANAGE])
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    cli.apply()
    assert emulator.endpoint("e")["creator"] == "alice@example.com"
    signed_in.setenv("DATABRICKS_TOKEN", "a-robot")
    project.endpoint("e", serving(external()), permissions=[A_QUERY])
    assert list(cli.plan().changes("e")) == ["permissions[group:ml-engineers]"]
    cli.apply()
    assert emulator.rows("e")["alice@example.com"] == "CAN_MANAGE"


def test_e1_case_of_addresses_does_not_matter(project: Project, cli: Cli) -> None:
    rows = [{"user": "Alice@Example.com", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    assert cli.settled()


def test_e3_endpoints_of_databricks_are_never_asked_for_permissions(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY])
    cli.apply()
    emulator.forget()
    cli.plan()
    cli("drift", "-e", "dev", "--unmanaged", expect=0)
    asked = {entry["path"] for entry in emulator.requests() if PERMISSIONS in entry["path"]}
    assert asked == {f"{PERMISSIONS}/{emulator.endpoint('e')['id']}"}


def test_e4_a_group_that_vanishes_leaves_one_call_for_the_next_run(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY])
    emulator.fault(
        "PATCH",
        f"{PERMISSIONS}/.*",
        times=1,
        status=404,
        error_code="RESOURCE_DOES_NOT_EXIST",
        message="Principal: GroupName(data-science) does not exist",
    )
    run = cli.apply("-o", "json", expect=8)
    steps = [(step["call"].split()[0], step["result"]) for step in run.entry("e")["steps"]]
    assert steps == [("POST", "done"), ("PATCH", "failed")]
    assert "data-science" in run.entry("e")["error"]
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [f"PATCH {PERMISSIONS}/{{id}}"]
    assert cli.settled()


def test_e5_rows_that_leave_the_yaml_stay_and_that_is_said(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY, B_MANAGE])
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()))
    run = cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    assert "permissions" in run.out
    assert "no longer managed, left as it is" in run.out
    cli.apply()
    assert emulator.writes() == []
    assert emulator.rows("e")["data-science"] == "CAN_QUERY"


def test_e5_an_empty_exact_list_removes_every_row(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY, B_MANAGE])
    cli.apply()
    project.endpoint("e", serving(external()), permissions={"mode": "exact", "rows": []})
    assert {change["effect"] for change in cli.plan().changes("e").values()} == {"remove"}
    cli.apply()
    assert emulator.rows("e") == {"user@example.com": "CAN_MANAGE"}
    assert emulator.calls()[-1] == f"PUT {PERMISSIONS}/{{id}}"
    assert cli.settled()


def test_e5_a_removed_row_is_removed(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()), permissions=[A_QUERY, B_MANAGE])
    cli.apply()
    _grant(emulator, {"user_name": "bob@example.com", "permission_level": "CAN_VIEW"})
    project.endpoint("e", serving(external()), permissions=[A_QUERY])
    cli.apply()
    assert emulator.rows("e") == {
        "user@example.com": "CAN_MANAGE",
        "data-science": "CAN_QUERY",
        "bob@example.com": "CAN_VIEW",
    }
    assert f"POST {ENDPOINTS}" in emulator.calls()
