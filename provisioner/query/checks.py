"""Checks: which questions are put to which served entities, and what is expected of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from provisioner.query.requests import Question, body_of, smallest
from provisioner.query.targets import Entity, Target
from provisioner.spec import CheckSpec, Expectation
from provisioner.wire.inference import Place

DERIVED = "answers"
"""Name of the check that is made up where none is declared."""
LATENCY = 30.0
"""Seconds for an answer, where a check does not say."""
COLD_START = 300.0
"""Seconds for an answer of compute that was scaled to zero, where a check does not say."""

NOTHING_MORE = Expectation.model_construct()
"""What is expected where a check does not say."""


@dataclass(frozen=True)
class Check:
    """One question to one served entity."""

    name: str
    entity: Entity
    place: Place
    """Where it is sent."""
    body: Mapping[str, Any]
    expect: Expectation = NOTHING_MORE
    rollback: bool = False
    """Whether its failure asks for the earlier configuration."""
    derived: bool = False
    """Made up, and not declared."""

    @property
    def latency(self) -> float:
        """Seconds for an answer of compute that is up."""
        return self.expect.latency or LATENCY

    @property
    def cold_start(self) -> float:
        """Seconds for an answer of compute that was scaled to zero."""
        return max(self.expect.cold_start or COLD_START, self.latency)

    @property
    def timeout(self) -> float:
        """Seconds after which an answer is of no use any more."""
        return self.cold_start if self.entity.scale_to_zero else self.latency


def checks_for(target: Target, declared: Sequence[CheckSpec] | None = None) -> tuple[Check, ...]:
    """All questions to an endpoint's served entities, by entity and then as declared.

    Without ``declared`` each entity gets one that is made up; an empty list asks nothing.
    """
    return tuple(check for entity in target.entities for check in _of(target, entity, declared))


def _of(target: Target, entity: Entity, declared: Sequence[CheckSpec] | None) -> Iterator[Check]:
    place = target.place(entity.name)
    if declared is None:
        yield Check(DERIVED, entity, place, smallest(entity), derived=True)
        return
    for spec in declared:
        if is_about(spec, entity.name):
            rollback = spec.on_failure == "rollback"
            yield Check(spec.name, entity, place, request_of(spec, entity), spec.expect, rollback)


def is_about(spec: CheckSpec, entity: str) -> bool:
    """Whether a served entity is among those that a check asks."""
    return spec.entities is None or any(fnmatchcase(entity, glob) for glob in spec.entities)


def question_of(spec: CheckSpec) -> Question | None:
    """What a declared check asks; None when it gives a whole body, or nothing."""
    if spec.input is not None:
        return Question(inputs=spec.input)
    if spec.prompt is not None:
        return Question(spec.prompt, spec.system, max_tokens=spec.max_tokens)
    return None


def request_of(spec: CheckSpec, entity: Entity) -> dict[str, Any]:
    """The body that a declared check sends to an entity."""
    if spec.request is not None:
        return dict(spec.request)
    if question := question_of(spec):
        return body_of(question, entity)
    body = smallest(entity)
    if spec.max_tokens is not None:
        body["max_tokens"] = spec.max_tokens
    if spec.system is not None and "messages" in body:
        body["messages"] = [{"role": "system", "content": spec.system}, *body["messages"]]
    return body
