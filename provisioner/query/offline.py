"""Declared checks, judged without a workspace: whom they ask, and what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Protocol

from provisioner.catalog import Catalog
from provisioner.errors import Problem, Where, error, warning
from provisioner.query.checks import is_about, question_of, request_of
from provisioner.query.request_rules import held_against
from provisioner.query.requests import unasked
from provisioner.query.targets import Target, target_of_spec
from provisioner.spec import CheckSpec, EndpointSpec


class Judged(Protocol):
    """One endpoint, with the places of what was written."""

    @property
    def spec(self) -> EndpointSpec:
        """What was declared."""
        ...

    def where(self, path: str) -> Where | None:
        """The place of a document path."""
        ...


def problems(endpoints: Sequence[Judged], facts: Catalog | None = None) -> Iterator[Problem]:
    """Everything that is wrong with the checks of endpoints, each thing once."""
    for endpoint in endpoints:
        if endpoint.spec.checks:
            target = target_of_spec(endpoint.spec, facts)
            yield from dict.fromkeys(_of(endpoint, target, facts))


def _of(endpoint: Judged, target: Target, facts: Catalog | None) -> Iterator[Problem]:
    names: set[str] = set()
    for number, spec in enumerate(endpoint.spec.checks or ()):
        path = f"checks[{spec.name}]"
        if spec.name in names:
            where = endpoint.where(f"checks[{number}].name")
            yield error("duplicate-check", f"{path}: another check has this name", where=where)
            continue
        names.add(spec.name)
        yield from _unknown_entities(endpoint, target, spec, path)
        for problem in _unlikely(target, spec):
            where = endpoint.where(f"{path}.expect")
            yield replace(problem, summary=f"{path}: {problem.summary}", where=where)
        for problem in _question(target, spec, facts):
            where = endpoint.where(f"{path}.{_written(spec)}")
            yield replace(problem, summary=f"{path}: {problem.summary}", where=where)


def _unknown_entities(
    endpoint: Judged, target: Target, spec: CheckSpec, path: str
) -> Iterator[Problem]:
    known = [entity.name for entity in target.entities]
    for glob in spec.entities or ():
        alone = spec.model_copy(update={"entities": (glob,)})
        if not any(is_about(alone, name) for name in known):
            close = get_close_matches(glob, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
            summary = f"{path}: no served entity is named `{glob}`"
            yield error("unknown-entity", summary, hint, endpoint.where(f"{path}.entities"))


def _question(target: Target, spec: CheckSpec, facts: Catalog | None) -> Iterator[Problem]:
    """What is wrong with the request, for each entity that would get it."""
    for entity in target.entities:
        if not is_about(spec, entity.name):
            continue
        question = question_of(spec)
        if question is not None and (missing := unasked(question, entity)):
            why, key = missing
            yield error("check-question", why, f"write `{key}`")
            continue
        yield from held_against(request_of(spec, entity), entity, facts)


def _unlikely(target: Target, spec: CheckSpec) -> Iterator[Problem]:
    """Expectations that the catalog says no answer will meet."""
    for entity in target.entities:
        if not is_about(spec, entity.name):
            continue
        wanted, known = spec.expect.dimension, entity.dimension
        if wanted and known and wanted != known:
            summary = f"embeddings of {entity.model} have {known} numbers, not {wanted}"
            yield warning("embedding-expected", summary, "leave `dimension` out, it is known")
        if spec.expect.norm is not None and entity.normalized is False:
            summary = f"embeddings of {entity.model} are not normalised"
            hint = "expect no `norm`; normalise them where they are used"
            yield warning("embedding-expected", summary, hint)


def _written(spec: CheckSpec) -> str:
    given = [key for key in ("request", "input", "prompt") if getattr(spec, key) is not None]
    return given[0] if given else "name"
