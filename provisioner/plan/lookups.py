"""What has to be asked of a workspace before a plan can be made, and what follows from the answers.

Tokens per second are held against the steps in which the service sells them, and secrets
against what is in their scopes; see `versions` and `principals` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from provisioner.errors import Problem, Severity, Where, error
from provisioner.plan.listing import listed
from provisioner.plan.model import Desired
from provisioner.plan.principals import Matches, unclear_principals, with_principals
from provisioner.plan.secrets import Secret, graph, uses
from provisioner.plan.versions import (
    Found,
    Model,
    entities_of,
    is_left_out,
    live_entity,
    model_of,
    unclear_versions,
)
from provisioner.wire.answers import Live

_BOUNDS = ("min_provisioned_throughput", "max_provisioned_throughput")


@dataclass(frozen=True)
class Throughput:
    """How a model is sold by tokens per second."""

    optimizable: bool
    """Whether it is sold by tokens per second at all."""
    step: int


@dataclass(frozen=True)
class Facts:
    """Answers of the workspace; ``None`` = a question that got none."""

    versions: Mapping[Model, Found] = field(default_factory=dict)
    throughput: Mapping[Model, Throughput | None] = field(default_factory=dict)
    principals: Matches = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, int] | None] = field(default_factory=dict)
    """Keys of secret scopes, with the time of their last change."""
    hidden_scopes: frozenset[str] = frozenset()
    """Those among the unanswered that the caller may not list, which needs the right READ."""
    unit_step: int = 1
    """Model units come in multiples of this; the catalog knows."""
    synced: frozenset[str] = frozenset()
    """Secrets that `secrets sync` puts, by `SCOPE/KEY`."""
    exists: bool = True
    """Whether missing secrets are worth a problem."""
    groups: tuple[str, ...] = ()
    """Names of all groups, read only to suggest one for a name that is unknown."""

    def unclear(self, said: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """What stays open, in words; secret scopes in ``said`` are spoken of elsewhere."""
        return (
            *unclear_versions(self.versions),
            *(f"how {name} is sold" for (name, _), sold in self.throughput.items() if sold is None),
            *unclear_principals(self.principals),
            *(
                f"which secrets are in the scope {scope}"
                for scope, keys in self.scopes.items()
                if keys is None and scope not in said
            ),
        )


def scopes_to_read(desired: Iterable[Desired]) -> set[str]:
    """Secret scopes that declared endpoints refer to."""
    documents = {want.name: want.document for want in desired if not is_left_out(want)}
    return {secret.scope for secret in graph(documents)}


def capacity_to_ask(
    desired: Iterable[Desired], live: Mapping[str, Live], versions: Mapping[Model, Found]
) -> set[Model]:
    """Models whose tokens per second are new or change, as far as their version is there."""
    return {
        model_of(entity)
        for want in desired
        if not is_left_out(want)
        for name, entity in entities_of(want)
        if any(entity.get(bound) is not None for bound in _BOUNDS)
        and _size(entity) != _size(live_entity(live, want, name))
        and isinstance(versions.get(model_of(entity), ""), str)
    }


def checked(desired: Iterable[Desired], facts: Facts) -> tuple[list[Desired], list[Problem]]:
    """Spell principals as the service does, and find what the answers rule out."""
    wanted, problems = with_principals(desired, facts.principals, facts.groups)
    for want in wanted:
        if not is_left_out(want):
            problems += _capacity(want, facts)
            problems += _secrets(want, facts)
    return wanted, problems


def _capacity(want: Desired, facts: Facts) -> Iterator[Problem]:
    for name, entity in entities_of(want):
        sold = facts.throughput.get(model_of(entity))
        if sold is None:
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


def _secrets(want: Desired, facts: Facts) -> Iterator[Problem]:
    for secret, use in uses(want.name, want.document) if facts.exists else ():
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
            if 0 < since < (facts.scopes.get(secret.scope) or {}).get(secret.key, 0)
        }
        result.append(replace(want, refresh=frozenset(newer)) if refresh else want)
        for path, secret in () if refresh else newer.items():
            stale.setdefault(secret, {}).setdefault(want.name, want.locate(path))
    return result, [_newer(secret, users) for secret, users in sorted(stale.items())]


def _newer(secret: Secret, users: Mapping[str, Where | None]) -> Problem:
    """One line for a secret, however many endpoints use it."""
    names = sorted(users)
    who = listed(names)
    what = "configuration that uses" if len(names) == 1 else "configurations that use"
    return Problem(
        Severity.NOTICE,
        "secret-stale",
        f"{who}: secret {secret} changed after the {what} it",
        "apply --refresh-secrets sends the configuration again",
        users[names[0]],
    )


def _size(entity: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*model_of(entity), *(entity.get(bound) or 0 for bound in _BOUNDS))
