"""Problems as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from provisioner import __version__
from provisioner.errors import Problem, Severity
from provisioner.report.checked import Told
from provisioner.report.explained import Explanation

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}


def log(
    found: Sequence[Told],
    known: Mapping[str, Explanation],
    placed: Callable[[Problem], Problem] = lambda problem: problem,
) -> str:
    """One run with all problems, and with the rules that they break.

    ``placed`` names the files as they are seen from the top of the repository.
    """
    codes = sorted({told.problem.code for told in found})
    driver = {
        "name": "provisioner",
        "semanticVersion": __version__,
        "version": __version__,
        "rules": [_rule(code, known.get(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "SRCROOT": {"description": {"text": "The folder that the command ran in."}}
        },
        "results": [_result(told, placed, codes.index(told.problem.code)) for told in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _rule(code: str, about: Explanation | None) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "name": code}
    if about:
        rule |= {
            "shortDescription": {"text": about.title},
            "fullDescription": {"text": about.why},
            "help": {"text": f"Fix: {about.fix}"},
            "defaultConfiguration": {"level": _LEVELS[Severity(about.severity)]},
        }
    return rule


def _result(told: Told, placed: Callable[[Problem], Problem], index: int) -> dict[str, Any]:
    problem = placed(told.problem)
    text = "\n".join(filter(None, (told.text.summary, problem.hint)))
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": _LEVELS[problem.severity],
        "message": {"text": text},
    }
    file = problem.where.file if problem.where else ""
    meaning = "\n".join((problem.code, file, problem.summary))
    digest = hashlib.sha256(meaning.encode()).hexdigest()
    result["partialFingerprints"] = {"codeFileAndSummary/v1": digest[:32]}
    result["properties"] = {
        "endpoints": list(told.endpoints),
        "environments": list(told.environments),
    }
    if problem.where:
        place = {
            "artifactLocation": {"uri": quote(problem.where.file), "uriBaseId": "SRCROOT"},
            "region": {"startLine": problem.where.line, "startColumn": problem.where.column},
        }
        result["locations"] = [{"physicalLocation": place}]
    return result
