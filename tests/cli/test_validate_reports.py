"""``validate -o``: what services for reports read, held against the shape that they expect."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provisioner.errors import ExitCode, Problem, Severity, Where
from provisioner.report import github, junit, sarif
from provisioner.report.checked import Checked, told
from provisioner.rules.explained import explanations
from tests.conftest import Run, invoke

SARIF: dict[str, Any] = json.loads((Path(__file__).parent / "sarif-subset.schema.json").read_text())
NASTY = Problem(
    Severity.ERROR,
    "bad-value",
    "a, b: 100 % <&\"'> \x1b[31m ]]>\r\nsecond ä",
    "50 % :: hint",
    Where("endpoints/a b,c:ä%.yaml", 3, 7),
)
ALL = [
    NASTY,
    Problem(Severity.WARNING, "long-name", "long"),
    Problem(Severity.NOTICE, "licence", "mind it", "", Where("endpoints/a.yaml", 1, 1)),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "endpoints/chat.yaml": "name: chat\ntags: {provisioner: me}\ndescription: changeme\n",
        "endpoints/zero.yaml": (
            "name: zero\nai_gateway:\n"
            "  rate_limits: [{renewal_period: minute, key: user, calls: 0}]\n"
        ),
        "environments/dev.yaml": "project: shop\n",
        "environments/test.yaml": "project: shop\nexclude: [chat]\n",
    }.items():
        path = tmp_path / "deploy" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return tmp_path / "deploy"


def validate(root: Path, form: str, *more: str) -> Run:
    run = invoke(["--project", str(root), "validate", "-o", form, *more])
    assert run.code == (ExitCode.OK if "test" in more else ExitCode.INVALID)
    assert run.err == ""
    return run


def test_json(root: Path) -> None:
    document = validate(root, "json").json
    assert document["summary"] == {"errors": 2, "warnings": 0, "notices": 2}
    dev, test = document["environments"]
    assert (dev["name"], test["name"], test["endpoints"]) == ("dev", "test", 1)
    assert dev["problems"][0] == {
        "severity": "error",
        "code": "reserved-tag",
        "summary": "the tag `provisioner` marks who manages the endpoint",
        "hint": "remove it: every apply sets it",
        "where": {"file": "endpoints/chat.yaml", "line": 2, "column": 21},
        "endpoint": "chat",
    }


def test_text_counts_notices(root: Path) -> None:
    run = invoke(["--project", str(root), "validate", "-e", "test"])
    assert (run.code, run.out) == (ExitCode.OK, "test: 1 endpoint valid, 1 notice\n")
    assert run.err.startswith("endpoints/zero.yaml:3:60: notice[rate-limit-zero]: ")


# ------------------------------------------------------------ SARIF


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SARIF)


def test_sarif(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    document = validate(root, "sarif").json
    Draft202012Validator(SARIF).validate(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [run["results"][i]["ruleId"] for i in range(3)] == [
        "reserved-tag",
        "masked-secret",
        "rate-limit-zero",
    ]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"].startswith("Fix: ")
        (place,) = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert (root.parent / uri).is_file()


def test_sarif_of_nasty_texts_and_of_nothing() -> None:
    for found in (ALL, []):
        log = sarif.log(told([Checked("dev", 0, tuple(found))]), explanations())
        Draft202012Validator(SARIF).validate(json.loads(log))
    result = json.loads(sarif.log(told([Checked("dev", 0, (NASTY,))]), {}))["runs"][0]["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "endpoints/a%20b%2Cc%3A%C3%A4%25.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 7}


def test_sarif_knows_a_problem_again_on_another_line() -> None:
    prints = [
        json.loads(
            sarif.log(told([Checked("dev", 0, (Problem(*common, Where("a.yaml", line, 1)),))]), {})
        )["runs"][0]["results"][0]["partialFingerprints"]
        for common in [(Severity.ERROR, "bad-value", "summary", "")]
        for line in (1, 2)
    ]
    assert prints[0] == prints[1]


# ------------------------------------------------------------ JUnit


def test_junit(root: Path) -> None:
    suites = ET.fromstring(validate(root, "junit").out)  # noqa: S314 - our own
    assert (suites.tag, suites.get("tests"), suites.get("failures")) == ("testsuites", "3", "1")
    dev, test = suites
    assert (dev.get("name"), dev.get("tests"), dev.get("failures")) == ("dev", "2", "1")
    assert (test.get("tests"), test.get("failures")) == ("1", "0")
    failure = dev.find("./testcase[@name='endpoints/chat.yaml']/failure")
    assert failure is not None
    assert failure.get("type") == "reserved-tag"
    assert "endpoints/chat.yaml:3:14: error[masked-secret]" in (failure.text or "")


def test_junit_has_a_case_that_passes_where_nothing_is_wrong() -> None:
    suites = ET.fromstring(junit.suites([Checked("dev", 3, ())]))  # noqa: S314
    (case,) = suites.iter("testcase")
    assert case.get("name") == "dev: 3 endpoints valid"
    assert not list(case)


def test_junit_survives_nasty_texts() -> None:
    suites = ET.fromstring(junit.suites([Checked("dev", 0, tuple(ALL))]))  # noqa: S314
    cases = list(suites.iter("testcase"))
    assert len(cases) == 3
    assert int(suites.get("tests", "")) == 3
    failure = cases[0].find("failure")
    assert failure is not None
    assert "<&\"'> ?[31m ]]>" in (failure.text or "")
    allowed = {"failure", "system-out"}
    assert {part.tag for case in cases for part in case} <= allowed


# ------------------------------------------------------------ GitHub

COMMAND = re.compile(
    r"::(error|warning|notice) ((?:file=[^,:\r\n]+,line=\d+,col=\d+,)?title=[^,:\r\n]+)::[^\r\n]+"
)


def test_github(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    lines = validate(root, "github").out.splitlines()
    assert all(COMMAND.fullmatch(line) for line in lines)
    assert lines[0] == (
        "::error file=deploy/endpoints/chat.yaml,line=2,col=21,title=reserved-tag::"
        "the tag `provisioner` marks who manages the endpoint (in dev)"
        "%0Aremove it: every apply sets it"
    )


def test_github_escapes() -> None:
    first, second, third = github.commands(ALL).split("\n")
    assert COMMAND.fullmatch(first)
    assert "file=endpoints/a b%2Cc%3Aä%25.yaml,line=3,col=7," in first
    assert "100 %25 " in first
    assert "%0D%0Asecond ä%0A50 %25 :: hint" in first
    assert second == "::warning title=long-name::long"
    assert third == "::notice file=endpoints/a.yaml,line=1,col=1,title=licence::mind it"


def test_github_shows_the_worst_ten_of_a_kind_and_logs_the_rest() -> None:
    nasty = Problem(Severity.ERROR, "bad", "##[add-mask]x\n::set-output name=a::b")
    errors = [Problem(Severity.ERROR, "bad", f"number {i}") for i in range(12)]
    warnings = [Problem(Severity.WARNING, "odd", f"number {i}") for i in range(10)]
    lines = github.commands([*warnings, *errors, nasty]).split("\n")
    counts = {
        kind: sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "warning")
    }
    assert counts == {"error": 10, "warning": 10}
    assert lines[9] == "::error title=4 more errors::GitHub shows 10; the log has all of them"
    assert lines[10:13] == [f"error[bad]: number {i}" for i in (9, 10, 11)]
    assert lines[13] == r"error[bad]: ## [add-mask]x\n::set-output name=a::b"
    assert len(lines) == 24


def test_github_says_nothing_about_nothing(tmp_path: Path) -> None:
    for name, text in {
        "endpoints/a.yaml": "name: a\n",
        "environments/test.yaml": "project: a\n",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    assert validate(tmp_path, "github", "-e", "test").out == ""


def test_as_of(tmp_path: Path) -> None:
    for name, text in {
        "endpoints/a.yaml": "governs: databricks-claude-sonnet-4\n",
        "environments/test.yaml": "project: a\n",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    codes = []
    for day in ("2026-01-01", "2026-10-01", "2026-10-09"):
        run = invoke(["--project", str(tmp_path), "validate", "-o", "json", "--as-of", day])
        codes.append([p["code"] for p in run.json["environments"][0]["problems"]])
    assert codes == [[], ["retiring-model"], ["retired-model"]]
    wrong = invoke(["--project", str(tmp_path), "validate", "--as-of", "soon"])
    assert wrong.code == ExitCode.USAGE


# ------------------------------------------------------------ whom it is about


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Two endpoints with a mistake that one line makes in both, and a notice in one environment."""
    served = (
        "config: {served_entities: [{name: v1, entity_name: main.ml.churn, entity_version: 1,"
        " workload_size: Small, scale_to_zero_enabled: true}]}\n"
    )
    for name, text in {
        "endpoints/chat.yaml": f"name: chat\n{served}",
        "endpoints/search.yaml": f"name: search\n{served}",
        "environments/dev.yaml": (
            "project: shop\ndefaults:\n  ai_gateway: {fallback_config: {enabled: true}}\n"
        ),
        "environments/prod.yaml": "extends: dev\nprotected: true\nexclude: [search]\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_text_names_endpoints_and_environments_where_the_place_does_not(shared: Path) -> None:
    run = invoke(["--project", str(shared), "validate"])
    place = "environments/dev.yaml:3:33: error[fallback-target]: "
    summary = "a fallback needs two external models, there are 0"
    assert f"{place}{summary} (for chat, search)\n" in run.err
    cold = next(line for line in run.err.splitlines() if "cold-start" in line)
    assert cold.startswith("endpoints/chat.yaml:2:")
    assert cold.endswith(" (in prod)")
    one = invoke(["--project", str(shared), "validate", "-e", "prod"])
    assert f"{place}{summary} (for chat)\n" in one.err
    assert "(in prod)" not in one.err


def test_reports_tell_endpoints_and_environments(shared: Path) -> None:
    document = validate(shared, "json").json
    found = {
        environment["name"]: [
            problem["endpoint"]
            for problem in environment["problems"]
            if problem["code"] == "fallback-target"
        ]
        for environment in document["environments"]
    }
    assert found == {"dev": ["chat", "search"], "prod": ["chat"]}
    results = validate(shared, "sarif").json["runs"][0]["results"]
    about = {result["ruleId"]: result["properties"] for result in results}
    assert about["fallback-target"] == {
        "endpoints": ["chat", "search"],
        "environments": ["dev", "prod"],
    }
    assert about["cold-start"] == {"endpoints": ["chat"], "environments": ["prod"]}
    assert "there are 0 (for chat, search)" in validate(shared, "junit").out
    assert "there are 0 (for chat, search)" in validate(shared, "github").out


def test_a_mistake_in_many_endpoints_is_one_line(shared: Path) -> None:
    for number in range(20):
        text = (shared / "endpoints/chat.yaml").read_text().replace("chat", f"e{number:02}")
        (shared / f"endpoints/e{number:02}.yaml").write_text(text)
    err = invoke(["--project", str(shared), "validate", "-e", "dev"]).err
    assert err.count("fallback-target") == 1
    assert "(for chat, e00, e01 and 19 more)" in err
