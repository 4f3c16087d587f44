"""Which places of a body get their values only in the request, known apart from the texts there.

Two kinds of values are in no plan: secrets that come from environment variables, and secrets that
somebody set in the open among the environment variables of a model, which is the one place where
the service shows them. A call that replaces the configuration has to send both again.

What a text looks like decides nothing. Anybody who may edit an endpoint can write `${env:TOKEN}`
into a tag; to look for that in bodies would send the token there. Filled are the fields that end
in `_plaintext`: files and record can only name environment variables in them, and answers of the
service lose theirs when they are read (`wire/answers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from provisioner.plan.model import EndpointPlan, Fill, Step
from provisioner.redaction import HIDDEN, without_secret
from provisioner.wire.answers import Live
from provisioner.wire.requests import Place, plaintexts, variables_sent

# The digest behind the name only serves comparisons.
_NAME = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}(?:#[0-9a-f]+)?")

Variable = tuple[str, str]
"""A served entity and the name of one of its environment variables."""


def variables(live: Live) -> dict[Variable, str]:
    """The environment variables of an endpoint's served entities, with their values."""
    entities = (live.document.get("config") or {}).get("served_entities") or {}
    return {
        (entity, name): value
        for entity, content in entities.items()
        for name, value in (content.get("environment_vars") or {}).items()
    }


def with_fills(entry: EndpointPlan, live: Live | None) -> EndpointPlan:
    """The same plan; its calls say what is filled in, and hold nothing that seems a secret."""
    hidden = {
        (entity, name): value
        for (entity, name), value in (variables(live) if live else {}).items()
        if without_secret(f".environment_vars[{name}]", value) == HIDDEN
    }
    rollout = entry.rollout
    if rollout and rollout.restore:
        rollout = replace(rollout, restore=_step(rollout.restore, hidden))
    steps = tuple(_step(step, hidden) for step in entry.steps)
    return replace(entry, steps=steps, rollout=rollout)


def placed(body: Any, values: Mapping[Place, Any]) -> Any:
    """A copy of a body with other values at some places."""
    if not values:
        return body
    below: dict[str | int, dict[Place, Any]] = {}
    for (first, *rest), value in values.items():
        below.setdefault(first, {})[tuple(rest)] = value
    copy: Any = dict(body) if isinstance(body, Mapping) else list(body)
    for key, inner in below.items():
        copy[key] = inner[()] if () in inner else placed(copy[key], inner)
    return copy


def _step(step: Step, hidden: Mapping[Variable, str]) -> Step:
    sent = {
        place: variable
        for place, variable, value in variables_sent(step.body)
        if hidden.get(variable) == value
    }
    fills = (*_from_environment(step.body), *(Fill(place) for place in sent))
    words = {place: _words(variable) for place, variable in sent.items()}
    return replace(step, body=placed(step.body, words), fills=fills)


def _from_environment(body: Any) -> Iterator[Fill]:
    for place, text in plaintexts(body):
        if found := _NAME.fullmatch(text):
            yield Fill(place, found[1])


def agrees(step: Step) -> bool:
    """Whether what is filled into a call is what its body shows, and all of it."""
    sent = {place: variable for place, variable, _ in variables_sent(step.body)}
    shown = {place: text for place, _, text in variables_sent(step.body)}
    carried = [fill.at for fill in step.fills if not fill.env]
    named = [fill for fill in step.fills if fill.env]
    return (
        named == list(_from_environment(step.body))
        and len(named) == len(list(plaintexts(step.body)))
        and all(at in sent and shown[at] == _words(sent[at]) for at in carried)
    )


def _words(variable: Variable) -> str:
    """What stands in a plan for the value of a model's variable."""
    return "${live:" + ".".join(variable) + "}"
