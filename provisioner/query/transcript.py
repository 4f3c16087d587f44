"""Conversations: what is kept of them, and what of it is sent when they go on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

FORMAT_VERSION = 1

Message = Mapping[str, Any]


class Unusable(ValueError):
    """A file that is no transcript, and why."""


def parse(text: str) -> tuple[Message, ...]:
    """The messages of a transcript, or of a bare list of messages.

    Raises:
        Unusable: it is neither.
    """
    try:
        data = json.loads(text)
    except ValueError as failure:
        raise Unusable("it is no JSON") from failure
    if isinstance(data, Mapping):
        version = data.get("format_version")
        if version != FORMAT_VERSION:
            raise Unusable(f"it has format {version}, this tool reads {FORMAT_VERSION}")
        data = data.get("messages")
    if not isinstance(data, list):
        raise Unusable("it holds no list of messages")
    if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in data):
        raise Unusable("every message must be a map with a `role`")
    return tuple(data)


def dump(messages: Sequence[Message]) -> str:
    """A transcript with every message as it was sent or came."""
    document = {"format_version": FORMAT_VERSION, "messages": list(messages)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def to_send(messages: Sequence[Message], *, keep_reasoning: bool) -> tuple[Message, ...]:
    """The messages with which a conversation goes on.

    Only the reasoning of the last answer counts for the model (request rule `reasoning-turns`).
    With ``keep_reasoning`` that answer is sent back unchanged, since its signature is checked;
    all other reasoning is left out and not paid for again.
    """
    answers = [number for number, one in enumerate(messages) if one["role"] == "assistant"]
    kept = answers[-1] if answers and keep_reasoning else None
    return tuple(
        _without_reasoning(one) if number in answers and number != kept else one
        for number, one in enumerate(messages)
    )


def system_of(messages: Sequence[Message]) -> str | None:
    """What the system says in a conversation."""
    found = (one.get("content") for one in messages if one["role"] == "system")
    return next((content for content in found if isinstance(content, str)), None)


def _without_reasoning(message: Message) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    blocks = [one for one in content if not _is(one, "reasoning")]
    if all(_is(one, "text") for one in blocks):
        return {**message, "content": "".join(str(one.get("text") or "") for one in blocks)}
    return {**message, "content": blocks}


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, Mapping) and block.get("type") == kind
