"""What the findings of single rules weigh in one environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from provisioner.errors import Problem, Severity, about, did_you_mean, error
from provisioner.rules.judged import Environment
from provisioner.spec.environment import RuleLevel


def unusable_levels(environment: Environment) -> Iterator[Problem]:
    """Levels for what is no rule, or for what no environment may change."""
    written = environment.spec.rules
    if not written:
        return
    from provisioner.rules.explained import explanations  # only environments with levels pay

    known = explanations()
    for code, wanted in written.items():
        where = environment.where(f"rules.{code}")
        if wanted.level == "off" and not (wanted.reason or "").strip():
            summary = f"rules.{code}: switching a rule off needs a `reason`"
            yield error("reason-missing", summary, where=where)
        if code not in known:
            hint = did_you_mean(code, known, "`provisioner explain` lists them")
            yield error("unknown-rule", f"there is no rule `{code}`", hint, where)
        elif not known[code].adjustable:
            summary = f"`{code}` is not a rule that an environment can change"
            unread = "what cannot be read cannot be let pass"
            hint = "extend the `policy` instead" if known[code].fixed else unread
            yield error("fixed-rule", summary, hint, where)


def weighed(problem: Problem, endpoint: str, levels: Mapping[str, RuleLevel]) -> Problem | None:
    """A finding about an endpoint as the environment wants it; None when it does not want it."""
    problem = about(endpoint, problem)
    wanted = levels.get(problem.code)
    if wanted is None:
        return problem
    globs = wanted.endpoints
    if globs is not None and not any(fnmatchcase(endpoint, glob) for glob in globs):
        return problem
    if wanted.level == "off":
        return None
    return replace(problem, severity=Severity(wanted.level))
