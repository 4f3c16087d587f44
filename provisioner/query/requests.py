"""Building requests: from what a person asks, or from a task alone, to the body that is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.query.images import Image
from provisioner.query.targets import Entity

_ANSWER_OF_REASONING = 256
"""Tokens for a model that reasons unasked: with fewer it refuses, or says nothing."""


@dataclass(frozen=True)
class Question:
    """What a person asks, before it is known whom."""

    prompt: str | None = None
    system: str | None = None
    images: tuple[Image, ...] = ()
    thinking: int | None = None
    """Tokens that the model may spend on reasoning."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Functions, each as OpenAI writes a tool or only its ``function``."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema that the answer is to follow."""
    inputs: tuple[str, ...] = ()
    """Texts to embed."""
    instruction: str | None = None
    """Put before each input, for models that want one."""
    max_tokens: int | None = None
    stream: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the body, as they are."""
    history: tuple[Mapping[str, Any], ...] = ()
    """Messages of the conversation so far."""


def unasked(question: Question, entity: Entity) -> tuple[str, str] | None:
    """Why a question cannot be put to an entity, and what to give instead; None when it can.

    What to give is ``prompt``, ``input`` or ``request``, as options and keys of checks are called.
    """
    if entity.task is None:
        return f"what {entity.name} takes is known to its model only", "request"
    if entity.task == "embeddings":
        return None if question.inputs else (f"{entity.name} makes embeddings of texts", "input")
    if question.inputs:
        return f"{entity.name} answers {entity.task} and makes no embeddings", "prompt"
    if entity.task == "completions" and question.prompt is None:
        return f"{entity.name} completes a text", "prompt"
    texts = question.prompt is not None or question.images or question.history
    return None if texts else (f"{entity.name} answers chat", "prompt")


def body_of(question: Question, entity: Entity) -> dict[str, Any]:
    """The body of a question to an entity; see `unasked` for whether there is one."""
    parts = {"embeddings": _embeddings, "completions": _completions}.get(entity.task or "", _chat)
    body = parts(question)
    if question.stream:
        body["stream"] = True
    return {**body, **question.extra}


def _embeddings(question: Question) -> dict[str, Any]:
    several = len(question.inputs) != 1
    body: dict[str, Any] = {"input": list(question.inputs) if several else question.inputs[0]}
    return body | _given(instruction=question.instruction)


def _completions(question: Question) -> dict[str, Any]:
    return {
        "prompt": question.prompt,
        **_given(max_tokens=question.max_tokens),
        **_chat_only(question),
    }


def _chat(question: Question) -> dict[str, Any]:
    messages = list(question.history)
    if question.system is not None and not any(m.get("role") == "system" for m in messages):
        messages.insert(0, {"role": "system", "content": question.system})
    if question.prompt is not None or question.images:
        messages.append({"role": "user", "content": _content(question)})
    most = question.max_tokens
    if question.thinking is not None and most is None:
        # The budget has to be smaller than max_tokens, and something is to be left to say.
        most = 2 * question.thinking
    return {"messages": messages, **_given(max_tokens=most), **_chat_only(question)}


def _chat_only(question: Question) -> dict[str, Any]:
    """Fields of chat; put into other tasks' bodies too, where the rules refuse them by name."""
    body: dict[str, Any] = {}
    if question.thinking is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": question.thinking}
    if question.tools:
        body["tools"] = [_tool(tool) for tool in question.tools]
    if question.schema is not None:
        body["response_format"] = _format(question.schema)
    return body


def _content(question: Question) -> str | list[dict[str, Any]]:
    if not question.images:
        return question.prompt or ""
    text = [{"type": "text", "text": question.prompt}] if question.prompt is not None else []
    pictures = [{"type": "image_url", "image_url": {"url": one.uri}} for one in question.images]
    return [*text, *pictures]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return dict(tool) if "function" in tool else {"type": "function", "function": dict(tool)}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "json_schema" in schema:
        return {"type": "json_schema", **schema}
    named = schema if "schema" in schema and "name" in schema else None
    wrapped = named or {"name": "answer", "schema": dict(schema), "strict": True}
    return {"type": "json_schema", "json_schema": dict(wrapped)}


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def smallest(entity: Entity) -> dict[str, Any]:
    """The cheapest body that an entity can answer; external providers cost money.

    A model of one's own gets a body without content: what it takes is not known, but that it
    refuses it shows that it is there.
    """
    if entity.task is None:
        return {"inputs": []}
    if entity.task == "embeddings":
        return {"input": "ok"}
    most = _ANSWER_OF_REASONING if entity.reasons_unasked else 1
    if entity.task == "completions":
        return {"prompt": "ok", "max_tokens": most}
    return {"messages": [{"role": "user", "content": "ok"}], "max_tokens": most}


def texts_of(body: Mapping[str, Any]) -> Sequence[str]:
    """What is to be embedded by a body; empty for other tasks."""
    given = body.get("input")
    return [given] if isinstance(given, str) else list(given or ())
