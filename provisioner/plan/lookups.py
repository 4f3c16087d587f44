"""What has to be asked of a workspace before a plan can be made, and what follows from the answers.

Aliases become version numbers, principals get the spelling that the service uses,
and tokens per second are held against the steps in which the service sells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from provisioner.catalog import catalog
from provisioner.errors import Problem, error, warning
from provisioner.plan.model import Desired
from provisioner.wire.answers import Live

Model = tuple[str, str]
"""A registered model, and one of its aliases or versions."""

_BOUNDS = ("min_provisioned_throughput", "max_provisioned_throughput")


@dataclass(frozen=True)
class Throughput:
    """How a model is sold by tokens per second."""

    optimizable: bool
    """Whether it is sold by tokens per second at all."""
    step: int


@dataclass(frozen=True)
class Facts:
    """Answers of the workspace; a question that could not be answered has no entry."""

    versions: Mapping[Model, str | None] = field(default_factory=dict)
    """Version behind an alias, or the version itself; ``None`` = there is none that is ready."""
    throughput: Mapping[Model, Throughput] = field(default_factory=dict)
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Principals that a written one may mean; none = unknown, several = ambiguous."""
    groups: tuple[str, ...] = ()
    """Names of all groups, read only to suggest one for a name that is unknown."""


def versions_to_find(desired: Iterable[Desired]) -> set[Model]:
    """Aliases, and versions of endpoints that are told what to do when one is missing."""
    return {
        (entity["entity_name"], entity["entity_version"])
        for want in desired
        for _, entity in _entities(want)
        if _is_alias(entity) or (want.if_missing != "fail" and entity.get("entity_version"))
    }


def with_versions(desired: Iterable[Desired], facts: Facts) -> tuple[list[Desired], list[Problem]]:
    """Put version numbers in the place of aliases; say which models are missing.

    An endpoint that may wait for its model is marked as pending.
    """
    result, problems = [], []
    for want in desired:
        missing = [
            (name, entity)
            for name, entity in _entities(want)
            if facts.versions.get(_model(entity), "unknown") is None
        ]
        for name, entity in missing:
            problems.append(_missing(want, name, entity))
        pending = "; ".join(_absence(entity) for _, entity in missing)
        result.append(replace(_pinned(want, facts), pending=pending))
    return result, problems


def _pinned(want: Desired, facts: Facts) -> Desired:
    pins = {
        name: (entity["entity_version"], version)
        for name, entity in _entities(want)
        if _is_alias(entity) and (version := facts.versions.get(_model(entity)))
    }
    if not pins:
        return want
    config = want.document["config"]
    entities = {
        name: {**entity, "entity_version": pins[name][1]} if name in pins else entity
        for name, entity in config["served_entities"].items()
    }
    notes = {
        f"config.served_entities[{name}].entity_version": alias for name, (alias, _) in pins.items()
    }
    document = {**want.document, "config": {**config, "served_entities": entities}}
    return replace(want, document=document, notes=notes)


def _missing(want: Desired, name: str, entity: Mapping[str, Any]) -> Problem:
    where = want.locate(f"config.served_entities[{name}].entity_version")
    summary = f"{want.name}: {_absence(entity)}"
    if want.if_missing == "fail":
        hint = "register it, or let the endpoint be left out for now: lifecycle.if_missing: skip"
        return error("model-missing", summary, hint, where)
    return warning("model-missing", summary, "the endpoint is pending until it is there", where)


def _absence(entity: Mapping[str, Any]) -> str:
    what = "alias" if _is_alias(entity) else "ready version"
    return f"model {entity['entity_name']} has no {what} {entity['entity_version']}"


def capacity_to_ask(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[Model]:
    """Models whose tokens per second are new or change."""
    return {
        _model(entity)
        for want in desired
        if not want.pending
        for name, entity in _entities(want)
        if any(entity.get(bound) is not None for bound in _BOUNDS)
        and _size(entity) != _size(_live_entity(live.get(want.name), name))
    }


def principals_to_find(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[str]:
    """Principals that get a right which they do not have yet."""
    return {
        who
        for want in desired
        if not want.pending
        for who in want.document.get("permissions") or ()
        if who not in _live_rows(live.get(want.name))
    }


def checked(desired: Iterable[Desired], facts: Facts) -> tuple[list[Desired], list[Problem]]:
    """Spell principals as the service does, and find what the answers rule out."""
    wanted = list(desired)
    problems = [problem for want in wanted for problem in _capacity(want, facts)]
    problems += [problem for want in wanted for problem in _principals(want, facts)]
    return [_respelled(want, facts) for want in wanted], problems


def _capacity(want: Desired, facts: Facts) -> Iterator[Problem]:
    for name, entity in _entities(want):
        sold = facts.throughput.get(_model(entity))
        if sold is None or want.pending:
            continue
        path = f"config.served_entities[{name}]"
        if not sold.optimizable:
            summary = f"{want.name}: {entity['entity_name']} is not sold by tokens per second"
            step = catalog().model_unit_step
            hint = f"use provisioned_model_units, multiples of {step}"
            yield error("capacity-unit", summary, hint, want.locate(path))
            continue
        for bound in _BOUNDS:
            value = entity.get(bound) or 0
            if rest := value % sold.step:
                yield error(
                    "capacity-step",
                    f"{want.name}: {bound} of {name} is {value}, the workspace sells "
                    f"{entity['entity_name']} in steps of {sold.step}",
                    f"the nearest are {value - rest} and {value - rest + sold.step}",
                    want.locate(f"{path}.{bound}"),
                )


def _principals(want: Desired, facts: Facts) -> Iterator[Problem]:
    for who in want.document.get("permissions") or ():
        found = facts.principals.get(who)
        if found is None or len(found) == 1:
            continue
        kind, _, name = who.partition(":")
        words = kind.replace("_", " ")
        where = want.locate(f"permissions[{who}]")
        if found:
            summary = f"{want.name}: {words} {name} is ambiguous: {', '.join(found)}"
            yield error("ambiguous-principal", summary, "write its application id", where)
        else:
            near = get_close_matches(name, facts.groups, n=1) if kind == "group" else []
            hint = f"did you mean {near[0]}?" if near else "check the spelling and the workspace"
            summary = f"{want.name}: there is no {words} {name}"
            yield error("unknown-principal", summary, hint, where)


def _respelled(want: Desired, facts: Facts) -> Desired:
    rows: Mapping[str, Any] = want.document.get("permissions") or {}
    spelled = {who: facts.principals.get(who, ()) for who in rows}
    if all(found in ((), (who,)) for who, found in spelled.items()):
        return want
    respelled = {
        spelled[who][0] if len(spelled[who]) == 1 else who: level for who, level in rows.items()
    }
    return replace(want, document={**want.document, "permissions": respelled})


def _entities(want: Desired) -> Sequence[tuple[str, Mapping[str, Any]]]:
    config = want.document.get("config") or {}
    return list((config.get("served_entities") or {}).items())


def _model(entity: Mapping[str, Any]) -> Model:
    return str(entity.get("entity_name")), str(entity.get("entity_version"))


def _is_alias(entity: Mapping[str, Any]) -> bool:
    return str(entity.get("entity_version", "")).startswith("@")


def _live_entity(live: Live | None, name: str) -> Mapping[str, Any]:
    config = (live.document.get("config") if live else None) or {}
    found: Mapping[str, Any] = (config.get("served_entities") or {}).get(name) or {}
    return found


def _live_rows(live: Live | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (live.document.get("permissions") if live else None) or {}
    return found


def _size(entity: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*_model(entity), *(entity.get(bound) or 0 for bound in _BOUNDS))
