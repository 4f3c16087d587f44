"""Functions and structured outputs in a request: JSON Schemas that the service takes in part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisioner.errors import Problem, error, notice, warning
from provisioner.query.facts import Facts
from provisioner.query.targets import Entity


def judged(body: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    """What is wrong with the functions and the format of a request."""
    tools, form = body.get("tools"), body.get("response_format")
    for key, value in (("tools", tools), ("response_format", form)):
        if value is not None and entity.task != "chat":
            summary = f"`{key}` is for chat, {entity.name} answers {entity.task}"
            yield error("request-elsewhere", summary)
    if entity.task == "chat":
        if tools is not None:
            yield from _tools(tools, entity, facts)
        if isinstance(form, Mapping):
            yield from _format(form, entity, facts)
            yield from _of_claude(body, form, entity)


def _tools(tools: Any, entity: Entity, facts: Facts) -> Iterator[Problem]:
    if not isinstance(tools, list) or not all(_is_function(tool) for tool in tools):
        hint = "each is {type: function, function: {name: ..., parameters: {...}}}"
        yield error("tool-shape", "`tools` must be a list of functions", hint)
        return
    most = facts.most("functions-count")
    if len(tools) > most:
        tell = facts.weigh("functions-count", entity)
        yield tell("tool-count", f"{len(tools)} functions, a request takes {most}")
    for tool in tools:
        function = tool["function"]
        schema, name = function.get("parameters") or {}, f"function {function['name']}"
        yield from _keys(schema, name, facts.most("functions-keys"), _said(facts, entity))
        yield from _keywords(schema, name, facts["functions-refused"].values, _said(facts, entity))
        ignored = [word for word in facts["functions-ignored"].values if word in _words(schema)]
        if ignored:
            yield notice("tool-keyword", f"{name}: {_listed(ignored)} without effect")


def _said(facts: Facts, entity: Entity) -> Callable[..., Problem]:
    """An error for what Databricks serves; a provider outside may take more."""
    return facts.weigh("functions-refused", entity) if entity.hosted else warning


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _format(form: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    kinds = facts["structured-types"].values
    if form.get("type") not in kinds:
        yield error("format-type", f"`response_format.type` must be one of {', '.join(kinds)}")
    elif form["type"] != "text" and not entity.hosted:
        yield error(
            "format-elsewhere",
            f"{entity.name} is an external model: structured outputs are for Foundation Model APIs",
            "ask for JSON in the prompt",
        )
    elif form["type"] == "json_schema":
        inner = form.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, Mapping) else None
        if not isinstance(schema, Mapping):
            yield error("format-type", "`response_format.json_schema` needs a `schema`")
            return
        tell = facts.weigh("structured-keys", entity)
        yield from _keys(schema, "the schema of the answer", facts.most("structured-keys"), tell)
        tell = facts.weigh("structured-refused", entity)
        words = facts["structured-refused"].values
        yield from _keywords(schema, "the schema of the answer", words, tell)


def _of_claude(
    body: Mapping[str, Any], form: Mapping[str, Any], entity: Entity
) -> Iterator[Problem]:
    """Claude's own limits, which only one note tells of."""
    if "claude" not in entity.model or not entity.hosted or form.get("type") == "text":
        return
    if form.get("type") == "json_object":
        yield warning("format-claude", f"{entity.model} takes json_schema only")
    for key in ("stream", "tools"):
        if body.get(key):
            yield warning("format-claude", f"{entity.model} takes no schema together with `{key}`")


def _keys(schema: Any, what: str, most: int, tell: Callable[..., Problem]) -> Iterator[Problem]:
    count = sum(len(part["properties"]) for part in _parts(schema) if _has_properties(part))
    if count > most:
        yield tell("schema-keys", f"{what} has {count} keys, at most {most} are taken")


def _keywords(
    schema: Any, what: str, refused: tuple[str, ...], tell: Callable[..., Problem]
) -> Iterator[Problem]:
    found = [word for word in refused if word in _words(schema)]
    if found:
        yield tell("schema-keyword", f"{what} uses {_listed(found)}, which is refused")
    if any(_is_list_of_types(part.get("type")) for part in _parts(schema)):
        yield tell("schema-keyword", f"{what} has a list of types other than [TYPE, null]")


def _is_list_of_types(kind: Any) -> bool:
    return isinstance(kind, list) and not (len(kind) == 2 and "null" in kind)


def _has_properties(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("properties"), Mapping)


def _words(schema: Any) -> set[str]:
    """Keywords of a schema; names of properties are none, even if they look like some."""
    return {str(word) for part in _parts(schema) for word in part}


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema inside of a schema, itself included."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for word, value in schema.items():
        if word in {"properties", "$defs", "definitions", "patternProperties"}:
            for one in value.values() if isinstance(value, Mapping) else ():
                yield from _parts(one)
        elif isinstance(value, list) and word not in {"enum", "required", "examples"}:
            for one in value:
                yield from _parts(one)
        elif word not in {"const", "default", "enum", "example"}:
            yield from _parts(value)


def _listed(words: list[str]) -> str:
    return " and ".join(f"`{word}`" for word in words)
