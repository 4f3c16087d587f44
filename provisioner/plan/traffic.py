"""How traffic is divided, and how it is divided on the way from one division to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from provisioner.fields import Document

Routes = Mapping[str, int]
"""Per cent of the traffic by served entity, together 100."""

WHOLE = 100
"""Per cent."""


def apportion(weights: Routes, total: int) -> dict[str, int]:
    """Divide ``total`` in whole numbers by weight (Webster's method).

    A larger total never gives less to anybody, and the sum of the weights gives each its
    own: so nothing moves back between two steps, and the last one is exact.
    """
    shares = dict.fromkeys(sorted(weights), 0)
    for _ in range(total):
        first = max(shares, key=lambda name: weights[name] / (2 * shares[name] + 1))
        shares[first] += 1
    return shares


def split(live: Routes, declared: Routes, rising: Collection[str], share: int) -> dict[str, int]:
    """The routes on the way from ``live`` to ``declared`` at which ``rising`` have ``share``.

    Each served entity moves from its one share to the other without turning back.
    """
    names = sorted(live.keys() | declared.keys())
    change = {name: declared.get(name, 0) - live.get(name, 0) for name in names}
    gains = {name: change[name] for name in names if name in rising}
    others = {name: change[name] for name in names if change[name] > 0 and name not in rising}
    losses = {name: -change[name] for name in names if change[name] < 0}
    moved = share - sum(live.get(name, 0) for name in rising)
    beside = sum(others.values()) * moved // sum(gains.values())
    more = {**apportion(gains, moved), **apportion(others, beside)}
    less = apportion(losses, moved + beside)
    return {name: live.get(name, 0) + more.get(name, 0) - less.get(name, 0) for name in names}


def in_words(routes: Routes) -> str:
    """A division of traffic on one line, the largest share first."""
    ordered = sorted(routes.items(), key=lambda route: (-route[1], route[0]))
    return ", ".join(f"{name} {share} %" for name, share in ordered)


def entities_of(document: Document) -> dict[str, Any]:
    """Served entities of a document, by name."""
    config = document.get("config") or {}
    return config.get("served_entities") or {}


def raw_routes(config: Document) -> dict[str, Any]:
    """Routes of a configuration as they are written, by served entity."""
    return dict((config.get("traffic_config") or {}).get("routes") or {})


def routes_of(document: Document) -> dict[str, int]:
    """The traffic of a document's served entities: each has a route, or there is only one.

    Empty where that is not so.
    """
    entities = entities_of(document)
    found = {
        name: int(route.get("traffic_percentage") or 0)
        for name, route in raw_routes(document.get("config") or {}).items()
    }
    if found.keys() == entities.keys() and sum(found.values()) == WHOLE:
        return found
    return dict.fromkeys(entities, WHOLE) if len(entities) == 1 else {}
