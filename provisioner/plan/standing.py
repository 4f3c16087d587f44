"""What an endpoint serves right now: version, split of the traffic, last change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.wire.answers import Live


@dataclass(frozen=True)
class Share:
    """A served entity and its part of the traffic."""

    entity: str
    model: str
    """Provider and model, or the model with its version."""
    percent: int


@dataclass(frozen=True)
class Standing:
    """One endpoint at a glance."""

    version: int = 0
    """Version of the configuration that serves; 0 = none yet."""
    traffic: tuple[Share, ...] = ()
    changed_at: int = 0
    """Epoch milliseconds of the last change that the service tells of; 0 = not known."""


NOWHERE = Standing()


@dataclass(frozen=True)
class Withheld:
    """Why something of an endpoint could not be read."""

    why: str
    code: str
    """Code of the error, such as ``permission-denied``."""


@dataclass(frozen=True)
class InRollout:
    """How far the traffic of an endpoint has moved."""

    entities: tuple[str, ...]
    """Served entities that it moves to."""
    share: int
    """Percent of the traffic that they have together."""
    ahead: tuple[int, ...]
    """The shares that are still to come; empty = only the last one is left to be watched."""


def standing(live: Live | None) -> Standing:
    """The glance at an endpoint; one that is not there serves nothing."""
    if live is None:
        return NOWHERE
    shares = tuple(_shares(live.document.get("config") or {}))
    return Standing(live.version, shares, live.updated_at)


def _shares(config: Mapping[str, Any]) -> Iterator[Share]:
    entities: Mapping[str, Any] = config.get("served_entities") or {}
    routes: Mapping[str, Any] = (config.get("traffic_config") or {}).get("routes") or {}
    for name, entity in entities.items():
        alone = 100 if len(entities) == 1 else 0
        percent = (routes.get(name) or {}).get("traffic_percentage", alone)
        yield Share(name, _model(entity), int(percent))


def _model(entity: Mapping[str, Any]) -> str:
    if external := entity.get("external_model"):
        return f"{external.get('provider')} {external.get('name')}"
    version = entity.get("entity_version")
    return f"{entity.get('entity_name')}{f' version {version}' if version else ''}"
