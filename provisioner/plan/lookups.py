"""What has to be asked of a workspace before a plan can be made, and what follows from the answers.

Aliases become version numbers, principals get the spelling that the service uses,
and tokens per second are held against the steps in which the service sells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from provisioner.errors import Problem, Severity, Where, error, warning
from provisioner.plan.model import Desired
from provisioner.plan.secrets import Secret, graph, uses
from provisioner.wire.answers import Live
from provisioner.wire.document import is_application_id

Model = tuple[str, str]
"""A registered model, and one of its aliases or versions."""

_NAMES = 3
"""Endpoints that one line names."""
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
    scopes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Keys of secret scopes, with the time of their last change."""
    unit_step: int = 1
    """Model units come in multiples of this; the catalog knows."""
    synced: frozenset[str] = frozenset()
    """Secrets that `secrets sync` puts, by `SCOPE/KEY`."""
    exists: bool = True
    """Whether missing secrets are worth a problem."""
    groups: tuple[str, ...] = ()
    """Names of all groups, read only to suggest one for a name that is unknown."""


def versions_to_find(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[Model]:
    """Aliases, and versions that are not served yet."""
    return {
        _model(entity)
        for want in desired
        for name, entity in _entities(want)
        if entity.get("entity_version")
        and "." in str(entity.get("entity_name"))
        and (_is_alias(entity) or _model(entity) != _live_model(live.get(want.name), name))
    }


def scopes_to_read(desired: Iterable[Desired]) -> set[str]:
    """Secret scopes that declared endpoints refer to."""
    documents = {want.name: want.document for want in desired if not want.pending}
    return {secret.scope for secret in graph(documents)}


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
        pending = "; ".join(dict.fromkeys(_absence(entity) for _, entity in missing))
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


def names_to_find(desired: Iterable[Desired]) -> set[str]:
    """Service principals written by name: rights are read by application id."""
    return {
        who
        for want in desired
        for who in want.document.get("permissions") or ()
        if who.startswith("service_principal:") and not is_application_id(who.partition(":")[2])
    }


def with_principals(
    desired: Iterable[Desired], facts: Facts
) -> tuple[list[Desired], list[Problem]]:
    """Spell principals as the service does; say which are unknown or ambiguous."""
    wanted = list(desired)
    problems = [problem for want in wanted for problem in _principals(want, facts)]
    return [_respelled(want, facts) for want in wanted], problems


def principals_to_find(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[str]:
    """Principals that get a right which they do not have yet; see also :func:`names_to_find`."""
    wanted = list(desired)
    named = names_to_find(wanted)
    return {
        who
        for want in wanted
        if not want.pending
        for who in want.document.get("permissions") or ()
        if who not in named and who not in _live_rows(live.get(want.name))
    }


def checked(desired: Iterable[Desired], facts: Facts) -> tuple[list[Desired], list[Problem]]:
    """Spell principals as the service does, and find what the answers rule out."""
    wanted, problems = with_principals(desired, facts)
    problems += [problem for want in wanted for problem in _capacity(want, facts)]
    problems += [problem for want in wanted for problem in _secrets(want, facts)]
    return wanted, problems


def _capacity(want: Desired, facts: Facts) -> Iterator[Problem]:
    for name, entity in _entities(want):
        sold = facts.throughput.get(_model(entity))
        if sold is None or want.pending:
            continue
        path = f"config.served_entities[{name}]"
        if not sold.optimizable:
            summary = f"{want.name}: {entity['entity_name']} is not sold by tokens per second"
            hint = f"use provisioned_model_units, multiples of {facts.unit_step}"
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


def _secrets(want: Desired, facts: Facts) -> Iterator[Problem]:
    if want.pending or not facts.exists:
        return
    for secret, use in uses(want.name, want.document):
        keys = facts.scopes.get(secret.scope)
        if keys is not None and secret.key not in keys:
            what = "key" if keys else "scope, or it has no keys"
            near = get_close_matches(secret.key, keys, n=1)
            hint = f"did you mean {secret.scope}/{near[0]}?" if near else "put it into its scope"
            if str(secret) in facts.synced:
                hint = "`provisioner secrets sync` puts it there"
            summary = f"{want.name}: there is no secret {secret}: no such {what}"
            yield error("secret-missing", summary, hint, want.locate(use.path))


def with_refresh(
    desired: Iterable[Desired], live: Mapping[str, Live], facts: Facts, *, refresh: bool
) -> tuple[list[Desired], list[Problem]]:
    """Find references whose secret is newer than the configuration that uses it.

    With ``refresh`` they are sent again; without, they are only told.
    """
    result: list[Desired] = []
    stale: dict[Secret, dict[str, Where | None]] = {}
    for want in desired:
        found = live.get(want.name)
        since = found.configured_at if found else 0
        newer = {
            use.path: secret
            for secret, use in uses(want.name, want.document)
            if 0 < since < facts.scopes.get(secret.scope, {}).get(secret.key, 0)
        }
        result.append(replace(want, refresh=frozenset(newer)) if refresh else want)
        for path, secret in () if refresh else newer.items():
            stale.setdefault(secret, {}).setdefault(want.name, want.locate(path))
    return result, [_newer(secret, users) for secret, users in sorted(stale.items())]


def _newer(secret: Secret, users: Mapping[str, Where | None]) -> Problem:
    """One line for a secret, however many endpoints use it."""
    names = sorted(users)
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    who = ", ".join(names[:_NAMES]) + more
    what = "configuration that uses" if len(names) == 1 else "configurations that use"
    return Problem(
        Severity.NOTICE,
        "secret-stale",
        f"{who}: secret {secret} changed after the {what} it",
        "apply --refresh-secrets sends the configuration again",
        users[names[0]],
    )


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
    # Unity Catalog knows a name in any case.
    return str(entity.get("entity_name")).lower(), str(entity.get("entity_version"))


def _is_alias(entity: Mapping[str, Any]) -> bool:
    return str(entity.get("entity_version", "")).startswith("@")


def _live_entity(live: Live | None, name: str) -> Mapping[str, Any]:
    config = (live.document.get("config") if live else None) or {}
    found: Mapping[str, Any] = (config.get("served_entities") or {}).get(name) or {}
    return found


def _live_model(live: Live | None, name: str) -> Model:
    return _model(_live_entity(live, name))


def _live_rows(live: Live | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (live.document.get("permissions") if live else None) or {}
    return found


def _size(entity: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*_model(entity), *(entity.get(bound) or 0 for bound in _BOUNDS))
