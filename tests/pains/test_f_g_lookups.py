"""Groups F and G, continued: capacity that is paid, aliases, fields that are new."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ..conftest import (
    ENDPOINTS,
    Cli,
    Emulator,
    Project,
    custom,
    external,
    serving,
    throughput,
    units,
)

MODEL = "main.ml.fresh"
ALIASES = f"/api/2.1/unity-catalog/models/{MODEL}/aliases"
VERSION = "config.served_entities[churn].entity_version"


def _line(path: Path, text: str) -> int:
    """Number of the only line of a file in which ``text`` stands."""
    [found] = [n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return found


def _flat(text: str) -> str:
    return " ".join(text.split())


def _gpt_oss(**size: int) -> dict[str, Any]:
    entity = units() | size
    if "provisioned_model_units" not in size:
        del entity["provisioned_model_units"]
    return serving(entity)


# F1: in which unit, by which calls, in which steps.


def test_f1_the_wrong_unit_is_explained_at_validate_and_refused_at_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    path = project.endpoint("oss", _gpt_oss(max_provisioned_throughput=980))
    line = _line(path, "- name: oss")
    validated = cli("validate", "-e", "dev", expect=0)
    assert f"endpoints/oss.yaml:{line}:" in validated.err
    assert "is sold by `provisioned_model_units`" in validated.err
    emulator.forget()
    run = cli.plan()
    [problem] = [found for found in run.json["problems"] if found["severity"] == "error"]
    assert (problem["code"], problem["where"]["line"]) == ("capacity-unit", line)
    assert problem["hint"] == "use provisioned_model_units, multiples of 50"
    cli.apply(expect=5)
    assert emulator.writes() == []


def test_f1_the_hint_names_a_command_that_there_is(project: Project, cli: Cli) -> None:
    project.endpoint("oss", _gpt_oss(max_provisioned_throughput=980))
    text = _flat(cli("validate", "-e", "dev", expect=0).err)
    for command in re.findall(r"`provisioner ([^`]+)`", text):
        assert "gpt-oss" in cli(*command.split(), expect=0).out


def test_f1_units_for_a_model_that_is_sold_by_tokens(project: Project, cli: Cli) -> None:
    entity = units() | {"entity_name": "system.ai.llama_v3_3_70b_instruct"}
    project.endpoint("oss", serving(entity))
    err = cli("validate", "-e", "dev", expect=0).err
    assert "is sold by `max_provisioned_throughput`" in err


@pytest.mark.parametrize(
    ("value", "nearest"), [(75, "50 and 100"), (20, "0 and 50"), (149, "100 and 150")]
)
def test_f1_units_between_two_steps(project: Project, cli: Cli, value: int, nearest: str) -> None:
    path = project.endpoint("oss", serving(units(amount=value)))
    err = cli("validate", "-e", "dev", expect=0).err
    assert f"endpoints/oss.yaml:{_line(path, 'provisioned_model_units')}:" in err
    assert f"the nearest are {nearest}" in err


def test_f1_tokens_between_two_steps_of_this_workspace(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    chunk = {"throughput_chunk_size": 700}
    emulator.seed(unity_catalog={"models": {"main.support.ticket_llama": chunk}})
    path = project.endpoint("llama", serving(throughput(top=980)))
    emulator.forget()
    [problem] = cli.plan().json["problems"]
    assert (problem["code"], problem["severity"]) == ("capacity-step", "error")
    assert "in steps of 700" in problem["summary"]
    assert problem["hint"] == "the nearest are 700 and 1400"
    assert problem["where"]["line"] == _line(path, "max_provisioned_throughput")
    cli.apply(expect=5)
    assert emulator.writes() == []
    project.endpoint("llama", serving(throughput(top=1400)))
    cli.apply()
    assert cli.settled()


def test_f1_a_size_that_stays_is_not_asked_for_again(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("llama", serving(throughput()))
    cli.apply()
    emulator.forget()
    assert cli.settled()
    asked = [entry["path"] for entry in emulator.requests()]
    assert not any("optimization-info" in path or "unity-catalog" in path for path in asked)


# F3: what is paid for, apart from the rest.


def _capacity(cli: Cli) -> list[str]:
    """Lines of the plan's section on capacity."""
    lines = cli("plan", "-e", "dev", expect=0).out.splitlines()
    if "  Capacity" not in lines:
        return []
    rest = lines[lines.index("  Capacity") + 1 :]
    return [_flat(line) for line in rest[: rest.index("")]]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(50, 500, "50 -> 500 (10x)"), (500, 50, "500 -> 50 (0.1x)"), (50, 100, "50 -> 100 (2x)")],
)
def test_f3_up_and_down(project: Project, cli: Cli, before: int, after: int, said: str) -> None:
    project.endpoint("oss", serving(units(amount=before)))
    assert _capacity(cli) == [f"oss[oss] provisioned_model_units none -> {before}"]
    cli.apply()
    assert _capacity(cli) == []
    project.endpoint("oss", serving(units(amount=after)))
    assert _capacity(cli) == [f"oss[oss] provisioned_model_units {said}"]


def test_f3_tokens_and_concurrency_are_paid_as_well(project: Project, cli: Cli) -> None:
    sized = custom(min_provisioned_concurrency=4, max_provisioned_concurrency=4)
    del sized["workload_size"]
    project.endpoint("churn", serving(sized))
    project.endpoint("llama", serving(throughput(top=980)))
    cli.apply()
    sized["max_provisioned_concurrency"] = 16
    project.endpoint("churn", serving(sized), tags={"a": "1"})
    project.endpoint("llama", serving(throughput(top=1960)))
    assert _capacity(cli) == [
        "churn[churn] max_provisioned_concurrency 4 -> 16 (4x)",
        "llama[llama] max_provisioned_throughput 980 -> 1960 (2x)",
    ]


def test_f3_sizes_and_scaling_are_paid_as_well(project: Project, cli: Cli) -> None:
    project.endpoint("churn", serving(custom(scale_to_zero_enabled=True)))
    cli.apply()
    grown = custom(workload_size="Large", workload_type="GPU_LARGE", scale_to_zero_enabled=False)
    project.endpoint("churn", serving(grown))
    assert _capacity(cli) == [
        "churn[churn] scale_to_zero_enabled true -> false",
        "churn[churn] workload_size Small -> Large",
        "churn[churn] workload_type CPU -> GPU_LARGE",
    ]


def test_f3_a_change_that_costs_nothing_has_no_section(project: Project, cli: Cli) -> None:
    project.endpoint("oss", serving(units()))
    cli.apply()
    project.endpoint("oss", serving(units()), tags={"a": "1"})
    assert _capacity(cli) == []


def test_f3_the_ceiling_holds_for_new_endpoints_and_for_tokens(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(policy={"max_model_units": 200, "max_provisioned_throughput": 2000})
    project.endpoint("oss", serving(units(amount=250)))
    project.endpoint("llama", serving(throughput(top=2940)))
    emulator.forget()
    problems = [one for one in cli.plan().json["problems"] if one["severity"] == "error"]
    assert [problem["code"] for problem in problems] == ["over-capacity"] * 2
    assert ["allows 2000" in problem["summary"] for problem in problems] == [True, False]
    cli.apply(expect=5)
    assert emulator.writes() == []
    project.endpoint("oss", serving(units(amount=200)))
    project.endpoint("llama", serving(throughput(top=1960)))
    cli.apply()


# G1: fields that are newer than the tool.


def _bedrock(**more: Any) -> dict[str, Any]:
    return serving(
        {
            "name": "claude",
            "external_model": {
                "provider": "amazon-bedrock",
                "name": "claude-sonnet",
                "task": "llm/v1/chat",
                "amazon_bedrock_config": {
                    "aws_region": "us-east-1",
                    "bedrock_provider": "anthropic",
                    "aws_access_key_id": "{{secrets/llm/aws_access_key_id}}",
                    "aws_secret_access_key": "{{secrets/llm/aws_secret_access_key}}",
                    **more,
                },
            },
        }
    )


def test_g1_a_sign_in_set_by_hand_survives_the_next_roll_out(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", _bedrock())
    cli.apply()
    document = emulator.export()
    [entity] = document["endpoints"]["e"]["config"]["served_entities"]
    by_hand = {"workload_identity": {"role": "arn:1", "audience": ["a", "b"]}}
    entity["external_model"]["amazon_bedrock_config"] |= by_hand
    emulator.seed(**document)
    assert cli.settled(), cli.plan().changes("e")
    project.endpoint("e", _bedrock(aws_region="eu-west-1"))
    [change] = cli.plan().changes("e").values()
    assert change["path"].endswith("aws_region")
    emulator.forget()
    cli.apply()
    [put] = emulator.writes()
    sent = put["body"]["served_entities"][0]["external_model"]["amazon_bedrock_config"]
    assert sent["workload_identity"] == by_hand["workload_identity"]
    assert sent["aws_region"] == "eu-west-1"
    assert cli.settled()


def test_g1_extra_fields_of_a_provider_come_and_go(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    extra = {"workload_identity": {"role": "arn:1"}, "vpc_endpoint": "vpce-1"}
    project.endpoint("e", _bedrock(api_extra=extra))
    cli("validate", "-e", "dev", expect=0)
    cli.apply()
    [post] = emulator.writes()
    [sent] = post["body"]["config"]["served_entities"]
    assert extra.items() <= sent["external_model"]["amazon_bedrock_config"].items()
    assert "api_extra" not in json.dumps(post["body"])
    assert cli.settled(), cli.plan().changes("e")
    project.endpoint("e", _bedrock(api_extra={"workload_identity": {"role": "arn:2"}}))
    block = "config.served_entities[claude].external_model.amazon_bedrock_config."
    changes = cli.plan().changes("e")
    assert {path.removeprefix(block): c["effect"] for path, c in changes.items()} == {
        "vpc_endpoint": "remove",
        "workload_identity.role": "set",
    }
    cli.apply()
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    found = entity["external_model"]["amazon_bedrock_config"]
    assert found["workload_identity"] == {"role": "arn:2"}
    assert "vpc_endpoint" not in found
    assert cli.settled()


# G5: versions by alias, and models that are not there yet.


def _fresh(version: str = "@champion", **lifecycle: Any) -> dict[str, Any]:
    spec = serving(custom(version=version, entity_name=MODEL))
    return spec | ({"lifecycle": lifecycle} if lifecycle else {})


def _register(emulator: Emulator, *versions: int, champion: int) -> None:
    model = {
        "versions": {str(number): {"status": "READY"} for number in versions},
        "aliases": {"champion": champion},
    }
    emulator.seed(unity_catalog={"models": {MODEL: model}})


def test_g5_an_alias_is_a_number_on_the_wire(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _register(emulator, 6, 7, 8, champion=7)
    path = project.endpoint("e", _fresh())
    change = cli.plan().changes("e")[VERSION]
    assert (change["before"], change["after"], change["note"]) == (None, "7", "@champion")
    assert change["source"]["line"] == _line(path, "@champion")
    emulator.forget()
    cli.apply()
    [post] = emulator.writes()
    assert post["body"]["config"]["served_entities"][0]["entity_version"] == "7"
    assert cli.settled()


def test_g5_an_alias_that_moves_is_drift_and_an_update(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _register(emulator, 7, 8, champion=7)
    project.endpoint("e", _fresh())
    cli.apply()
    emulator.call("PUT", f"{ALIASES}/champion", {"version_num": 8})
    text = cli("plan", "-e", "dev", expect=0).out
    assert re.search(r"entity_version\s+7 -> 8\s+\(@champion, endpoints/e.yaml:\d+\)", text)
    assert cli.plan().changes("e")[VERSION]["cause"] == "spec"
    drift = cli("drift", "-e", "dev", expect=2)
    assert "declared 8, live 7" in drift.out
    assert "@champion" in drift.out
    assert cli("drift", "-e", "dev", "-o", "json").entry("e")["config"] == "pending"
    emulator.forget()
    cli.apply()
    [put] = emulator.writes()
    assert put["body"]["served_entities"][0]["entity_version"] == "8"
    assert cli.settled()


def test_g5_a_saved_plan_pins_the_number(project: Project, cli: Cli, emulator: Emulator) -> None:
    _register(emulator, 7, 8, champion=7)
    project.endpoint("e", _fresh())
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    emulator.call("PUT", f"{ALIASES}/champion", {"version_num": 8})
    cli("apply", "-e", "dev", saved, expect=0)
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "7"


def test_g5_a_missing_model_fails_by_default(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    path = project.endpoint("e", _fresh())
    project.endpoint("f", serving(external()))
    emulator.forget()
    run = cli("plan", "-e", "dev", expect=0)
    assert f"endpoints/e.yaml:{_line(path, 'entity_name')}:" in run.out
    assert "error[model-missing]" in run.out
    assert f"there is no model {MODEL}" in _flat(run.out)
    cli.apply(expect=5)
    assert emulator.writes() == []


def test_g5_a_missing_model_may_be_skipped(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", _fresh(if_missing="skip"))
    project.endpoint("f", serving(external()))
    run = cli("plan", "-e", "dev", "--detailed-exitcode", expect=2)
    assert "warning[model-missing]" in run.out
    assert f"pending: there is no model {MODEL}" in _flat(run.out)
    emulator.forget()
    cli.apply()
    assert emulator.names() == ["f"]
    assert emulator.calls() == [f"POST {ENDPOINTS}"]
    # It stays on the list until its model is there.
    cli("plan", "-e", "dev", "--detailed-exitcode", expect=2)
    _register(emulator, 1, champion=1)
    cli.apply()
    assert emulator.names() == ["e", "f"]
    assert cli.settled()


def test_g5_what_serves_goes_on_when_its_alias_is_gone(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _register(emulator, 7, champion=7)
    project.endpoint("e", _fresh(if_missing="skip"))
    cli.apply()
    emulator.call("DELETE", f"{ALIASES}/champion")
    emulator.forget()
    project.endpoint("e", _fresh(if_missing="skip"), tags={"a": "1"})
    assert cli.plan().entry("e")["action"] == "none"
    cli.apply()
    assert emulator.writes() == []
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "7"


def test_g5_apply_may_wait_for_a_model(
    project: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            _register(emulator, 3, champion=3)

    monkeypatch.setattr("provisioner.cli.environment.session.time.sleep", pause)
    project.endpoint("e", _fresh(if_missing="wait"))
    run = cli.apply()
    assert len(pauses) == 2
    assert "e: waiting for its model" in run.err
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["entity_version"] == "3"


def test_g5_waiting_for_a_model_ends(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", _fresh(if_missing="wait", timeouts={"create": "1s"}))
    run = cli.apply()
    assert "pending: there is no model" in run.out
    assert emulator.names() == []


def test_g5_a_version_that_is_not_ready_is_missing(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    versions = {"1": {"status": "PENDING_REGISTRATION"}}
    emulator.seed(unity_catalog={"models": {MODEL: {"versions": versions, "aliases": {}}}})
    project.endpoint("e", _fresh("1"))
    run = cli("plan", "-e", "dev", expect=0)
    assert f"version 1 of model {MODEL} is not registered yet" in _flat(run.out)
    cli.apply(expect=5)
    assert emulator.names() == []
