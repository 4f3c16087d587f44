"""Group I: endpoints that exist already."""

from __future__ import annotations

from typing import Any

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, serving


def _by_hand(emulator: Emulator, name: str = "e", **more: Any) -> None:
    body = {"name": name, "config": {"served_entities": [external("gpt-4")]}, **more}
    emulator.call("POST", ENDPOINTS, body, token="token-alice")
    emulator.endpoint(name)


def test_i2_endpoints_of_databricks_are_nobodys_drift(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("ours", serving(external()))
    cli.apply()
    _by_hand(emulator, "theirs")
    listed = len(emulator.call("GET", ENDPOINTS)["endpoints"])
    assert listed > 2
    drift = cli("drift", "-e", "dev", "--unmanaged", "-o", "json", expect=0)
    assert {entry["name"]: entry["config"] for entry in drift.json["endpoints"]} == {
        "ours": "in_sync",
        "theirs": "unmanaged",
    }


def test_i2_the_kind_tells_and_not_the_name(cli: Cli, emulator: Emulator) -> None:
    record = {"name": "databricks-mine", "creator": "alice@example.com", "id": "1" * 32}
    emulator.seed(endpoints={"databricks-mine": record})
    drift = cli("drift", "-e", "dev", "--unmanaged", "-o", "json", expect=0)
    assert [entry["name"] for entry in drift.json["endpoints"]] == ["databricks-mine"]


def test_i2_endpoints_of_other_products_are_left_out(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.seed(
        endpoints={
            "agent": {
                "id": "2" * 32,
                "creator": "alice@example.com",
                "config": {},
                "tile_endpoint_metadata": {"problem_type": "X"},
            }
        }
    )
    project.endpoint("e", serving(external()))
    cli.apply()
    assert cli.settled()


def test_i3_an_endpoint_of_nobody_is_adopted_with_a_permit(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _by_hand(emulator)
    emulator.forget()
    project.endpoint("e", serving(external("gpt-4o")))
    run = cli.plan()
    assert (run.entry("e")["action"], run.entry("e")["permit"]) == ("adopt", "--adopt")
    assert {path: change["before"] for path, change in run.changes("e").items()} == {
        "config.served_entities[gpt].external_model.name": "gpt-4",
        "tags[provisioner]": None,
    }
    assert "--adopt e" in cli.apply(expect=5).err
    cli.apply("--adopt", "other", expect=5)
    assert emulator.writes() == []
    cli.apply("--adopt", "e")
    tags = {tag["key"]: tag.get("value") for tag in emulator.endpoint("e")["tags"]}
    assert tags == {"provisioner": "shop/dev"}
    assert not any(call.startswith(("POST", "DELETE")) for call in emulator.calls())
    assert cli.settled()


def test_i3_the_yaml_can_be_the_permit(project: Project, cli: Cli, emulator: Emulator) -> None:
    _by_hand(emulator)
    project.endpoint("e", serving(external("gpt-4o")), lifecycle={"adopt": True})
    cli.apply()
    assert cli.settled()


def test_i3_an_endpoint_of_another_project_is_refused_by_name(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _by_hand(emulator, tags=[{"key": "provisioner", "value": "other-team/prod"}])
    emulator.forget()
    project.endpoint("e", serving(external("gpt-4o")), lifecycle={"adopt": True})
    run = cli.plan()
    assert run.entry("e")["action"] == "blocked"
    assert "other-team/prod" in run.entry("e")["blocked_by"]
    assert "other-team/prod" in cli.apply("--adopt", "e", expect=5).out
    assert emulator.writes() == []


def test_i3_endpoints_of_databricks_cannot_be_taken_over(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    hosted = next(
        entry["name"] for entry in emulator.call("GET", ENDPOINTS)["endpoints"] if "id" not in entry
    )
    document = emulator.export()
    document["endpoints"]["mine-in-name"] = document["endpoints"].pop(hosted) | {
        "name": "mine-in-name"
    }
    emulator.seed(**document)
    project.endpoint("mine-in-name", serving(external()))
    assert cli.plan().entry("mine-in-name")["action"] == "blocked"


def test_i3_an_endpoint_that_appears_between_plan_and_apply_is_not_taken(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    cli("plan", "-e", "dev", "--out", project.root / "p.json")
    _by_hand(emulator)
    emulator.forget()
    cli("apply", "-e", "dev", project.root / "p.json", expect=12)
    assert emulator.writes() == []
