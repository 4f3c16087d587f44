"""The conversation of a chat request: read, checked, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.images import check_images
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import rule
from provisioner.emulator.inference.reasoning import check_signatures
from provisioner.emulator.inference.refusals import bad_request

_TURN_OVERHEAD = 4
"""Tokens that a message costs whatever it says."""


@dataclass(frozen=True)
class Conversation:
    """What is left of the messages once they are read."""

    asked: str
    """The last text of the user."""
    last_role: str
    tokens: int
    """Of everything, pictures too."""


def read_conversation(model: Model, messages: Any, body: Json) -> Conversation:
    """Check the messages and count them; raises where one is wrong."""
    if not isinstance(messages, list) or not messages:
        raise bad_request('Bad request: "messages" must be a non-empty list.')
    for at, message in enumerate(messages):
        _check(message, at)
    blocks = [block for message in messages for block in _blocks(message)]
    pictures = check_images(model, [b for b in blocks if b.get("type") == "image_url"])
    check_signatures(messages)
    mine = [_text(message) for message in messages if message["role"] == "user"]
    read = sum(tokens.count(_text(message)) + _TURN_OVERHEAD for message in messages)
    read += tokens.count(str(body["tools"])) if "tools" in body else 0
    read += _last_thought(messages)
    return Conversation(mine[-1] if mine else "", messages[-1]["role"], read + pictures)


def _check(message: Any, at: int) -> None:
    roles = (*rule("chat-messages").values, "tool")
    if not isinstance(message, dict) or message.get("role") not in roles:
        raise bad_request(f"Bad request: the role of messages[{at}] must be one of {list(roles)}.")
    if message["role"] == "system" and at:
        raise bad_request("Bad request: a system message must be the first, and the only one.")
    content, kinds = message.get("content"), rule("chat-content").values
    if content is None and message["role"] == "assistant" and message.get("tool_calls"):
        return
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise bad_request(f"Bad request: messages[{at}] has no content.")
    for block in content:
        if not isinstance(block, dict) or block.get("type") not in kinds:
            raise bad_request(
                f"Bad request: messages[{at}].content must be blocks of type {list(kinds)}."
            )


def _blocks(message: Json) -> list[Json]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text(message: Json) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content if block["type"] == "text")


def _last_thought(messages: list[Json]) -> int:
    """Only the reasoning of the last assistant turn counts (request rule reasoning-turns)."""
    turns = [message for message in messages if message["role"] == "assistant"]
    blocks = [b for b in _blocks(turns[-1]) if b["type"] == "reasoning"] if turns else []
    return sum(
        tokens.count(str(part.get("text", "")))
        for block in blocks
        for part in block.get("summary", ())
    )
