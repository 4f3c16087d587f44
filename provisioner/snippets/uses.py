"""What an endpoint is asked for, each with the request that a snippet shows."""

from __future__ import annotations

from typing import Any, Literal, get_args

Use = Literal[
    "chat",
    "completions",
    "embeddings",
    "reasoning",
    "vision",
    "tools",
    "structured",
    "batch",
    "records",
]
USES: tuple[Use, ...] = get_args(Use)

OF_CHAT: tuple[Use, ...] = ("reasoning", "vision", "tools", "structured")
"""Uses that only an endpoint for chat can have."""

IMAGE = "data:image/png;base64,IMAGE"
"""Stands for the picture, which the code reads from a file."""

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_PERSON = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
        },
        "strict": True,
    },
}
_LOOK = [
    {"type": "text", "text": "What is in this picture?"},
    {"type": "image_url", "image_url": {"url": IMAGE}},
]
_QUESTION = "What is a mixture of experts?"


def _ask(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


REQUESTS: dict[Use, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "You answer in one sentence."},
            _ask(_QUESTION),
        ],
        "max_tokens": 256,
    },
    "completions": {"prompt": "A mixture of experts is", "max_tokens": 64},
    "embeddings": {"input": ["What is a lakehouse?", "What is a warehouse?"]},
    "reasoning": {"messages": [_ask("Why is the sky blue?")], "max_tokens": 4096},
    "vision": {"messages": [_ask(_LOOK)], "max_tokens": 256},
    "tools": {
        "messages": [_ask("What is the weather in Paris?")],
        "tools": [_WEATHER],
        "max_tokens": 256,
    },
    "structured": {
        "messages": [_ask("Ada Lovelace died at the age of 36.")],
        "response_format": _PERSON,
        "max_tokens": 256,
    },
    "records": {"dataframe_records": [{"feature_1": 1.0, "feature_2": "a"}]},
}
"""The body of the request. A batch has none of its own: it is one request for each row."""

THINKING: dict[str, dict[str, Any]] = {
    "hybrid": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "effort": {"reasoning_effort": "medium"},
}
"""How a model that reasons on request is asked to; others need nothing."""
