"""Secret values on their way into a request body, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.plan import Plan, Step
from provisioner.plan.fills import Variable, placed
from provisioner.plan.model import Fill
from provisioner.wire.requests import variables_sent


def environment_variables(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    """Names of the environment variables that a plan needs.

    Each with its uses: the endpoint, and what stands in the body instead of the value.
    """
    needed: dict[str, list[tuple[str, str]]] = {}
    for entry in sorted(plan.endpoints, key=lambda entry: entry.name):
        back = entry.rollout.restore if entry.rollout else None
        for step in (*entry.steps, back) if back else entry.steps:
            for fill in step.fills:
                if fill.env:
                    needed.setdefault(fill.env, []).append((entry.name, str(_at(step, fill))))
    return needed


def filled(step: Step, secrets: Mapping[str, str], live: Mapping[Variable, str]) -> Any:
    """The body of a call as it is sent; only the request ever holds the result.

    ``live`` has the environment variables of models as they were just read.
    """
    sent = {place: variable for place, variable, _ in variables_sent(step.body)}
    values = {
        fill.at: secrets[fill.env] if fill.env else live[sent[fill.at]] for fill in step.fills
    }
    return placed(step.body, values)


def _at(step: Step, fill: Fill) -> Any:
    value: Any = step.body
    for key in fill.at:
        value = value[key]
    return value
