"""Whether a plan that was read from a file is one that this tool can have written.

Whoever can replace the file can also make its fingerprint fit. So what a plan may do to an
endpoint is judged by itself: its calls are about that endpoint and of the kinds that its action
makes, nothing is deleted but under the permit that the plan shows, and secrets go only where the
body shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.diff import leaves
from provisioner.plan.fills import agrees
from provisioner.plan.meaning import fingerprint
from provisioner.plan.model import Action, EndpointPlan, Plan, Step, summarise
from provisioner.wire.requests import ENDPOINTS, PERMISSIONS, variables_sent
from provisioner.wire.sent import brought

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_PERMITS = {
    Action.RETIRE: {"--allow-retire"},
    Action.REPLACE: {"--allow-replace"},
    Action.ADOPT: {"--adopt", ""},
}
_CHANGING = {Action.UPDATE, Action.ADOPT}
_MAKING = {Action.CREATE, Action.REPLACE}
_POSTS = {f"POST {ENDPOINTS}", f"POST {ENDPOINTS}/pt"}


def flaws(plan: Plan) -> Iterator[str]:
    """What a plan holds that no plan of this tool holds; nothing = it may be shown and applied."""
    names = [entry.name for entry in plan.endpoints]
    if len(set(names)) < len(names):
        yield "it has an endpoint twice"
    if plan.summary != summarise(plan.endpoints):
        yield "its counts are not those of its endpoints"
    for entry in plan.endpoints:
        for flaw in _of_entry(entry):
            yield f"{entry.name}: {flaw}"
    if plan.fingerprint != fingerprint(plan.owner, plan.workspace.host, plan.endpoints):
        yield "its fingerprint is not that of its calls"


def _of_entry(entry: EndpointPlan) -> Iterator[str]:
    action = entry.action.value
    if not _SEGMENT.fullmatch(entry.name) or not _SEGMENT.fullmatch(entry.id or "-"):
        yield "neither a name nor an id looks like that"
        return
    if entry.permit not in _PERMITS.get(entry.action, {""}):
        yield f"{action} does not go with {entry.permit or 'no permit'}"
    back = entry.rollout.restore if entry.rollout else None
    for step in entry.steps:
        if step.call not in _calls(entry):
            yield f"{action} does not make the call {step.call}"
    if back and back.call not in _configuring(entry.name):
        yield f"no rollout is taken back by {back.call}"
    if not back and any(step.gate for step in entry.steps):
        yield "it has a step of a rollout without a rollout"
    for step in (*entry.steps, back) if back else entry.steps:
        yield from _of_body(step)
    if not _in_order(entry):
        yield f"{action} makes other calls, or in another order"


def _of_body(step: Step) -> Iterator[str]:
    if not _is_legible(step):
        yield f"the body of {step.call} is none"
    elif not agrees(step):
        yield f"{step.call} does not say which secrets go into it"


def _calls(entry: EndpointPlan) -> set[str]:
    """The calls that the action of an endpoint may make."""
    own = f"{ENDPOINTS}/{entry.name}"
    making, changing = entry.action in _MAKING, entry.action in _CHANGING
    found = {f"DELETE {own}"} if entry.action in {Action.RETIRE, Action.REPLACE} else set()
    if making:
        found |= _POSTS
    if making or changing:
        rights = f"{PERMISSIONS}/{'{id}' if making or not entry.id else entry.id}"
        found |= {f"PUT {own}/ai-gateway", f"PUT {rights}", f"PATCH {rights}"}
    if changing:
        found |= _configuring(entry.name) | {f"PATCH {own}/tags", f"PATCH {own}/notifications"}
        found |= {f"PATCH {own}/telemetry-config"}
    return found


def _configuring(name: str) -> set[str]:
    return {f"PUT {ENDPOINTS}/{name}/config", f"PUT {ENDPOINTS}/pt/{name}/config"}


def _in_order(entry: EndpointPlan) -> bool:
    """Whether deleting and making come first, once each, and make what the plan says."""
    kinds = [step.call.partition(" ")[0] for step in entry.steps]
    first = {
        Action.CREATE: ["POST"],
        Action.REPLACE: ["DELETE", "POST"],
        Action.RETIRE: ["DELETE"],
    }.get(entry.action, [])
    made = (step for step in entry.steps if step.call in _POSTS)
    return (
        kinds[: len(first)] == first
        and not {"DELETE", "POST"} & set(kinds[len(first) :])
        and all(_names(step) == entry.name for step in made)
    )


def _names(step: Step) -> str:
    return str((step.body or {}).get("name"))


def _is_legible(step: Step) -> bool:
    """Whether a body is one of the call's form, and says nothing twice."""
    try:
        leaves(brought(step.call, step.body or {}))
        list(variables_sent(step.body))
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True
