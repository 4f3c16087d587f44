"""Every code that can be printed is explained, and the explanations are true."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from provisioner.errors import ExitCode
from provisioner.rules.explained import RuleInfo, explanations
from tests.conftest import invoke
from tests.pure.rule_projects import found_in, project_of

PACKAGE = Path(__file__).parents[2] / "provisioner"
KNOWN = explanations()
MAKERS = {
    *("error", "warning", "notice", "make", "Problem"),
    *("PydanticCustomError", "_fail", "_remark", "_problem", "tell"),
}
"""What problems are made with; the code is a literal among the first two arguments."""
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
ONE_WORD = {"bug", "blocked", "refused", "failed", "licence"}


def used_codes() -> dict[str, set[str]]:
    """Codes in the source, with the places that can print them."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        if "emulator" in path.relative_to(PACKAGE).parts[:-1]:
            continue  # a world apart: its codes are those of the API
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for value in literals(node):
                if CODE.fullmatch(value) or value in ONE_WORD:
                    found[value].add(f"{path.name}:{node.lineno}")  # type: ignore[attr-defined]
    return found


def literals(node: ast.AST) -> Iterator[str]:
    constants: list[ast.expr | None] = []
    if isinstance(node, ast.Call):
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        direct = isinstance(function, ast.Name | ast.Attribute) and name in MAKERS
        chosen = isinstance(function, ast.IfExp)  # (error if ... else warning)(code, ...)
        constants = list(node.args[:2]) if direct or chosen else []
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        constants = [node.value] if getattr(target, "id", "") == "code" else []
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        constants = list(node.value.elts[:1])
    for constant in constants:
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            yield constant.value


def test_every_code_is_explained() -> None:
    missing = {code: sorted(places) for code, places in used_codes().items() if code not in KNOWN}
    assert not missing


def test_nothing_is_explained_that_is_never_printed() -> None:
    assert KNOWN.keys() <= used_codes().keys()


@pytest.mark.parametrize("info", KNOWN.values(), ids=KNOWN)
def test_explanations_are_whole_and_short(info: RuleInfo) -> None:
    assert all((info.title, info.why, info.fix, info.bad, info.good))
    assert info.severity in {"error", "warning", "notice"}
    assert info.title.endswith(".")
    assert info.fix.endswith((".", "!", "?"))
    assert len(info.title) <= 90


ABBREVIATED = {
    *("too-deep", "too-large", "many-entities", "too-many-entities", "many-endpoints"),
    *("many-tags", "long-tag", "many-environment-vars", "many-rate-limits"),
}
"""Their examples would be long; tests/pure/rules has them in full."""
COMMANDS = {"project-not-found", "project-invalid", "unreadable-file", "not-utf8"} | {
    "duplicate-environment"
}
SHOWN = [
    info
    for info in KNOWN.values()
    if info.stage in {"read", "rule"} and info.code not in ABBREVIATED | COMMANDS
]


@pytest.mark.parametrize("info", SHOWN, ids=lambda info: info.code)
def test_the_bad_example_has_the_problem(tmp_path: Path, info: RuleInfo) -> None:
    problems = [p for p in found_in(project_of(tmp_path, info.bad)) if p.code == info.code]
    assert problems
    assert {p.severity.value for p in problems} == {info.severity}
    assert all(p.where for p in problems)


@pytest.mark.parametrize("info", SHOWN, ids=lambda info: info.code)
def test_the_good_example_has_no_error_and_not_this_problem(tmp_path: Path, info: RuleInfo) -> None:
    problems = found_in(project_of(tmp_path, info.good))
    assert not [p for p in problems if p.is_error or p.code == info.code]


@pytest.mark.parametrize("info", [i for i in SHOWN if i.edits], ids=lambda info: info.code)
def test_what_is_said_to_be_editable_is(tmp_path: Path, info: RuleInfo) -> None:
    if info.code in {"secret-literal", "retired-model", "retiring-model"}:
        pytest.skip("only some of its problems are; tests/cli/test_fix.py has them")
    project_of(tmp_path, info.bad)
    fixed = invoke(["--project", str(tmp_path), "validate", "--fix", "--yes"])
    assert "wrote 1 file" in fixed.err
    assert not [p for p in found_in(tmp_path) if p.code == info.code]


# ------------------------------------------------------------ the command


@pytest.mark.parametrize("code", KNOWN)
def test_explain_fits_a_terminal(code: str) -> None:
    shown = invoke(["explain", code])
    assert shown.code == ExitCode.OK
    assert shown.out.startswith(f"{code}  (")
    examples = KNOWN[code].bad + KNOWN[code].good
    prose = [line for line in shown.out.splitlines() if line.strip() not in examples]
    assert max(map(len, prose)) <= 80


def test_explain_lists_all() -> None:
    listed = invoke(["explain"]).out
    assert [line.split()[0] for line in listed.splitlines() if line[0] != " "] == list(KNOWN)
    assert max(map(len, listed.splitlines())) <= 80
    assert len(json.loads(invoke(["explain", "-o", "json"]).out)["codes"]) == len(KNOWN)
    assert "| `blocked` | error |" in invoke(["explain", "-o", "markdown"]).out


def test_explain_one_in_other_forms() -> None:
    document = json.loads(invoke(["explain", "traffic-sum", "-o", "json"]).out)
    assert document["codes"]["traffic-sum"]["severity"] == "error"
    text = invoke(["explain", "traffic-sum", "-o", "markdown"]).out
    (bad, good) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert yaml.safe_load(bad)["traffic"] != yaml.safe_load(good)["traffic"]


def test_an_unknown_code_gets_the_nearest() -> None:
    shown = invoke(["explain", "trafic-sum"])
    assert shown.code == ExitCode.USAGE
    assert "traffic-sum" in shown.err
    assert "lists all" in invoke(["explain", "qqq"]).err
