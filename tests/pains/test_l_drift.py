"""Group L: drift."""

from __future__ import annotations

import pytest

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, custom, external, serving

LIMIT = {"key": "endpoint", "renewal_period": "minute", "calls": 5}


def _fiveway(project: Project) -> None:
    project.endpoint(
        "e",
        serving(external(name="zulu"), external(name="alpha"), zulu=50, alpha=50),
        tags={"b": "1", "a": "2"},
        ai_gateway={"rate_limits": [LIMIT]},
    )


def test_l1_noise_is_no_drift(project: Project, cli: Cli, emulator: Emulator) -> None:
    _fiveway(project)
    cli.apply()
    document = emulator.export()
    endpoint = document["endpoints"]["e"]
    endpoint["last_updated_timestamp"] += 1000
    endpoint["config"]["config_version"] = 17
    endpoint["tags"].reverse()
    endpoint["creator"] = "bob@example.com"
    for entity in endpoint["config"]["served_entities"]:
        entity["creator"] = "bob@example.com"
        entity["state"] = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": "Scaled"}
    emulator.seed(**document)
    assert emulator.endpoint("e")["config"]["config_version"] == 17
    run = cli("drift", "-e", "dev", expect=0)
    assert run.out.splitlines()[-1] == "Drift: 1 in sync."
    assert cli("drift", "-e", "dev", "-o", "json").entry("e")["changes"] == []


def test_l1_one_field_is_one_line(project: Project, cli: Cli, emulator: Emulator) -> None:
    _fiveway(project)
    cli.apply()
    emulator.call("PATCH", f"{ENDPOINTS}/e/tags", {"add_tags": [{"key": "a", "value": "9"}]})
    run = cli("drift", "-e", "dev", expect=2)
    assert [line.strip() for line in run.out.splitlines() if "declared" in line] == [
        "declared 2, live 9"
    ]
    assert list(cli("drift", "-e", "dev", "-o", "json").changes("e")) == ["tags[a]"]


def test_l2_drift_only_reads(project: Project, cli: Cli, emulator: Emulator) -> None:
    _fiveway(project)
    cli.apply()
    emulator.call("PATCH", f"{ENDPOINTS}/e/tags", {"delete_tags": ["a"]})
    emulator.forget()
    cli("drift", "-e", "dev", "--unmanaged", expect=2)
    cli("plan", "-e", "dev")
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}


def test_l2_exit_codes(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    cli("drift", "-e", "dev", expect=0)
    emulator.call("PATCH", f"{ENDPOINTS}/e/tags", {"add_tags": [{"key": "a", "value": "9"}]})
    cli("drift", "-e", "dev", expect=0)  # not a tag of ours
    emulator.call("DELETE", f"{ENDPOINTS}/e")
    run = cli("drift", "-e", "dev", "-o", "json", expect=2)
    assert run.entry("e")["config"] == "missing"
    emulator.fault("GET", ENDPOINTS, status=500, error_code="INTERNAL_ERROR")
    cli("drift", "-e", "dev", expect=1)


def test_l2_in_sync_and_unhealthy_is_a_code_of_its_own(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply()
    emulator.call("POST", f"{ENDPOINTS}/e/config:stop")
    run = cli("drift", "-e", "dev", "-o", "json", expect=10)
    assert (run.entry("e")["config"], run.entry("e")["health"]) == ("in_sync", "stopped")


def test_l2_drift_that_is_not_applied_yet_is_pending(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external("gpt-4")))
    cli.apply()
    project.endpoint("e", serving(external("gpt-4o")))
    assert cli("drift", "-e", "dev", "-o", "json").entry("e")["config"] == "pending"
    project.endpoint("f", serving(external("gpt-4o")))
    assert cli("drift", "-e", "dev", "-o", "json").entry("f")["config"] == "pending"
    assert emulator.names() == ["e"]


def test_l2_one_that_was_made_anew_outside(project: Project, cli: Cli, emulator: Emulator) -> None:
    permissions = [{"group": "users", "level": "CAN_QUERY"}]
    project.endpoint("e", serving(external()), permissions=permissions)
    cli.apply()
    copy = {"name": "e", "tags": [{"key": "provisioner", "value": "shop/dev"}]}
    emulator.call("DELETE", f"{ENDPOINTS}/e")
    emulator.call("POST", ENDPOINTS, copy | {"config": {"served_entities": [external()]}})
    emulator.endpoint("e")
    run = cli("drift", "-e", "dev", "-o", "json", expect=2)
    assert run.entry("e")["config"] == "replaced_outside"
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [f"PATCH {PERMISSIONS}/{{id}}"]
    cli("drift", "-e", "dev", expect=0)


def test_l2_a_view_only_identity_is_enough(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    project.endpoint("e", serving(external()))
    project.environment(record="record.json")
    cli.apply()
    endpoint_id = emulator.endpoint("e")["id"]
    row = {"user_name": "bob@example.com", "permission_level": "CAN_VIEW"}
    emulator.call("PATCH", f"{PERMISSIONS}/{endpoint_id}", {"access_control_list": [row]})
    signed_in.setenv("DATABRICKS_TOKEN", "token-bob")
    cli("drift", "-e", "dev", expect=0)
    assert cli.settled()


def test_l4_what_was_expected_and_what_is_there(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()), ai_gateway={"rate_limits": [LIMIT]})
    cli.apply()
    emulator.call("PUT", f"{ENDPOINTS}/e/ai-gateway", {"rate_limits": [LIMIT | {"calls": 500}]})
    run = cli("drift", "-e", "dev", "-o", "json", expect=2)
    [(path, change)] = run.changes("e").items()
    assert path == "ai_gateway.rate_limits[endpoint].calls"
    assert (change["before"], change["after"], change["cause"]) == (500, 5, "drift")
    text = cli("drift", "-e", "dev", expect=2).out
    assert path in text
    assert "declared 5, live 500" in text
    assert "changed outside" in text
