"""A request as handlers see it, and the table of routes that leads to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import compile_path

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError
from provisioner.emulator.identity import Principal
from provisioner.emulator.world import World


@dataclass(frozen=True)
class Call:
    """One request to the workspace."""

    world: World
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    base_url: str
    caller: Principal | None = None
    """None only on public routes."""

    @property
    def workspace(self) -> Json:
        """The data that handlers read and change."""
        return self.world.store.workspace

    @property
    def principal(self) -> Principal:
        """Who calls."""
        if self.caller is None:
            raise RuntimeError(f"{self.path} is public and has no caller")
        return self.caller

    def json(self) -> Json:
        """The body; an absent one reads as ``{}``, and nulls are dropped.

        The API is fronted by protocol buffers, where null and absent are the same.
        """
        try:
            body = json.loads(self.raw or b"{}")
        except ValueError as error:
            raise ApiError(400, "MALFORMED_REQUEST", f"Invalid JSON: {error}") from None
        if not isinstance(body, dict):
            raise ApiError(400, "MALFORMED_REQUEST", "The body must be a JSON object")
        return without_nulls(body)  # type: ignore[no-any-return]


Handler = Callable[[Call], Any]
"""Answers an `Answer`, or the JSON body of a 200."""


@dataclass(frozen=True)
class Route:
    """One line of the table: verb, path with ``{parameters}``, handler."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    """Whether it answers without a token."""
    inference: bool = False
    """Whether it asks a model: such requests change nothing that is stored."""


class Routes:
    """Finds the route of a request; the first that matches wins."""

    def __init__(self, *tables: tuple[Route, ...]) -> None:
        self._routes = [(compile_path(r.path)[0], r) for table in tables for r in table]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its path parameters."""
        for pattern, route in self._routes:
            if route.method == method and (match := pattern.match(path)):
                return route, match.groupdict()
        return None


def without_nulls(value: Any) -> Any:
    """A copy of JSON data without null members."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value
