"""Which secrets `secrets sync` puts into their scopes, decided in full before the first call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from provisioner import __version__
from provisioner.errors import Problem, Where, error
from provisioner.plan.model import FORMAT_VERSION, Target, WorkspaceRef
from provisioner.plan.secrets import Secret
from provisioner.wire.answers import digest

VAULT = "AZURE_KEYVAULT"
"""Kind of the scopes that only show what is in an Azure Key Vault."""


class State(str, Enum):
    """How the value of a secret stands to that of the workspace, which cannot be read."""

    NEW = "new"
    CHANGED = "changed"
    CHANGED_OUTSIDE = "changed_outside"
    """Somebody put another value, or the same one, after we did."""
    INTERRUPTED = "interrupted"
    """An earlier sync ended in the middle of it; it is put once more."""
    UNKNOWN = "unknown"
    """It is there and was never put from here: what it holds would be lost."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Declared:
    """A secret that the project puts, without its value."""

    secret: Secret
    digest: str
    """Of the value, keyed."""
    source: str
    """Where the value comes from, in words."""
    where: Where | None = None


@dataclass(frozen=True)
class Remembered:
    """What the record knows of a secret that was put."""

    digest: str
    changed_at: int
    landed: bool


@dataclass(frozen=True)
class Scope:
    """A secret scope of the workspace."""

    kind: str
    keys: Mapping[str, int] | None
    """Its keys, each with the epoch milliseconds of its last change; ``None`` = hidden."""


@dataclass(frozen=True)
class SecretPlan:
    """What is done about one secret."""

    secret: str
    state: State
    source: str
    permit: str = ""
    """Option of ``secrets sync`` that allows it; empty = none is needed."""
    where: Where | None = None

    @property
    def is_put(self) -> bool:
        """Whether a call puts it."""
        return self.state is not State.UNCHANGED


@dataclass(frozen=True)
class SyncPlan:
    """Everything that one sync does."""

    environment: str
    project: str
    workspace: WorkspaceRef
    create_scopes: tuple[str, ...]
    secrets: tuple[SecretPlan, ...]
    fingerprint: str
    """Digest of meaning: targets, what is put, and times of what is there; not of values."""
    summary: dict[str, int]
    problems: tuple[Problem, ...] = ()
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to put."""
        return any(entry.is_put for entry in self.secrets)


def sync_plan(
    target: Target,
    declared: Sequence[Declared],
    scopes: Mapping[str, Scope],
    remembered: Mapping[str, Remembered],
    may_create: Iterable[str] = (),
    most_keys: float = math.inf,
) -> SyncPlan:
    """Decide what to put.

    Args:
        target: whose plan it is, and where for.
        declared: the secrets of the project.
        scopes: those of the workspace that are needed, by name; missing ones are not there.
        remembered: what was put before, by `SCOPE/KEY`.
        may_create: scopes that may be made.
        most_keys: how many secrets a scope takes.
    """
    allowed = set(may_create)
    entries = tuple(
        _entry(one, scopes.get(one.secret.scope), remembered.get(str(one.secret)))
        for one in sorted(declared, key=lambda one: one.secret)
    )
    absent = sorted({one.secret.scope for one in declared} - scopes.keys())
    problems = tuple(_problems(declared, scopes, allowed, most_keys))
    counts = {state.value: 0 for state in State}
    for entry in entries:
        counts[entry.state.value] += 1
    return SyncPlan(
        environment=target.environment,
        project=target.project,
        workspace=target.workspace,
        create_scopes=tuple(name for name in absent if name in allowed),
        secrets=entries,
        fingerprint=_fingerprint(target, declared, scopes, entries, absent),
        summary=counts,
        problems=problems,
    )


def _entry(one: Declared, scope: Scope | None, known: Remembered | None) -> SecretPlan:
    state = _state(one, scope, known)
    permit = "--adopt" if state is State.UNKNOWN else ""
    return SecretPlan(str(one.secret), state, one.source, permit, one.where)


def _state(one: Declared, scope: Scope | None, known: Remembered | None) -> State:
    there = _changed_at(one, scope)
    if there is None:
        return State.NEW
    if known is None:
        return State.UNKNOWN
    if not known.landed:
        return State.INTERRUPTED
    if known.digest != one.digest:
        return State.CHANGED
    return State.CHANGED_OUTSIDE if 0 < known.changed_at < there else State.UNCHANGED


def _changed_at(one: Declared, scope: Scope | None) -> int | None:
    """When the key was changed last; ``None`` = there is none. Case does not count."""
    keys = {} if scope is None else scope.keys or {}
    wanted = one.secret.key.lower()
    return next((moment for key, moment in keys.items() if key.lower() == wanted), None)


def _fingerprint(
    target: Target,
    declared: Sequence[Declared],
    scopes: Mapping[str, Scope],
    entries: Sequence[SecretPlan],
    absent: Sequence[str],
) -> str:
    put = {entry.secret: entry.state.value for entry in entries if entry.is_put}
    meaning = sorted(
        [name, put[name], _changed_at(one, scopes.get(one.secret.scope)) or 0]
        for one in declared
        if (name := str(one.secret)) in put
    )
    return digest([target.owner, target.workspace.host, meaning, list(absent)])


def _problems(
    declared: Sequence[Declared],
    scopes: Mapping[str, Scope],
    allowed: set[str],
    most_keys: float,
) -> Iterator[Problem]:
    by_scope: dict[str, list[Declared]] = {}
    for one in declared:
        by_scope.setdefault(one.secret.scope, []).append(one)
    for name, members in sorted(by_scope.items()):
        scope, where = scopes.get(name), members[0].where
        if scope is None:
            if name not in allowed:
                yield _missing(name, scopes, where)
        elif scope.kind == VAULT:
            summary = f"the scope {name} is an Azure Key Vault, which Databricks only reads"
            hint = "put its secrets into the vault, with the tools of Azure"
            yield error("secret-scope-vault", summary, hint, where)
        elif scope.keys is None:
            summary = f"you may not look into the scope {name}"
            hint = "putting secrets needs the right WRITE on it"
            yield error("secret-scope-hidden", summary, hint, where)
        else:
            fresh = sum(_changed_at(one, scope) is None for one in members)
            if fresh and (total := len(scope.keys) + fresh) > most_keys:
                summary = f"the scope {name} would have {total} secrets, it takes {most_keys:g}"
                yield error("secret-scope-full", summary, "use another scope", where)


def _missing(name: str, scopes: Mapping[str, Scope], where: Where | None) -> Problem:
    near = get_close_matches(name, scopes, n=1)
    hint = f"did you mean {near[0]}?" if near else f"to have it made: create_scopes: [{name}]"
    return error("secret-scope-missing", f"there is no secret scope {name}", hint, where)
