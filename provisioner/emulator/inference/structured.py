"""Structured outputs: ``response_format``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import binds, rule
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.schemas import check_schema, example

Writer = Callable[[str], str]
"""From a seed to the text of an answer."""


def read_format(model: Model, body: Json, asked: str) -> Writer | None:
    """How the answer is to be written, None for free text; raises where it cannot be."""
    wanted: Any = body.get("response_format")
    if wanted is None:
        return None
    if not binds("structured-api", model):
        raise bad_request('Bad request: "response_format" is not supported for external models.')
    kinds = rule("structured-types").values
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in kinds:
        raise bad_request(f'Bad request: "response_format.type" must be one of {list(kinds)}.')
    if kind == "text":
        return None
    if model.claude:
        _check_claude(body, str(kind))
    if kind == "json_object":
        # Observed text, Sep 2026.
        if "json" not in (asked + str(body.get("messages"))).lower():
            raise bad_request(
                'Bad request: "messages" must contain the word "json" in some form, to use '
                '"response_format" of type "json_object".'
            )
        return lambda seed: json.dumps({"emulated": True, "mark": seed[:8]})
    schema = _schema(wanted.get("json_schema"))
    check_schema(schema, "structured-refused", "structured-keys")
    return lambda seed: json.dumps(example(schema, seed))


def _check_claude(body: Json, kind: str) -> None:
    """Claude takes schemas only, and nothing beside them (request rule structured-claude)."""
    if kind not in rule("structured-claude").values:
        raise bad_request(f'Bad request: "response_format" "{kind}" is not supported by Claude.')
    for name in ("stream", "tools"):
        if body.get(name):
            raise bad_request(
                f'Bad request: "response_format" cannot be combined with "{name}" for Claude.'
            )


def _schema(given: Any) -> Json:
    if not isinstance(given, dict) or not isinstance(given.get("schema"), dict):
        raise bad_request('Bad request: "response_format.json_schema" needs a name and a schema.')
    if not isinstance(given.get("name"), str):
        raise bad_request('Bad request: "response_format.json_schema.name" is required.')
    schema: Json = given["schema"]
    return schema
