"""A team's own facts are in force wherever facts are read; broken ones stop it all, in place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.conftest import Cli, Emulator, Project, custom, external, serving, throughput


@pytest.fixture
def override(project: Project) -> Path:
    """The file of the team's facts."""
    return project.root / "catalog.override.yaml"


def write(path: Path, text: str) -> None:
    path.write_text(textwrap.dedent(text), "utf-8")


def said(cli: Cli, *more: str) -> list[str]:
    """The problems that validate finds, without their hints."""
    found = cli("validate", "-e", "dev", "--as-of", "2026-11-22", *more)
    return [line for line in found.err.splitlines() if not line.startswith(" ")]


def test_rules_judge_by_the_teams_facts(project: Project, cli: Cli, override: Path) -> None:
    entities = [external(name=f"gpt-{number}") for number in range(11)]
    shares = {"gpt-0": 100, **{f"gpt-{number}": 0 for number in range(1, 11)}}
    project.endpoint("many", serving(*entities), traffic=shares)
    project.endpoint("big", serving(throughput(entity_name="main.ml.own", top=1500)))
    project.endpoint("old", "governs: databricks-gte-large-en\n")
    project.endpoint("sized", serving(custom(workload_size="Tiny", scale_to_zero_enabled=True)))
    before = said(cli)
    assert ["many-entities" in line or "unknown-workload" in line for line in before] == [True] * 2
    write(
        override,
        """\
        limits:
          - {id: served-entities, warn_above: 12, checked: "2026-12-01"}
          - {id: workload-sizes, values: {Tiny: 1}, checked: "2026-12-01"}
        chunks:
          - {entity: main.ml.own, model_type: llama, chunk: 1000, checked: "2026-12-01"}
        retired:
          - endpoint: databricks-gte-large-en
            model: GTE
            task: embeddings
            retired_on: "2026-11-01"
            checked: "2026-12-01"
        """,
    )
    assert [line.split("[")[1].split("]")[0] for line in said(cli)] == [
        "capacity-step",
        "retired-model",
    ]


def test_an_architecture_of_the_team_is_known(project: Project, cli: Cli, override: Path) -> None:
    entity = throughput(architecture="house-llama", top=980)
    project.endpoint("own", serving(entity))
    assert "no architecture `house-llama`" in cli("validate", "-e", "dev", expect=4).err
    write(
        override,
        """\
        architectures:
          - {id: house-llama, name: House Llama, tasks: [chat], sizing: model_units,
             checked: "2026-12-01"}
        """,
    )
    assert "House Llama is sold by `provisioned_model_units`" in "".join(said(cli))
    assert "house-llama" in cli("catalog", "architectures", "house-llama", expect=0).out


@pytest.mark.parametrize(
    "command", [("validate",), ("plan",), ("apply", "--auto-approve"), ("drift",), ("import",)]
)
def test_broken_facts_stop_every_command_before_a_call(
    project: Project, cli: Cli, emulator: Emulator, override: Path, command: tuple[str, ...]
) -> None:
    project.endpoint("chat", serving(external()))
    write(
        override,
        """\
        limits:
          - id: served-entities
            warn_abov: 12
        retired: none
        """,
    )
    run = cli(*command, "-e", "dev", expect=4)
    assert "catalog.override.yaml:3:5: error[catalog-override]: limits[0].warn_abov" in run.err
    assert "catalog.override.yaml:4:1: error[catalog-override]: retired: must be a list" in run.err
    assert "Traceback" not in run.err
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"limits: [", "invalid-yaml"),
        (b"- a\n", "wrong-type"),
        (b"a: 1\n---\nb: 2\n", "wrong-type"),
        (b"limits: \xff", "not-utf8"),
        (b"limits:\n\t- a\n", "tab-indentation"),
    ],
)
def test_what_is_no_file_of_facts(
    project: Project, cli: Cli, override: Path, content: bytes, code: str
) -> None:
    project.endpoint("chat", serving(external()))
    override.write_bytes(content)
    for command in (("validate",), ("catalog", "limits")):
        assert f"error[{code}]" in cli(*command, expect=4).err


def test_an_empty_file_says_nothing(project: Project, cli: Cli, override: Path) -> None:
    project.endpoint("chat", serving(external()))
    override.write_text("# nothing yet\n")
    assert cli("validate", expect=0).err == ""


def test_plan_and_apply_go_by_the_teams_facts(
    project: Project, cli: Cli, emulator: Emulator, override: Path
) -> None:
    emulator.build(outcome="failed", message="E4711: the mill is out of grain")
    project.endpoint("one", serving(external()))
    project.endpoint("two", serving(external()))
    write(
        override,
        """\
        limits:
          - {id: operations, value: 1, per_seconds: 1, checked: "2026-12-01"}
        failures:
          - {pattern: E4711, cause: the mill stands still, fix: call the miller,
             checked: "2026-12-01"}
        """,
    )
    shown = cli("plan", "-e", "dev", expect=0).out
    assert "the service takes 1 creations and updates in 0 minutes" in shown
    assert "the mill stands still: call the miller" in " ".join(cli.apply(expect=1).out.split())


def test_a_saved_plan_is_shown_by_the_teams_facts(
    project: Project, cli: Cli, override: Path
) -> None:
    for name in ("a", "b", "c"):
        project.endpoint(name, serving(external()))
    saved = project.root / "plan.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    shipped = cli("show", saved, expect=0).out
    assert "minutes" not in shipped
    write(
        override,
        """\
        limits:
          - {id: operations, value: 1, per_seconds: 600, checked: "2026-12-01"}
        """,
    )
    for form in ("text", "markdown", "html"):
        told = cli("show", saved, "-o", form, expect=0).out
        assert "About 20 minutes: the service takes 1 creations" in " ".join(told.split())
    write(override, "limits: 3\n")
    run = cli("show", saved, expect=0)
    assert run.out == shipped
    assert "error[catalog-override]" in run.err


def test_the_catalog_does_not_say_when_a_model_came(cli: Cli) -> None:
    early = ("catalog", "models", "--as-of", "2024-01-01")
    for form in ("text", "markdown"):
        told = " ".join(cli(*early, "-o", form, expect=0).out.split())
        assert "what is not retired on 2024-01-01 may not have been there yet" in told
    later = cli("catalog", "models", "--as-of", "2027-01-01", expect=0).out
    assert "may not have been" not in later
