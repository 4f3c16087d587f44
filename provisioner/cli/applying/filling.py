"""The values of environment variables that go into the calls of a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping

from provisioner.apply import environment_variables
from provisioner.cli.environment.secret_values import declared_names
from provisioner.cli.environment.session import Session
from provisioner.errors import Problem, ProjectInvalid, error
from provisioner.plan import Plan
from provisioner.record import digest


def secrets(plan: Plan, session: Session) -> Mapping[str, str]:
    """Values by name, all of which may be sent.

    The record and a saved plan may have been edited by others than the files. A variable that
    only they name is sent only if they know its digest: then it was sent to this endpoint before.

    Raises:
        ProjectInvalid: a variable is not set, or not one of those.
    """
    needed = environment_variables(plan)
    foreign = needed.keys() - declared_names(session.loaded)
    problems: list[Problem] = []
    for name, uses in needed.items():
        value = os.environ.get(name)
        endpoints = ", ".join(sorted({endpoint for endpoint, _ in uses}))
        if not value:
            problems.append(_unset(name, endpoints))
        elif name in foreign:
            sealed = f"${{env:{name}}}#{digest(session.record.salt, value)}"
            if any(text != sealed for _, text in uses):
                problems.append(_foreign(name, endpoints))
    if problems:
        raise ProjectInvalid(*problems)
    return {name: os.environ[name] for name in needed}


def _unset(name: str, endpoints: str) -> Problem:
    return error(
        "missing-environment-variable",
        f"the environment variable {name} is not set; {endpoints} needs it",
        "set it where apply runs; its value goes into the request and nowhere else",
    )


def _foreign(name: str, endpoints: str) -> Problem:
    return error(
        "undeclared-environment-variable",
        f"no file here names the environment variable {name}, which {endpoints} would get, "
        "and its value is not the one that was applied before",
        "name it in a field that ends in _plaintext, or give it the value that was applied",
    )
