"""What is said is what happens."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli, Emulator, Project, Run, anthropic, external, invoke, serving


def test_traffic_of_a_served_entity_goes_with_it(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    both = serving(external(), anthropic(), gpt=50, claude=50)
    project.endpoint("e", both)
    cli.apply()
    project.endpoint("e", serving(external()))
    run = cli("plan", "-e", "dev", expect=0)
    assert "left as it is" not in run.out
    changes = cli.plan().changes("e")
    routes = {path: change for path, change in changes.items() if "routes" in path}
    assert {path: (one["before"], one["after"]) for path, one in routes.items()} == {
        "config.traffic_config.routes[gpt].traffic_percentage": (50, 100),
        "config.traffic_config.routes[claude].traffic_percentage": (50, None),
    }
    assert {(one["reason"], one["cause"]) for one in routes.values()} == {
        ("follows_entities", "spec")
    }
    cli.apply()
    [route] = emulator.endpoint("e")["config"]["traffic_config"]["routes"]
    assert (route["served_entity_name"], route["traffic_percentage"]) == ("gpt", 100)
    assert cli.settled()


def test_traffic_that_nobody_remembers_goes_along_too(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(record=".record.json")
    project.endpoint("e", serving(external(), anthropic(), gpt=50, claude=50))
    cli.apply()
    (project.root / ".record.json").unlink()
    project.endpoint("e", serving(external(name="other")))
    run = cli("plan", "-e", "dev", expect=0)
    assert "goes with the served entities" in run.out
    cli.apply()
    [route] = emulator.endpoint("e")["config"]["traffic_config"]["routes"]
    assert (route["served_entity_name"], route["traffic_percentage"]) == ("other", 100)
    assert cli.settled()


def test_a_newer_secret_is_one_line_however_many_use_it(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    names = ("a", "b", "c", "d", "e")
    for name in names:
        project.endpoint(name, serving(external()))
    cli.apply()
    rotated = {"scope": "llm", "key": "openai_api_key", "string_value": "rotated"}
    emulator.call("POST", "/api/2.0/secrets/put", rotated)
    found = [one for one in cli.plan().json["problems"] if one["code"] == "secret-stale"]
    assert [one["summary"] for one in found] == [
        "a, b, c and 2 more: secret llm/openai_api_key changed after the configurations that use it"
    ]
    assert found[0]["where"]["file"] == "endpoints/a.yaml"
    assert "5 done" in cli.apply("--refresh-secrets").out
    assert len(emulator.calls()) == 2 * len(names)


def test_restoring_what_no_file_declares_tells_what_comes_next(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("fresh", serving(external()))
    cli.apply()
    content = (project.root / "endpoints" / "fresh.yaml").read_text()
    project.remove("fresh")
    cli.apply("--allow-retire", "fresh")
    run = cli("restore", "fresh", "-e", "dev", "--auto-approve", expect=0)
    assert "warning[brought-back-undeclared]: no file declares fresh" in run.err
    assert cli.plan().entry("fresh")["action"] == "retire"
    cli("import", "fresh", "-e", "dev", expect=0)
    assert cli.plan().entry("fresh")["action"] == "none"
    project.remove("fresh")
    cli.apply("--allow-retire", "fresh")
    (project.root / "endpoints" / "fresh.yaml").write_text(content)
    run = cli("restore", "fresh", "-e", "dev", "--auto-approve", expect=0)
    assert "brought-back-undeclared" not in run.err
    assert emulator.names() == ["fresh"]


def test_rollback_of_a_name_that_is_none(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    once = cli("rollback", "chat", "-e", "dev", expect=5).err
    assert "nothing earlier is remembered of it" in once
    typo = cli("rollback", "chta", "-e", "dev", expect=5).err
    assert "cannot roll back chta: there is no such endpoint" in typo
    assert "did you mean `chat`?" in typo
    assert "not declared, remembered or there" in cli("rollback", "x", "-e", "dev", expect=5).err
    project.remove("chat")
    cli.apply("--allow-retire", "chat")
    assert "provisioner restore chat" in cli("rollback", "chat", "-e", "dev", expect=5).err


def other_project(project: Project, **more: Any) -> Cli:
    """Another project, whose name is the same."""
    other = Project(project.root.parent / "other", project.host)
    other.environment(**more)
    other.endpoint("chat-b", serving(external()))
    return Cli(other.root)


def shared(run: Run) -> list[str]:
    return [one["summary"] for one in run.json["problems"] if one["code"] == "owner-shared"]


def test_another_project_of_the_same_name_is_told(project: Project, cli: Cli) -> None:
    project.endpoint("chat-a", serving(external()))
    assert shared(cli.plan()) == []
    cli.apply()
    other = other_project(project)
    [told] = shared(other.plan())
    assert "what was is to be retired: chat-a; another project may be called shop, too" in told
    text = other("plan", "-e", "dev", expect=0).out
    assert "warning[owner-shared]" in text
    assert "retire" in text


def test_so_it_is_where_the_record_knows_nothing_of_it(project: Project, cli: Cli) -> None:
    project.endpoint("chat-a", serving(external()))
    cli.apply()
    other = other_project(project, record="record.json")
    [told] = shared(other.plan())
    assert told.startswith("neither a file nor the record knows chat-a, with the owner tag shop/de")
    other.apply("--allow-retire", "nothing", expect=5)


def test_a_fresh_checkout_and_a_removed_file_are_no_other_project(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("a", "b"):
        project.endpoint(name, serving(external()))
    cli.apply()
    fresh = project.root.parent / "fresh"
    shutil.copytree(project.root, fresh)
    (fresh / "endpoints" / "a.yaml").unlink()
    run = Cli(fresh).plan()
    assert (run.entry("a")["action"], shared(run)) == ("retire", [])
    emulator.fault("GET", ".*/workspace/export", status=500, error_code="INTERNAL_ERROR", times=99)
    assert shared(Cli(fresh).plan()) == []


def test_an_anchor_ends_with_its_document(project: Project, cli: Cli) -> None:
    project.endpoint("e", "name: a\ntags: &cfg {t: x}\n---\nname: b\ntags: *cfg\n")
    err = cli("validate", expect=4).err
    assert "e.yaml:5:7: error[unknown-anchor]" in err
    assert "an anchor ends with its document" in err


def test_many_values_are_not_blamed_on_aliases(project: Project, cli: Cli) -> None:
    tags = "".join(f"  t{number}: x\n" for number in range(60_000))
    project.endpoint("e", f"name: e\ntags:\n{tags}")
    err = cli("validate", expect=4).err
    assert "error[too-large]: this is larger than" in err
    assert "alias" not in err


def test_quotes_are_not_advised_for_a_list(project: Project, cli: Cli) -> None:
    project.environment("dev", extends=["a"])
    err = cli("validate", expect=4).err
    assert "must be text" in err
    assert "quotes" not in err
    assert "write a single value there" in err


def test_a_command_that_is_none(project: Project, cli: Cli, emulator: Emulator) -> None:
    assert "No such command 'pln'. did you mean `plan`?" in cli("pln", expect=64).err
    assert "did you mean" not in cli("xyzzy", expect=64).err
    assert "nothing to remove" in cli("emulator", "reset", expect=0).err
    kept = project.endpoint("e", serving(external()))
    told = cli("emulator", "serve", "--state", kept, expect=4).err
    assert "name another one, or delete the file, if it is an emulator's" in " ".join(told.split())
    empty = cli("query", "e", "-e", "dev", "--prompt", " ", expect=64).err
    assert "The prompt is empty" in empty
    assert emulator.requests() == []


def test_who_names_no_environment_is_told_which_there_are(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.environment("prod")
    project.environment("_base")
    for command in (["plan"], ["secrets", "status"], ["rollback", "chat"]):
        assert "Environments here: dev, prod." in cli(*command, expect=64).err
    assert "Environments here" not in cli("validate", expect=0).err
    signed_in.chdir(tmp_path)
    assert "Environments here" not in invoke(["plan"]).err


def test_a_kind_of_schema_that_is_none(cli: Cli) -> None:
    err = cli("schema", "nope", expect=64).err
    assert err.count("statuses") == 1
    assert "schema [OPTIONS] KIND" in err
    shown = " ".join(cli("schema", "--help", expect=0).out.split())
    kinds = re.findall(r"'(\w+)'", err.partition("is not one of")[2])
    assert len(kinds) > 10
    assert [kind for kind in kinds if not re.search(rf"\b{kind}\b", shown)] == []
