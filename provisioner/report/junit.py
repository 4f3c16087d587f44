"""Problems as JUnit XML: a suite for each environment, a case for each file with problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from provisioner.errors import Problem, Severity
from provisioner.report.checked import Checked, verdict
from provisioner.report.problems import named

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def suites(found: Sequence[Checked]) -> str:
    """The whole document. An environment without errors has one case that passes."""
    cases = [_cases(checked) for checked in found]
    tests = sum(len(group) for group in cases)
    failures = sum(_fails(problems) for group in cases for _, problems in group)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="provisioner validate" tests="{tests}" failures="{failures}">',
    ]
    for checked, group in zip(found, cases, strict=True):
        failed = sum(_fails(problems) for _, problems in group)
        name = _attribute(checked.environment)
        lines.append(
            f'  <testsuite name={name} tests="{len(group)}" failures="{failed}"'
            ' errors="0" skipped="0">'
        )
        for case, problems in group:
            lines += _case(checked.environment, case, problems)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _cases(checked: Checked) -> list[tuple[str, list[Problem]]]:
    by_file: dict[str, list[Problem]] = {}
    for problem in named(checked.problems):
        by_file.setdefault(problem.where.file if problem.where else "project", []).append(problem)
    return list(by_file.items()) or [(verdict(checked), [])]


def _case(environment: str, name: str, problems: list[Problem]) -> Iterable[str]:
    head = f"    <testcase classname={_attribute(environment)} name={_attribute(name)}"
    if not problems:
        yield f"{head}/>"
        return
    yield f"{head}>"
    errors = [problem for problem in problems if problem.is_error]
    others = [problem for problem in problems if not problem.is_error]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        message = _attribute(errors[0].summary + more)
        yield f"      <failure message={message} type={_attribute(errors[0].code)}>"
        yield from (_text(_line(problem)) for problem in errors)
        yield "      </failure>"
    if others:
        yield "      <system-out>"
        yield from (_text(_line(problem)) for problem in others)
        yield "      </system-out>"
    yield "    </testcase>"


def _fails(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _line(problem: Problem) -> str:
    place = f"{problem.where}: " if problem.where else ""
    hint = f"\n    {problem.hint}" if problem.hint else ""
    return f"{place}{problem.severity.value}[{problem.code}]: {problem.summary}{hint}"


def printable_xml(text: str) -> str:
    """``text`` without the characters that no XML document may have."""
    return _NOT_XML.sub("?", text)


def _text(text: str) -> str:
    return escape(printable_xml(text))


def _attribute(text: str) -> str:
    return quoteattr(printable_xml(text))
