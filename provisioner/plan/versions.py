"""Versions of models: aliases become numbers, and what is not there to be served is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeAlias

from provisioner.errors import Problem, error, warning
from provisioner.plan.model import Desired
from provisioner.wire.answers import Live

Model: TypeAlias = tuple[str, str]
"""A registered model in lower case, and one of its aliases or versions; empty = none is written."""


class Lack(Enum):
    """What there is not."""

    MODEL = "model"
    VERSION = "version"
    """No such version or alias, of a model that there is or that hides."""
    PENDING = "pending"
    """The version is there and not registered yet."""
    FAILED = "failed"
    """The version is there and will never be ready."""
    WRITTEN = "written"
    """There is a model, and nothing says which of its versions is meant."""


@dataclass(frozen=True)
class Missing:
    """Why there is nothing to serve."""

    lack: Lack
    others: tuple[str, ...] = ()
    """What else there is: models of the same schema, or aliases of the model."""


@dataclass(frozen=True)
class Unclear:
    """The workspace did not tell."""

    cause: str = ""
    """What it said instead; empty = the caller may not look."""


Found: TypeAlias = "str | Missing | Unclear"
"""The number of a version that is ready, empty for what has no versions; or why there is none."""


def versions_to_find(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[Model]:
    """Aliases, and versions that are not served yet; also models whose version is not written."""
    return {
        model_of(entity)
        for want in desired
        for name, entity in entities_of(want)
        if "." in str(entity.get("entity_name"))
        and (_is_alias(entity) or model_of(entity) != model_of(live_entity(live, want, name)))
    }


def with_versions(
    desired: Iterable[Desired], versions: Mapping[Model, Found]
) -> tuple[list[Desired], list[Problem]]:
    """Put version numbers in the place of aliases; say what is missing.

    An endpoint that has nothing to serve is marked as pending.
    """
    result, problems = [], []
    for want in desired:
        absent = []
        for name, entity in entities_of(want):
            found = versions.get(model_of(entity), "")
            if not isinstance(found, str) and (why := _absence(entity, found)):
                problems.append(_problem(want, name, entity, found))
                absent.append(why)
        pending = "; ".join(dict.fromkeys(absent))
        result.append(replace(_pinned(want, versions), pending=pending))
    return result, problems


def unclear_versions(versions: Mapping[Model, Found]) -> Iterator[str]:
    """What stays open although a plan can be made, in words."""
    for (name, version), found in versions.items():
        if isinstance(found, Unclear) and not version.startswith("@"):
            what = f"the version {version} of {name} can be served"
            cause = f" ({found.cause})" if found.cause else ""
            yield f"whether {what if version else f'{name} needs a version'}{cause}"


def is_left_out(want: Desired) -> bool:
    """Whether an endpoint is not to be made for now, so that nothing else about it matters."""
    return bool(want.pending) and want.if_missing == "skip"


def entities_of(want: Desired) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """What an endpoint is to serve, by name."""
    config = want.document.get("config") or {}
    return list((config.get("served_entities") or {}).items())


def live_entity(live: Mapping[str, Live], want: Desired, name: str) -> Mapping[str, Any]:
    """What serves under a name now; empty = nothing does."""
    there = live.get(want.name)
    config = (there.document.get("config") if there else None) or {}
    found: Mapping[str, Any] = (config.get("served_entities") or {}).get(name) or {}
    return found


def model_of(entity: Mapping[str, Any]) -> Model:
    """The model and the version of a served entity."""
    # Unity Catalog knows a name in any case.
    return str(entity.get("entity_name")).lower(), str(entity.get("entity_version") or "")


def _is_alias(entity: Mapping[str, Any]) -> bool:
    return str(entity.get("entity_version", "")).startswith("@")


def _pinned(want: Desired, versions: Mapping[Model, Found]) -> Desired:
    pins = {
        name: (entity["entity_version"], version)
        for name, entity in entities_of(want)
        if _is_alias(entity) and isinstance(version := versions.get(model_of(entity)), str)
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


def _absence(entity: Mapping[str, Any], found: Missing | Unclear) -> str:
    """What there is not, in words; empty = a plan can be made all the same."""
    name, version = entity["entity_name"], entity.get("entity_version")
    what = "alias" if _is_alias(entity) else "version"
    if isinstance(found, Unclear):
        cause = f" ({found.cause})" if found.cause else ""
        unknown = f"which version of model {name} is {version} cannot be found out{cause}"
        return unknown if _is_alias(entity) else ""
    return {
        Lack.MODEL: f"there is no model {name}",
        Lack.VERSION: f"model {name} has no {what} {version}",
        Lack.PENDING: f"{what} {version} of model {name} is not registered yet",
        Lack.FAILED: f"{what} {version} of model {name} failed to be registered",
        Lack.WRITTEN: f"model {name} is to be served without a version",
    }[found.lack]


def _problem(
    want: Desired, name: str, entity: Mapping[str, Any], found: Missing | Unclear
) -> Problem:
    path = f"config.served_entities[{name}]"
    summary = f"{want.name}: {_absence(entity, found)}"
    if isinstance(found, Missing) and found.lack is Lack.WRITTEN:
        alias = f'"@{found.others[0]}"' if found.others else 'an "@alias"'
        hint = f"write `entity_version`, a number or {alias}; only a feature spec has none"
        return error("version-missing", summary, hint, want.locate(path))
    fails = want.if_missing == "fail"
    hint = _hint(entity, found) if fails else "the endpoint is pending until it is there"
    if isinstance(found, Unclear):
        where = want.locate(f"{path}.entity_version")
        return (error if fails else warning)("version-unknown", summary, hint, where)
    key = "entity_name" if found.lack is Lack.MODEL else "entity_version"
    where = want.locate(f"{path}.{key}")
    return (error if fails else warning)("model-missing", summary, hint, where)


def _hint(entity: Mapping[str, Any], found: Missing | Unclear) -> str:
    later = "or let the endpoint be left out for now: lifecycle.if_missing: skip"
    if isinstance(found, Unclear):
        return "run it again later or as somebody who may look, or write the number"
    if found.lack is Lack.PENDING:
        return f"run it again later, {later}, or wait"
    if found.lack is Lack.FAILED:
        return f"register another version, {later}"
    near = get_close_matches(str(entity["entity_name"]).lower(), found.others, n=1)
    if near:
        return f"did you mean {near[0]}?"
    if found.lack is Lack.MODEL:
        return f"register it, {later}; a feature spec is served without `entity_version`"
    return f"register it, {later}"
