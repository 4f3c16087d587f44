"""Function calling: which tool is called, with what arguments."""

from __future__ import annotations

import json
import re
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.messages import Conversation
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import rule
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.schemas import check_schema, example

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_tools(model: Model, body: Json) -> dict[str, Json]:
    """The schema of each function by its name; raises where the tools are refused."""
    given: Any = body.get("tools")
    if given is None:
        return {}
    if not model.functions:
        raise bad_request("Bad request: this model does not support function calling.")
    if not isinstance(given, list) or len(given) > (rule("functions-count").max or 0):
        raise bad_request(
            f'Bad request: "tools" must be a list of at most {rule("functions-count").max:.0f}.'
        )
    found: dict[str, Json] = {}
    for at, tool in enumerate(given):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
            raise bad_request(f"Bad request: tools[{at}] is not a function with a name.")
        schema = function.get("parameters", {"type": "object", "properties": {}})
        check_schema(schema, "functions-refused", "functions-keys")
        found[name] = schema
    return found


def calls_for(
    model: Model, body: Json, tools: dict[str, Json], talk: Conversation, seed: str
) -> tuple[Json, ...]:
    """The calls that an answer makes, none where it is text.

    Left to itself the emulator calls the functions of whose names a word is in the question.
    """
    choice = body.get("tool_choice", rule("functions-choice").default)
    named = _named(choice)
    if choice is not None and named is None and choice not in ("auto", "required", "none"):
        raise bad_request('Bad request: "tool_choice" must be auto, required, none or a function.')
    if named is not None:
        if named not in tools:
            raise bad_request(f"Bad request: tool_choice names '{named}', which is no tool.")
        chosen = [named]
    else:
        chosen = _fitting(tools, talk) if choice in ("auto", "required") else []
        if choice == "required" and not chosen:
            if not tools:
                raise bad_request('Bad request: "tool_choice" required needs "tools".')
            chosen = list(tools)
    if not _parallel(model, body):
        chosen = chosen[:1]
    return tuple(_call(name, tools[name], tokens.digest(seed, name)) for name in chosen)


def _named(choice: Any) -> str | None:
    function = choice.get("function") if isinstance(choice, dict) else None
    return str(function.get("name")) if isinstance(function, dict) else None


def _fitting(tools: dict[str, Json], talk: Conversation) -> list[str]:
    if talk.last_role != "user":
        return []
    asked = talk.asked.lower()
    return [
        name
        for name in tools
        if any(len(word) > 3 and word.lower() in asked for word in re.split(r"[_-]", name))
    ]


def _parallel(model: Model, body: Json) -> bool:
    """Hosted models make one call at a time (request rule functions-parallel)."""
    return not model.hosted and body.get("parallel_tool_calls") is not False


def _call(name: str, schema: Json, seed: str) -> Json:
    arguments = json.dumps(example(schema, seed))
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{seed[:24]}", "type": "function", "function": function}
