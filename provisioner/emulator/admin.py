"""The emulator's own side, under ``/__emulator/``; it needs no token and is never recorded."""

from __future__ import annotations

import json

from provisioner.emulator.answers import Answer, Json, error_answer
from provisioner.emulator.errors import ApiError, invalid, missing
from provisioner.emulator.lifecycle import settle
from provisioner.emulator.world import World

PREFIX = "/__emulator/"

_RULES = {"faults": "POST", "builds": "POST", "conditions": "PUT"}
"""Name to the verb that adds one."""


def administer(world: World, method: str, path: str, raw: bytes) -> Answer:
    """Answer a request to the emulator itself."""
    try:
        body = json.loads(raw or b"{}")
        if not isinstance(body, dict):
            raise invalid("the body must be a JSON object")
        settle(world)
        return _administer(world, method, path.removeprefix(PREFIX), body)
    except ValueError as error:
        return error_answer(ApiError(400, "MALFORMED_REQUEST", f"invalid JSON: {error}"))
    except ApiError as error:
        return error_answer(error)


def _administer(world: World, method: str, name: str, body: Json) -> Answer:
    match method, name:
        case "GET", "health":
            return Answer({"status": "ok", "clock": world.mode, "now_ms": world.now_ms()})
        case "GET", "export":
            return Answer(world.store.export(), media_type="application/json")
        case "POST", "reset":
            world.reset()
        case "POST", "seed":
            world.store.seed(body)
            world.store.save()
        case "POST", "clock":
            return _advance(world, body)
        case "GET", "requests":
            return Answer({"requests": world.requests})
        case "DELETE", "requests":
            world.requests.clear()
        case "GET", "usage":
            return Answer(world.ledger.usage())
        case _ if name in _RULES:
            return _rules(world, method, name, body)
        case _:
            raise missing(f"the emulator's own side has no {method} {name}")
    return Answer({})


def _advance(world: World, body: Json) -> Answer:
    seconds = body.get("advance_seconds")
    if world.mode != "manual":
        raise invalid(f"the clock is {world.mode}; only a manual one can be advanced")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise invalid("advance_seconds must be a number, and not negative")
    world.store.workspace["now_ms"] += int(seconds * 1000)
    settle(world)
    world.store.save()
    return Answer({"now_ms": world.now_ms()})


def _rules(world: World, method: str, name: str, body: Json) -> Answer:
    rules = getattr(world, name)
    if method == _RULES[name]:
        rules.add(body)
    elif method == "DELETE":
        rules.rules.clear()
    elif method != "GET":
        raise missing(f"the emulator's own side has no {method} {name}")
    return Answer({name: rules.view()})
