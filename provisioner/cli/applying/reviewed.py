"""A saved plan: read, held against the workspace, and against what the files declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from provisioner import policy
from provisioner.cli import output
from provisioner.cli.applying.staleness import remaining
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Selection
from provisioner.errors import Refused, StalePlan
from provisioner.plan import Action, EndpointPlan, Plan, Step, summarise
from provisioner.plan.fills import placed
from provisioner.plan.model import Skipped
from provisioner.report import machine, terminal

_NOTHING_TO_DO = {Action.NONE, Action.BLOCKED}


def read(planfile: Path, session: Session) -> Plan:
    """The plan in a file.

    Raises:
        Refused: it is for another project, environment or workspace.
    """
    plan = machine.load_plan(planfile.read_bytes(), str(planfile))
    here = session.target
    if (plan.owner, plan.workspace) != (here.owner, here.workspace):
        raise Refused(
            f"{planfile} is a plan for {plan.owner} on {plan.workspace.host}, "
            f"not for {here.owner} on {here.workspace.host}"
        )
    return plan


def left_to_do(plan: Plan, session: Session) -> Plan:
    """The plan without what a run that was cut short did already.

    Raises:
        StalePlan: the workspace moved.
    """
    stale, left = remaining(plan, session.workspace)
    through = _with_rollouts(plan) - _with_rollouts(left)
    if names := (*stale, *sorted(through)):
        fresh, _ = session.compare(Selection(only=names), at_once=_at_once(plan))
        rest = _rest_of_rollouts(plan, fresh)
        stale = [name for name in stale if name not in rest]
        endpoints = tuple(rest.get(entry.name, entry) for entry in left.endpoints)
        left = replace(left, endpoints=endpoints, summary=summarise(endpoints))
    if stale:
        output.note(terminal.moved(plan, fresh, stale))
        raise StalePlan(
            f"cannot apply the saved plan: changed after it was made: {', '.join(stale)}",
            "make a new plan and have it reviewed",
        )
    return left


def _with_rollouts(plan: Plan) -> set[str]:
    """Endpoints whose traffic the plan moves."""
    return {entry.name for entry in plan.endpoints if entry.rollout and entry.rollout.restore}


def _rest_of_rollouts(saved: Plan, fresh: Plan) -> dict[str, EndpointPlan]:
    """Endpoints in the middle of their rollout, with exactly the steps that were reviewed."""
    reviewed = {entry.name: entry for entry in saved.endpoints}
    return {
        entry.name: entry
        for entry in fresh.endpoints
        if entry.rollout and entry.rollout.restore and _is_rest(entry, reviewed[entry.name])
    }


def _is_rest(entry: EndpointPlan, whole: EndpointPlan) -> bool:
    done = whole.steps[: len(whole.steps) - len(entry.steps)]
    action = whole.action if entry.steps else Action.WAIT
    if (entry.id, entry.action, entry.permit) != (whole.id, action, whole.permit):
        return False
    if _steps(entry.steps) != _steps(whole.steps[len(done) :]):
        return False
    opening = entry.rollout.opening if entry.rollout else None
    if opening is None or not opening.hold_seconds:
        return True
    # What the cut-off step has left to show is what it was reviewed with.
    cut_off = done[-1].gate if done else None
    return cut_off is not None and opening.meaning() == cut_off.meaning()


def check_declared(plan: Plan, session: Session, selection: Selection) -> None:
    """Refuse a plan that does what the files here do not ask for.

    Who can have a plan of their making stored where a pipeline looks for the reviewed
    one could otherwise have anything applied.

    Raises:
        Refused: with the endpoints.
    """
    outside = [entry.name for entry in _acting(plan.endpoints) if entry.name not in selection]
    if outside:
        raise Refused(
            f"cannot apply the saved plan: not of this shard: {', '.join(outside)}",
            "apply it with the --shard that it was made with",
        )
    fresh, _ = session.compare(selection, at_once=_at_once(plan))
    wanted = {entry.name: _meaning(entry) for entry in _acting(fresh.endpoints)}
    foreign = [
        entry.name
        for entry in _acting(plan.endpoints)
        if wanted.pop(entry.name, None) != _meaning(entry)
    ]
    if foreign:
        raise Refused(
            "cannot apply the saved plan: the files here ask for something else for "
            + ", ".join(foreign),
            "make a new plan of this commit and have it reviewed",
        )
    judged = policy.judge(plan, session.loaded.spec.policy, session.rest(selection))
    if judged:
        output.show_problems(judged)
        raise Refused("cannot apply the saved plan: the policy here forbids it")
    if wanted:
        output.note(f"declared and not in the plan, so left as it is: {', '.join(wanted)}")


def _at_once(plan: Plan) -> set[str]:
    """Endpoints whose rollout the plan leaves out."""
    return {
        entry.name
        for entry in plan.endpoints
        if entry.rollout and entry.rollout.skipped is Skipped.ON_REQUEST
    }


def _acting(entries: Iterable[EndpointPlan]) -> list[EndpointPlan]:
    return [entry for entry in entries if entry.action not in _NOTHING_TO_DO]


def _meaning(entry: EndpointPlan) -> str:
    """What would be called; digests of secrets differ where their values are not known."""
    return json.dumps([entry.action.value, entry.id, _steps(entry.steps)], sort_keys=True)


def _explicit(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body without the routes that follow from it: a single served entity gets all.

    They are only sent where another one had traffic, which in a rollout comes and goes.
    """
    config = body.get("config", body)
    shares = [
        route.get("traffic_percentage")
        for route in (config.get("traffic_config") or {}).get("routes") or ()
    ]
    if len(config.get("served_entities") or ()) != 1 or shares != [100]:
        return body
    rest = {key: value for key, value in config.items() if key != "traffic_config"}
    return {**body, "config": rest} if "config" in body else rest


def _steps(steps: Iterable[Step]) -> str:
    calls = [
        [
            *(
                step.call,
                placed(
                    step.body and _explicit(step.body), {fill.at: fill.env for fill in step.fills}
                ),
            ),
            *([fill.at for fill in step.fills], step.gate and step.gate.meaning()),
        ]
        for step in steps
    ]
    return json.dumps(calls, sort_keys=True)
