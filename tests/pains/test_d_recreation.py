"""Group D: endpoints that are deleted and made anew by surprise."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, anthropic, custom, external, serving


def test_d1_a_replacement_is_loud_and_needs_its_own_permit(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()), permissions=[{"group": "users", "level": "CAN_QUERY"}])
    cli.apply()
    old = emulator.endpoint("e")["id"]
    emulator.forget()
    project.endpoint(
        "e",
        serving(custom()),
        route_optimized=True,
        permissions=[{"group": "users", "level": "CAN_QUERY"}],
    )
    for options in ([], ["--allow-replace", "other"], ["--allow-retire", "e"]):
        run = cli.apply(*options, expect=5)
        assert "route_optimized" in run.out
        assert "other id, no service meanwhile" in run.out
        assert "--allow-replace e" in run.err
    assert emulator.writes() == []
    cli.apply("--allow-replace", "e")
    assert emulator.calls() == [
        f"DELETE {ENDPOINTS}/e",
        f"POST {ENDPOINTS}",
        "PATCH /api/2.0/permissions/serving-endpoints/{id}",
    ]
    assert emulator.endpoint("e")["id"] != old
    assert emulator.endpoint("e")["route_optimized"] is True
    assert emulator.rows("e")["users"] == "CAN_QUERY"
    assert cli.settled()


def test_d1_a_saved_plan_that_lists_it_is_the_permit(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply()
    project.endpoint("e", serving(custom()), route_optimized=True)
    cli("plan", "-e", "dev", "--out", project.root / "p.json")
    cli("apply", "-e", "dev", project.root / "p.json", expect=0)
    assert emulator.endpoint("e")["route_optimized"] is True


def test_d2_a_description_never_destroys(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()), description="foo")
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(external()), description="Foo")
    run = cli.plan()
    assert run.entry("e")["action"] == "none"
    [change] = run.changes("e").values()
    assert (change["effect"], change["reason"]) == ("none", "fixed_at_creation")
    cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    cli.apply()
    assert emulator.writes() == []


def test_d2_unless_the_endpoint_says_so(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()), description="foo")
    cli.apply()
    lifecycle = {"on_immutable_change": "replace"}
    project.endpoint("e", serving(external()), description="Foo", lifecycle=lifecycle)
    assert cli.plan().entry("e")["action"] == "replace"
    cli.apply(expect=5)
    cli.apply("--allow-replace", "e")
    assert emulator.endpoint("e")["description"] == "Foo"


def _capture(**more: Any) -> dict[str, Any]:
    table = {"catalog_name": "main", "schema_name": "ml", **more}
    return {"config": {"served_entities": [external()], "auto_capture_config": table}}


def test_d3_another_table_of_the_legacy_capture_says_what_forces_it(
    project: Project, cli: Cli
) -> None:
    project.endpoint("e", _capture(table_name_prefix="a"))
    cli.apply()
    project.endpoint("e", _capture(table_name_prefix="b"))
    run = cli.plan()
    assert run.entry("e")["action"] == "replace"
    assert list(run.changes("e")) == ["config.auto_capture_config.table_name_prefix"]
    cli.apply(expect=5)


def test_d3_switching_the_legacy_capture_off_is_no_replacement(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", _capture(enabled=True))
    cli.apply()
    project.endpoint("e", _capture(enabled=False))
    cli.apply()
    assert emulator.endpoint("e")["config"]["auto_capture_config"]["enabled"] is False
    assert cli.settled()


def test_d4_protection_blocks_the_apply_and_not_the_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    lifecycle = {"protect": True}
    project.endpoint("e", serving(custom()), lifecycle=lifecycle)
    project.endpoint("f", serving(external()))
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(custom()), lifecycle=lifecycle, route_optimized=True)
    project.endpoint("f", serving(external()), tags={"team": "a"})
    run = cli.plan()
    assert run.entry("e")["action"] == "blocked"
    assert "protect" in run.entry("e")["blocked_by"]
    assert "route_optimized" in run.changes("e")
    assert run.entry("f")["action"] == "update"
    cli.apply("--allow-replace", "e", expect=5)
    assert emulator.writes() == []
    cli.apply("--exclude", "e")
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/f/tags"]


def test_d4_protection_outlives_the_file(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(custom()), lifecycle={"protect": True})
    cli.apply()
    project.remove("e")
    project.endpoint("f", serving(external()))
    assert cli.plan().entry("e")["action"] == "blocked"
    cli.apply("--allow-retire", "e", expect=5)
    assert emulator.names() == ["e"]


def test_d4_protection_ends_only_by_saying_so(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()), lifecycle={"protect": True})
    cli.apply()
    project.endpoint("e", serving(custom()))
    cli.apply()
    project.remove("e")
    cli.apply("--allow-retire", "e")
    assert emulator.names() == []


@pytest.mark.parametrize("there", [True, False], ids=["to own", "to external"])
def test_d6_external_and_own_models_do_not_convert(
    project: Project, cli: Cli, emulator: Emulator, there: bool
) -> None:
    first, second = (external(), custom()) if there else (custom(), external())
    project.endpoint("e", serving(first))
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(second))
    run = cli.plan()
    assert (run.entry("e")["action"], run.entry("e")["permit"]) == ("replace", "--allow-replace")
    cli.apply(expect=5)
    assert emulator.writes() == []
    cli.apply("--allow-replace", "e")
    assert cli.settled()


def test_d6_another_provider_is_an_update(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external(name="m")))
    cli.apply()
    project.endpoint("e", serving(anthropic(name="m")))
    cli.apply()
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["external_model"]["provider"] == "anthropic"
    assert "openai_config" not in entity["external_model"]
    assert cli.settled()
