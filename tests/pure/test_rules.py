"""Rules on data: for each a case with its exact words, and a near miss without a word of it.

``PROVISIONER_UPDATE_CASES=1`` rewrites the expectations.
"""

from __future__ import annotations

import json
import os
import time
from datetime import date
from pathlib import Path

import pytest
import yaml

from provisioner.catalog import catalog
from provisioner.errors import ExitCode, Problem, Severity
from provisioner.project import open_project
from provisioner.rules import check
from tests.conftest import invoke
from tests.pure.rule_projects import found_in, project_of

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "rules").glob("*.yaml"))}


def render(problem: Problem) -> str:
    hint = f"\n  {problem.hint}" if problem.hint else ""
    return f"{problem.severity.value}[{problem.code}] {problem.where} {problem.summary}{hint}\n"


@pytest.mark.parametrize("code", CASES)
def test_case(tmp_path: Path, code: str) -> None:
    case = yaml.safe_load(CASES[code].read_text("utf-8"))
    found = found_in(project_of(tmp_path, case["triggers"]))
    text = "".join(render(problem) for problem in found)
    if os.environ.get("PROVISIONER_UPDATE_CASES") == "1":
        before = CASES[code].read_text("utf-8").partition("expected:")[0]
        lines = "".join(f"  {line}\n" for line in text.splitlines())
        CASES[code].write_text(f"{before}expected: |\n{lines}", "utf-8")
        case["expected"] = text
    assert code in {problem.code for problem in found}
    assert text == case["expected"]


@pytest.mark.parametrize("code", CASES)
def test_near_miss(tmp_path: Path, code: str) -> None:
    case = yaml.safe_load(CASES[code].read_text("utf-8"))
    found = found_in(project_of(tmp_path, case["near_miss"]))
    assert [render(p) for p in found if p.code == code or p.is_error] == []


# ------------------------------------------------------------ dates


def test_a_retirement_is_known_on_its_day(tmp_path: Path) -> None:
    project_of(tmp_path, "governs: databricks-claude-sonnet-4\n")  # ends on 2026-10-09
    days = {
        date(2026, 7, 10): [],
        date(2026, 7, 11): ["retiring-model"],
        date(2026, 10, 8): ["retiring-model"],
        date(2026, 10, 9): ["retired-model"],
        date(2030, 1, 1): ["retired-model", "stale-facts"],
    }
    assert {day: [p.code for p in found_in(tmp_path, day)] for day in days} == days


def test_a_model_whose_replacement_answers_is_not_gone_yet(tmp_path: Path) -> None:
    project_of(tmp_path, "governs: databricks-gemini-3-pro\n")  # ended 2026-03-26, until 06-07
    [problem] = (p for p in found_in(tmp_path, date(2026, 6, 6)) if p.code.startswith("reti"))
    assert (problem.code, problem.severity) == ("retiring-model", Severity.WARNING)
    assert "until 2026-06-07 its replacement answers" in problem.summary
    assert problem.hint == "use databricks-gemini-3-1-pro"
    [problem] = (p for p in found_in(tmp_path, date(2026, 6, 7)) if p.code.startswith("reti"))
    assert (problem.code, problem.severity) == ("retired-model", Severity.ERROR)


def test_without_a_day_nothing_is_said_of_dates(tmp_path: Path) -> None:
    project_of(tmp_path, "governs: databricks-dbrx-instruct\n")
    assert open_project(tmp_path).load("dev", check).problems == ()


# ------------------------------------------------------------ levels

COLD = """\
# environments/prod.yaml
protected: true
rules:
  cold-start: LEVEL
# endpoints/churn.yaml
name: churn
config:
  served_entities:
    - {name: v1, entity_name: main.ml.churn, entity_version: 1, scale_to_zero_enabled: true}
"""


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("error", Severity.ERROR),
        ("warning", Severity.WARNING),
        ("{level: error, endpoints: [churn]}", Severity.ERROR),
        ("{level: error, endpoints: ['chat*', ch?rn]}", Severity.ERROR),
        ("{level: error, endpoints: ['chat*']}", Severity.NOTICE),
        ("{level: error, endpoints: []}", Severity.NOTICE),
        ("{level: 'off', reason: nobody waits}", None),
        ("{level: 'off', reason: nobody waits, endpoints: [chat]}", Severity.NOTICE),
    ],
)
def test_an_environment_weighs_findings(
    tmp_path: Path, level: str, severity: Severity | None
) -> None:
    found = found_in(project_of(tmp_path, COLD.replace("LEVEL", level)))
    assert [problem.severity for problem in found] == ([severity] if severity else [])


def test_levels_come_from_bases_and_can_be_taken_back(tmp_path: Path) -> None:
    project_of(tmp_path, COLD.replace("LEVEL", "{level: 'off', reason: nobody waits}"))
    text = (tmp_path / "environments/prod.yaml").read_text()
    (tmp_path / "environments/_base.yaml").write_text(text)
    (tmp_path / "environments/prod.yaml").write_text("extends: _base\n")
    assert found_in(tmp_path) == []
    (tmp_path / "environments/prod.yaml").write_text(
        "extends: _base\nrules: {cold-start: warning}\n"
    )
    assert [p.severity for p in found_in(tmp_path)] == [Severity.WARNING]


def test_an_error_can_be_let_pass_with_its_weight(tmp_path: Path) -> None:
    project_of(
        tmp_path,
        "# environments/dev.yaml\nrules: {reserved-name: warning}\n"
        "# endpoints/a.yaml\nname: databricks-mine\n",
    )
    (problem,) = open_project(tmp_path).load("dev", check).problems
    assert (problem.code, problem.severity) == ("reserved-name", Severity.WARNING)


# ------------------------------------------------------------ secrets


@pytest.mark.parametrize("key", ["openai_api_key", "openai_api_key_plaintext"])
@pytest.mark.parametrize("mask", ["****", "[REDACTED]", "changeme", "<redacted>"])
def test_masks_are_no_secrets_in_secret_fields(tmp_path: Path, key: str, mask: str) -> None:
    entity = (
        "- {name: a, external_model: {provider: openai, name: gpt-4o, task: llm/v1/chat,"
        f' openai_config: {{{key}: "{mask}"}}}}}}\n'
    )
    assert any(problem.is_error for problem in found_in(project_of(tmp_path, entity)))


# ------------------------------------------------------------ many


def test_a_workspace_that_is_full(tmp_path: Path) -> None:
    room = int(catalog().limit("endpoints"))
    names = "".join(f"---\nname: e{i:04}\n" for i in range(room))
    project_of(tmp_path, "name: first\n")
    (tmp_path / "endpoints/many.yaml").write_text(names)
    assert [problem.code for problem in found_in(tmp_path)] == ["many-endpoints"]
    (tmp_path / "endpoints/example.yaml").unlink()
    assert found_in(tmp_path) == []


FINE = """\
name: NAME
config:
  served_entities:
    - name: v1
      entity_name: main.ml.churn
      entity_version: 1
      scale_to_zero_enabled: true
traffic: {v1: 100}
"""
MISTAKES = {
    "traffic-sum": ("v1: 100", "v1: 90"),
    "unknown-key": ("traffic:", "trafic:"),
    "wrong-type": ("enabled: true", 'enabled: "yes"'),
    "bad-entity-name": ("v1", "v.1"),
    "scale-to-zero-required": ("      scale_to_zero_enabled: true\n", ""),
}


def test_fifty_mistakes_in_five_hundred_endpoints_are_found_at_once(tmp_path: Path) -> None:
    for folder in ("endpoints", "environments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "environments/dev.yaml").write_text("project: shop\n")
    kinds = list(MISTAKES)
    wanted = {}
    for number in range(500):
        text = FINE.replace("NAME", f"e{number:03}")
        if number % 10 == 0:
            kind = kinds[number // 10 % len(kinds)]
            text = text.replace(*MISTAKES[kind])
            wanted[f"endpoints/e{number:03}.yaml"] = kind
        (tmp_path / f"endpoints/e{number:03}.yaml").write_text(text)
    before = time.process_time()
    run = invoke(["--project", str(tmp_path), "validate", "-e", "dev", "-o", "json"])
    print(f"500 endpoints: {time.process_time() - before:.2f} s of CPU")
    assert run.code == ExitCode.INVALID
    (environment,) = json.loads(run.out)["environments"]
    assert {p["where"]["file"]: p["code"] for p in environment["problems"]} == wanted
    assert len(environment["problems"]) == 50
