"""Requests held against what is known of them, before they are sent.

The numbers are the catalog's. What the service is known to refuse is an error; what the catalog
is not sure of, what other providers may see otherwise, and advice weigh less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from provisioner.catalog import Catalog, catalog
from provisioner.errors import Problem, error, warning
from provisioner.query import request_schemas, vision
from provisioner.query.facts import Facts
from provisioner.query.requests import texts_of
from provisioner.query.targets import Entity

_CHARACTERS_PER_TOKEN = 4
"""A rough rule for English, for warnings only."""
_SAMPLING = ("temperature", "max_tokens", "n", "stop", "stream", "top_p")
_PARTS = {"chat": "messages", "completions": "prompt", "embeddings": "input"}
_TOOL_ROLE = "tool"
"""Answers of functions; the founding documents list the other roles only."""


def held_against(
    body: Mapping[str, Any], entity: Entity, source: Catalog | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong, doubtful or worth knowing about a body for an entity.

    The problems have no places; bodies for models of one's own are not judged.
    """
    if entity.task is None:
        return ()
    facts = Facts(source or catalog())
    if wrong := _incomplete(body, entity):
        return (wrong,)
    return (
        *_ranges(body, facts),
        *_fields(body, entity, facts),
        *_messages(body, facts),
        *_window(body, entity),
        *_thinking(body, entity, facts),
        *vision.judged(body, entity, facts),
        *request_schemas.judged(body, entity, facts),
        *_embeddings(body, entity, facts),
    )


def _incomplete(body: Mapping[str, Any], entity: Entity) -> Problem | None:
    key = _PARTS[str(entity.task)]
    value = body.get(key)
    items = [value] if isinstance(value, str) and key != "messages" else value
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        others = [name for name in _PARTS.values() if name in body]
        hint = f"`{others[0]}` is for another task" if others else ""
        summary = f"a request for {entity.task} needs `{key}`, and something in it"
        return error("request-incomplete", summary, hint)
    whole = all(
        isinstance(item, Mapping) and isinstance(item.get("role"), str)
        if key == "messages"
        else isinstance(item, str)
        for item in items
    )
    if whole:
        return None
    what = "a map with `role` and `content`" if key == "messages" else "text"
    return error("request-incomplete", f"everything in `{key}` must be {what}")


def _ranges(body: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    for name, rule in (("temperature", facts["chat-temperature"]), ("n", facts["chat-n"])):
        low, high = rule.min or 0, rule.max or 0
        value = body.get(name)
        kinds = (int, float) if rule.type == "float" else (int,)
        fits = isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high
        if value is not None and not fits:
            yield error("request-range", f"`{name}` must be from {low:g} to {high:g}")
    most = body.get("max_tokens")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        yield error("request-range", "`max_tokens` must be a whole number above 0")


def _fields(body: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    """Hosted models refuse fields that they do not know; providers may know more than we do."""
    if not entity.hosted:
        return
    known = {*facts[f"hosted-{entity.task}-fields"].values, "dimensions"}
    for name in body:
        # Fields of other tasks have problems of their own.
        if name not in known and name not in _ELSEWHERE:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "hosted models refuse what is new"
            yield warning("request-field", f"`{name}` is no known field for {entity.task}", hint)


_ELSEWHERE = {"thinking", "tools", "response_format", *_SAMPLING}


def _messages(body: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    roles = [str(message.get("role")) for message in _messages_of(body)]
    known = (*facts["chat-messages"].values, _TOOL_ROLE)
    for role in dict.fromkeys(roles):
        if role not in known:
            hint = f"known here: {', '.join(known)}"
            yield error("request-messages", f"no message can have the role `{role}`", hint)
    if "system" in roles[1:]:
        hint = "put all instructions into one, before everything else"
        yield error("request-messages", "only the first message can be of the system", hint)


def _window(body: Mapping[str, Any], entity: Entity) -> Iterator[Problem]:
    """Question and answer have to fit what a model reads at once."""
    window, most = entity.context_tokens, body.get("max_tokens")
    asked = sum(map(len, _words(body))) // _CHARACTERS_PER_TOKEN
    answered = most if isinstance(most, int) else 0
    if window and asked + answered > window:
        longest = f" and `max_tokens` of {answered}" if answered else ""
        summary = f"about {asked} tokens{longest} are more than the {window} of {entity.model}"
        yield warning("request-window", summary, "ask for less, or of a model that reads more")


def _words(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a question for chat or completions."""
    contents = [body.get("prompt"), *(one.get("content") for one in _messages_of(body))]
    for content in contents:
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, Mapping) else part
            yield text if isinstance(text, str) else ""


def _messages_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Messages of chat; beside a question for another task they may be anything."""
    given = body.get("messages")
    for message in given if isinstance(given, list) else ():
        if isinstance(message, Mapping):
            yield message


def _thinking(body: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    thinking = body.get("thinking")
    if not isinstance(thinking, Mapping) or thinking.get("type") == "disabled":
        return
    if entity.task != "chat":
        yield error("thinking-elsewhere", f"`thinking` is for chat, {entity.name} answers "
                    f"{entity.task}")  # fmt: skip
        return
    budget, most = thinking.get("budget_tokens"), body.get("max_tokens")
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 1:
        yield error("thinking-budget", "`thinking.budget_tokens` must be a whole number above 0")
    elif not isinstance(most, int) or budget >= most:
        than = f"`max_tokens` ({most})" if most is not None else "`max_tokens`, which is missing"
        summary = f"`thinking.budget_tokens` ({budget}) must be smaller than {than}"
        yield error("thinking-budget", summary, f"set max_tokens to {2 * budget}, for example")
    elif budget > (large := facts["reasoning-large-budget"].above or budget):
        yield warning("thinking-large", f"a budget of more than {large} may not be used up")
    if entity.reasoning in {"none", "always", "effort", "adaptive"}:
        yield warning("thinking-unknown", *_not_switched(entity))


def _not_switched(entity: Entity) -> tuple[str, str]:
    if entity.reasoning == "none":
        return f"{entity.model} is not known to reason", "it may refuse `thinking` or ignore it"
    hint = "use reasoning_effort" if entity.reasoning == "effort" else "leave `thinking` out"
    return f"{entity.model} does not take a budget for its reasoning", hint


def _embeddings(body: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    if entity.task != "embeddings":
        return
    known = " and ".join(f"`{name}`" for name in facts["embeddings-fields"].values)
    for name in _SAMPLING:
        if name in body:
            hint = f"embeddings take {known}"
            yield warning("embedding-field", f"`{name}` has no meaning for embeddings", hint)
    window = entity.context_tokens
    for number, text in enumerate(texts_of(body)):
        about = len(text) // _CHARACTERS_PER_TOKEN
        if window and about > window:
            summary = f"input {number} has about {about} tokens, {entity.model} reads {window}"
            yield warning("embedding-window", summary, "the rest is cut off or refused: split it")
