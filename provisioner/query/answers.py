"""Reading answers: their text, reasoning, calls, vectors and cost; and whether they are whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.catalog import Task, catalog


@dataclass(frozen=True)
class Usage:
    """Tokens that an answer says it cost. None: it does not say."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    reasoning: int | None = None
    """Part of the completion, where the model tells."""


@dataclass(frozen=True)
class ToolCall:
    """A function that the model wants to be called."""

    name: str
    arguments: str
    """JSON, as the model wrote it."""
    id: str = ""
    """Gemini endpoints give none."""


@dataclass(frozen=True)
class Said:
    """What an answer says, whatever its task."""

    text: str = ""
    """Of the first choice, or one line about embeddings."""
    reasoning: str = ""
    """Summary of the model's reasoning, where it is shown."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    """Why the answer ended: stop, length, tool_calls."""
    usage: Usage = Usage()
    others: tuple[str, ...] = ()
    """Texts of further choices."""
    vectors: tuple[tuple[float, ...], ...] = ()
    """Embeddings, in the order of the inputs."""
    message: Mapping[str, Any] | None = None
    """The assistant's whole message, to go on with."""

    @property
    def dimension(self) -> int:
        """Numbers in the first embedding."""
        return len(self.vectors[0]) if self.vectors else 0

    @property
    def norms(self) -> tuple[float, ...]:
        """Length of each embedding."""
        return tuple(math.hypot(*vector) for vector in self.vectors)


def wrong_with(body: Any, task: Task | None) -> str:
    """Why this is no answer of a task; empty when it is one.

    What every client needs is asked for; extra parts and empty ones are fine.
    """
    if task is None:
        empty = body is None or body == ""
        return "the answer is empty" if empty else ""
    if not isinstance(body, Mapping):
        return "the answer is no JSON object"
    expected = next(one.response_object for one in catalog().tasks if one.short == task)
    if body.get("object", expected) != expected:
        return f"`object` is {_word(body['object'])}, not {expected}"
    key = "data" if task == "embeddings" else "choices"
    items = body.get(key)
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        return f"`{key}` is missing or no list with something in it"
    wrong = _WRONG[task]
    return next((f"{key}[{n}]: {why}" for n, one in enumerate(items) if (why := wrong(one))), "")


def _wrong_choice(choice: Any) -> str:
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        return "`message` is missing"
    content = message.get("content")
    if content is None or isinstance(content, str):
        return ""
    if not isinstance(content, list):
        return f"`message.content` is {_word(content)}, not text or a list of blocks"
    whole = all(isinstance(block, Mapping) and "type" in block for block in content)
    return "" if whole else "`message.content` has a block without a `type`"


def _wrong_text(choice: Any) -> str:
    text = choice.get("text") if isinstance(choice, Mapping) else None
    return "" if isinstance(text, str) else "`text` is missing"


def _wrong_vector(item: Any) -> str:
    vector = item.get("embedding") if isinstance(item, Mapping) else None
    if not isinstance(vector, list) or not vector:
        return "`embedding` is missing or no list of numbers"
    numbers = all(_is_number(one) for one in vector)
    return "" if numbers else "`embedding` holds something that is no finite number"


_WRONG = {"chat": _wrong_choice, "completions": _wrong_text, "embeddings": _wrong_vector}


def read(body: Any, task: Task | None) -> Said:
    """What an answer says; parts that are not there are empty."""
    if not isinstance(body, Mapping):
        return Said(text="" if body is None else str(body))
    usage = _usage(body.get("usage"))
    if task == "embeddings":
        items = sorted(body.get("data") or (), key=lambda item: item.get("index") or 0)
        return Said(vectors=tuple(tuple(item["embedding"]) for item in items), usage=usage)
    choices = [one for one in body.get("choices") or () if isinstance(one, Mapping)]
    if not choices:
        return Said(usage=usage)
    if task == "completions":
        texts = [str(choice.get("text") or "") for choice in choices]
        finish = str(choices[0].get("finish_reason") or "")
        return Said(texts[0], finish=finish, usage=usage, others=tuple(texts[1:]))
    return _chat(choices, usage)


def _chat(choices: Sequence[Mapping[str, Any]], usage: Usage) -> Said:
    messages = [choice.get("message") or {} for choice in choices]
    calls = messages[0].get("tool_calls") or ()
    return Said(
        text=text_of(messages[0].get("content")),
        reasoning=_reasoning(messages[0].get("content")),
        tool_calls=tuple(_tool_call(call) for call in calls),
        finish=str(choices[0].get("finish_reason") or ""),
        usage=usage,
        others=tuple(text_of(message.get("content")) for message in messages[1:]),
        message=messages[0],
    )


def text_of(content: Any) -> str:
    """The text of a message's content: a text, or blocks of which some are text."""
    if isinstance(content, list):
        return "".join(str(one.get("text") or "") for one in _blocks(content, "text"))
    return str(content or "")


def _reasoning(content: Any) -> str:
    blocks = _blocks(content, "reasoning") if isinstance(content, list) else ()
    parts = [part for block in blocks for part in block.get("summary") or ()]
    return "\n".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def _blocks(content: list[Any], kind: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in content if isinstance(one, Mapping) and one.get("type") == kind)


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    function = call.get("function") or {}
    name, arguments = str(function.get("name") or ""), str(function.get("arguments") or "")
    return ToolCall(name, arguments, str(call.get("id") or ""))


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, Mapping):
        return Usage()
    details = usage.get("completion_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    return Usage(
        *(
            _count(number)
            for number in (
                usage.get("prompt_tokens"),
                usage.get("completion_tokens"),
                usage.get("total_tokens"),
                reasoning if reasoning is not None else usage.get("reasoning_tokens"),
            )
        )
    )


def _count(number: Any) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _is_number(one: Any) -> bool:
    return isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one)


def _word(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"a {type(value).__name__}"
