"""Which endpoints use which secret, and whether the secret is newer than they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from provisioner.diff import leaves
from provisioner.wire.answers import Live

_REFERENCE = re.compile(r"\{\{\s*secrets/([^/{}\s]+)/([^/{}\s]+)\s*\}\}")


_ENTITY = re.compile(r"config\.served_entities\[([^\]]*)\]")


@dataclass(frozen=True, order=True)
class Secret:
    """A secret of the workspace, by name."""

    scope: str
    key: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.key}"


@dataclass(frozen=True, order=True)
class Use:
    """A place at which an endpoint refers to a secret."""

    endpoint: str
    path: str

    @property
    def place(self) -> str:
        """The endpoint, with the served entity where it is one that refers to the secret."""
        found = _ENTITY.match(self.path)
        return f"{self.endpoint}[{found[1]}]" if found else self.endpoint


class State(str, Enum):
    """How a secret stands to the endpoints that use it."""

    OK = "ok"
    STALE = "stale"
    """It changed after the configuration of an endpoint that uses it."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The caller may not list its scope."""


@dataclass(frozen=True)
class Status:
    """One secret, where it is used and how it stands."""

    secret: Secret
    state: State
    changed_at: int
    """Epoch milliseconds of its last change; 0 = not known."""
    uses: tuple[Use, ...]
    stale: tuple[str, ...] = ()
    """Endpoints whose configuration is older."""


def uses(name: str, document: Mapping[str, Any]) -> Iterator[tuple[Secret, Use]]:
    """Every reference to a secret in an endpoint document."""
    for path, leaf in leaves(document).items():
        if isinstance(leaf.value, str):
            for scope, key in _REFERENCE.findall(leaf.value):
                yield Secret(scope, key), Use(name, path)


def graph(documents: Mapping[str, Mapping[str, Any]]) -> dict[Secret, tuple[Use, ...]]:
    """Secrets to the places that use them, by endpoint documents by name."""
    found: dict[Secret, list[Use]] = {}
    for name, document in documents.items():
        for secret, use in uses(name, document):
            found.setdefault(secret, []).append(use)
    return {secret: tuple(sorted(found[secret])) for secret in sorted(found)}


def assess(
    used: Mapping[Secret, tuple[Use, ...]],
    scopes: Mapping[str, Mapping[str, int] | None],
    live: Iterable[Live],
) -> tuple[Status, ...]:
    """Judge every secret that is used.

    ``scopes`` holds the keys of each scope with the time of their last change in
    epoch milliseconds; ``None`` = the caller may not look.
    """
    configured = {found.name: found.configured_at for found in live}
    return tuple(
        _status(secret, places, scopes.get(secret.scope, {}), configured)
        for secret, places in used.items()
    )


def _status(
    secret: Secret,
    places: tuple[Use, ...],
    keys: Mapping[str, int] | None,
    configured: Mapping[str, int],
) -> Status:
    if keys is None:
        return Status(secret, State.UNKNOWN, 0, places)
    changed = keys.get(secret.key)
    if changed is None:
        return Status(secret, State.MISSING, 0, places)
    users = {use.endpoint for use in places}
    stale = tuple(sorted(name for name in users if 0 < configured.get(name, 0) < changed))
    return Status(secret, State.STALE if stale else State.OK, changed, places, stale)
