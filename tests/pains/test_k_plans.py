"""Group K: plans that can be read, saved and trusted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, external, serving, units


def test_k1_a_line_for_each_field_with_its_place(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external("gpt-4o", name="prod")))
    cli.apply()
    path = project.endpoint("e", serving(external("gpt-4o-mini", name="prod")))
    line = 1 + next(
        index for index, text in enumerate(path.read_text().splitlines()) if "gpt-4o-mini" in text
    )
    out = cli("plan", "-e", "dev").out
    assert "~ update  e" in out
    assert "config.served_entities[prod]" in out
    [change] = [text for text in out.splitlines() if "gpt-4o -> gpt-4o-mini" in text]
    assert change.split()[:2] == ["~", "external_model.name"]
    assert f"endpoints/e.yaml:{line}" in out
    assert out.splitlines()[-1] == (
        "Plan: 0 to create, 1 to update, 0 to replace, 0 to retire, 0 to adopt, 0 unchanged."
    )
    run = cli.plan()
    assert run.json["format_version"] == 1
    [found] = run.changes("e").values()
    assert found["source"]["line"] == line
    assert emulator.endpoint("e")["id"] not in json.dumps(found)


def test_k2_a_secret_hides_itself_and_nothing_else(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "s3cr3t-canary")
    plaintext: dict[str, Any] = {
        "openai_api_key": None,
        "openai_api_key_plaintext": "${env:KEY}",
    }
    project.endpoint("e", serving(external(**plaintext, openai_api_base="https://a.example.com")))
    cli.apply()
    project.endpoint("e", serving(external(**plaintext, openai_api_base="https://b.example.com")))
    run = cli("plan", "-e", "dev")
    assert "https://a.example.com -> https://b.example.com" in run.out
    assert "plaintext" not in run.out
    assert "s3cr3t-canary" not in run.out + run.err
    assert len(cli.plan().changes("e")) == 1


def _two_plans(cli: Cli, project: Project) -> tuple[dict[str, Any], dict[str, Any]]:
    first = cli.plan().json
    path = project.root / "endpoints" / "e.yaml"
    lines = path.read_text().splitlines()
    path.write_text("# a comment\n\n" + "\n".join(lines) + "\n# the end\n")
    return first, cli.plan().json


def test_k4_the_fingerprint_is_of_the_meaning(project: Project, cli: Cli) -> None:
    spec = serving(external()) | {"tags": {"a": "1", "b": "2"}, "description": "d"}
    project.endpoint("e", spec)
    first, second = _two_plans(cli, project)
    assert first != second  # the places moved
    assert first["fingerprint"] == second["fingerprint"]
    project.endpoint("e", dict(reversed(spec.items())) | {"tags": {"b": "2", "a": "1"}})
    assert cli.plan().json["fingerprint"] == first["fingerprint"]
    project.endpoint("e", spec | {"tags": {"a": "1", "b": "3"}})
    assert cli.plan().json["fingerprint"] != first["fingerprint"]


def test_k4_the_fingerprint_is_of_the_workspace_too(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    cli.apply()
    project.endpoint("e", serving(external()), tags={"a": "1"})
    first = cli.plan().json["fingerprint"]
    assert cli.plan().json["fingerprint"] == first
    emulator.call("PATCH", f"{ENDPOINTS}/e/tags", {"add_tags": [{"key": "x", "value": "y"}]})
    assert cli.plan().json["fingerprint"] != first


def test_k4_a_saved_plan_is_applied_exactly(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external("gpt-4o")))
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved)
    project.endpoint("e", serving(external("gpt-3.5")))
    emulator.forget()
    cli("apply", "-e", "dev", saved, expect=0)
    [entity] = emulator.endpoint("e")["config"]["served_entities"]
    assert entity["external_model"]["name"] == "gpt-4o"
    plan = json.loads(saved.read_text())
    assert [(w["body"], f"{w['method']} {w['path']}") for w in emulator.writes()] == [
        (step["body"], step["call"]) for step in plan["endpoints"][0]["steps"]
    ]


def test_k4_a_moved_workspace_refuses_a_saved_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("f", serving(external()))
    cli.apply()
    project.endpoint("e", serving(external("gpt-4")))
    project.endpoint("f", serving(external("gpt-4")))
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved)
    emulator.call("PATCH", f"{ENDPOINTS}/e/tags", {"add_tags": [{"key": "x", "value": "y"}]})
    emulator.forget()
    run = cli("apply", "-e", "dev", saved, expect=12)
    assert re.search(r"\be\b", run.err.splitlines()[-2])
    assert not re.search(r"\bf\b", run.err.splitlines()[-2])
    assert emulator.writes() == []


_SAID_TWICE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tag": (serving(external()), serving(external()) | {"tags": {"a": "1"}}),
    "description too": (
        serving(external()) | {"description": "a"},
        serving(external()) | {"description": "b", "tags": {"a": "1"}},
    ),
    "scale to zero of provisioned throughput": (
        serving(units()) | {"tags": {}},
        serving(units(scale_to_zero_enabled=True)) | {"tags": {"a": "1"}},
    ),
    "ignored path": (
        serving(external()) | {"tags": {"a": "1"}},
        serving(external("gpt-4")) | {"tags": {"a": "2"}, "lifecycle": {"ignore": ["tags[a]"]}},
    ),
    "exact permissions": (
        serving(external()) | {"permissions": [{"group": "users", "level": "CAN_QUERY"}]},
        serving(external()) | {"permissions": {"mode": "exact", "rows": []}},
    ),
    "block let go": (
        serving(external()) | {"ai_gateway": {"usage_tracking_config": {"enabled": True}}},
        serving(external()) | {"tags": {"a": "1"}},
    ),
}


@pytest.mark.parametrize("name", _SAID_TWICE)
def test_k4_applied_twice_says_so(
    project: Project, cli: Cli, emulator: Emulator, name: str
) -> None:
    before, after = _SAID_TWICE[name]
    project.endpoint("e", before)
    cli.apply()
    project.endpoint("e", after)
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--detailed-exitcode", "--out", saved, expect=2)
    cli("apply", "-e", "dev", saved, expect=0)
    emulator.forget()
    run = cli("apply", "-e", "dev", saved, expect=0)
    assert "applied already" in run.out
    assert emulator.writes() == []


@pytest.mark.parametrize("action", ["create", "retire", "replace"])
def test_k4_applied_twice_says_so_for_other_actions(
    project: Project, cli: Cli, emulator: Emulator, action: str
) -> None:
    if action != "create":
        project.endpoint("e", serving(external()))
        cli.apply()
    if action == "replace":
        project.endpoint("e", serving(units()))
    elif action == "create":
        project.endpoint("e", serving(external()))
    else:
        project.remove("e")
        project.endpoint("f", serving(external()))
        cli.apply("--only", "f")
    saved = project.root / "p.json"
    plan = cli("plan", "-e", "dev", "--out", saved, "-o", "json")
    assert plan.entry("e")["action"] == action
    cli("apply", "-e", "dev", saved, expect=0)
    emulator.forget()
    assert "applied already" in cli("apply", "-e", "dev", saved, expect=0).out
    assert emulator.writes() == []


def test_k4_a_plan_for_elsewhere_is_refused(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(external()))
    project.environment("other")
    saved = project.root / "p.json"
    cli("plan", "-e", "dev", "--out", saved)
    emulator.forget()
    assert "shop/dev" in cli("apply", "-e", "other", saved, expect=5).err
    assert emulator.writes() == []


def _fleet(project: Project, cli: Cli, count: int) -> list[str]:
    names = [f"e{number:02}" for number in range(count)]
    for name in names:
        project.endpoint(name, serving(external()))
    cli.apply()
    return names


def test_k6_a_mass_retirement_is_refused_with_its_numbers(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(policy={"max_retire": {"share": 0.3}})
    names = _fleet(project, cli, 20)
    emulator.forget()
    for name in names[:8]:
        project.remove(name)
    plan = cli("plan", "-e", "dev", expect=0)
    assert "8 of 20 endpoints (40%)" in plan.out
    assert "30%" in plan.out
    assert all(name in plan.out for name in names[:8])
    cli.apply("--allow-retire", "*", expect=5)
    assert emulator.writes() == []
    cli.apply("--allow-retire", "e00", "--only", "e00")
    assert len(emulator.names()) == 19


def test_k6_a_permit_covers_only_what_it_names(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    names = _fleet(project, cli, 4)
    emulator.forget()
    for name in names[:2]:
        project.remove(name)
    run = cli.apply("--allow-retire", "e00", expect=5)
    assert "e01" in run.err
    assert "cannot retire e00" not in run.err
    assert emulator.writes() == []


def test_k6_a_share_says_nothing_about_a_small_project(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(policy={"max_retire": {"share": 0.2}})
    names = _fleet(project, cli, 3)
    project.remove(names[0])
    cli.apply("--allow-retire", "e00")
    assert emulator.names() == names[1:]


def test_k6_a_count_is_a_limit_for_every_project(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(policy={"max_retire": {"count": 1}})
    names = _fleet(project, cli, 3)
    for name in names[:2]:
        project.remove(name)
    run = cli.apply("--allow-retire", "*", expect=5)
    assert "2 of 3 endpoints (67%)" in run.out
    assert "at most 1" in run.out
    assert emulator.names() == names
