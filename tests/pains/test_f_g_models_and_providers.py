"""Groups F and G: provisioned throughput and external providers."""

from __future__ import annotations

from typing import Any

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, serving, units


def test_f1_model_units_go_to_their_own_calls(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("oss", serving(units(amount=50)))
    cli.apply()
    project.endpoint("oss", serving(units(amount=100)))
    cli.apply()
    assert emulator.calls() == [f"POST {ENDPOINTS}/pt", f"PUT {ENDPOINTS}/pt/oss/config"]
    assert (
        emulator.endpoint("oss")["config"]["served_entities"][0]["provisioned_model_units"] == 100
    )
    assert cli.settled()


def test_f1_the_wrong_unit_is_told_offline(project: Project, cli: Cli) -> None:
    entity = units()
    del entity["provisioned_model_units"]
    project.endpoint("oss", serving(entity | {"max_provisioned_throughput": 980}))
    run = cli("validate", "-e", "dev")
    assert "provisioned_model_units" in run.err
    assert "endpoints/oss.yaml:4:" in run.err


def test_f1_model_units_come_in_steps(project: Project, cli: Cli) -> None:
    project.endpoint("oss", serving(units(amount=75)))
    run = cli("validate", "-e", "dev")
    assert "50 and 100" in run.err


def test_f3_capacity_over_the_policy_is_refused_with_the_numbers(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(policy={"max_model_units": 200})
    project.endpoint("oss", serving(units(amount=50)))
    cli.apply()
    emulator.forget()
    project.endpoint("oss", serving(units(amount=500)))
    run = cli("plan", "-e", "dev", expect=0)
    assert "50 -> 500" in run.out
    assert "500" in run.out
    assert "allows 200" in run.out
    cli.apply(expect=5)
    assert emulator.writes() == []


def test_g1_a_field_newer_than_the_tool_is_passed_on(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    entity = external()
    block = entity["external_model"]["openai_config"]
    block["api_extra"] = {"openai_realtime": {"mode": "fast"}}
    project.endpoint("e", serving(entity))
    cli.apply()
    [post] = emulator.writes()
    sent = post["body"]["config"]["served_entities"][0]["external_model"]["openai_config"]
    assert sent["openai_realtime"] == {"mode": "fast"}
    assert "api_extra" not in sent
    assert cli.settled()


def test_g1_a_field_newer_than_the_tool_set_by_hand_survives(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    _set_by_hand(emulator, {"new_switch": "on"}, openai_config={"new_secret_mode": "vault"})
    assert cli.settled(), cli.plan().changes("e")
    emulator.forget()
    project.endpoint("e", serving(external("gpt-4o-mini")))
    assert list(cli.plan().changes("e")) == ["config.served_entities[gpt].external_model.name"]
    cli.apply()
    [put] = emulator.writes()
    model = put["body"]["served_entities"][0]["external_model"]
    assert model["new_switch"] == "on"
    assert model["openai_config"]["new_secret_mode"] == "vault"


def _set_by_hand(emulator: Emulator, model: dict[str, Any], openai_config: dict[str, Any]) -> None:
    document = emulator.export()
    [entity] = document["endpoints"]["e"]["config"]["served_entities"]
    entity["external_model"] |= model
    entity["external_model"]["openai_config"] |= openai_config
    emulator.seed(**document)


def test_g3_provider_blocks_are_checked_offline(project: Project, cli: Cli) -> None:
    entity = external()
    entity["external_model"]["provider"] = "anthropic"
    project.endpoint("e", serving(entity))
    run = cli("validate", "-e", "dev", expect=4)
    assert "anthropic_config" in run.err
    assert "endpoints/e.yaml:" in run.err


def test_g3_a_key_and_its_plaintext_twin_are_one_error(project: Project, cli: Cli) -> None:
    project.endpoint("e", serving(external(openai_api_key_plaintext="${env:KEY}")))
    run = cli("validate", "-e", "dev", expect=4)
    assert run.err.count("error[") == 1
    assert "openai_api_key" in run.err


def _many(count: int) -> dict[str, Any]:
    entities = [external(name=f"m{number}") for number in range(count)]
    shares = {f"m{number}": 0 for number in range(count)} | {"m0": 100}
    return serving(*entities, **shares)


def test_g4_twelve_entities_are_fine(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", _many(12))
    assert "error[" not in cli("validate", "-e", "dev", expect=0).err
    cli.apply()
    assert len(emulator.endpoint("e")["config"]["served_entities"]) == 12
    assert cli.settled()


def test_g4_sixteen_are_a_warning_and_the_service_decides(project: Project, cli: Cli) -> None:
    project.endpoint("e", _many(16))
    assert "warning[" in cli("validate", "-e", "dev", expect=0).err
    run = cli.apply(expect=1)
    assert "at most 15 served entities" in " ".join(run.out.split())
