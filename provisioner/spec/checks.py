"""Checks: the questions that prove that served entities answer, and what is expected of answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from provisioner.spec.base import List, Written

_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_PATH = re.compile(r"(?:[^.\[\]\s]+|\[\d+\])(?:\.[^.\[\]\s]+|\[\d+\])*")
_OPERATORS = {"equals", "matches", "exists"}


def _seconds(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return value
    match = _TIME.fullmatch(value)
    if not match or not value:
        raise PydanticCustomError("bad-value", "must be a time, as 800ms, 2s or 5m")
    hours, minutes, seconds, thousandths = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _is_positive(seconds: float) -> float:
    if seconds <= 0:
        raise PydanticCustomError("bad-value", "must be longer than nothing")
    return seconds


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _file_or_schema(value: Any) -> Any:
    return {"$ref": value} if isinstance(value, str) else value


def _paths(values: dict[str, Any]) -> dict[str, Any]:
    for path, wanted in values.items():
        if not _PATH.fullmatch(path):
            raise PydanticCustomError(
                "bad-value", "`{path}` is no path; write as choices[0].text", {"path": path}
            )
        if isinstance(wanted, dict):
            _is_condition(wanted)
    return values


def _is_condition(wanted: dict[str, Any]) -> None:
    if len(wanted) != 1 or not _OPERATORS.issuperset(wanted):
        raise PydanticCustomError(
            "bad-value", "a map must be one of `equals`, `matches` and `exists`"
        )
    try:
        re.compile(str(wanted.get("matches", "")))
    except re.error as failure:
        raise PydanticCustomError("bad-value", "`matches` is no regular expression") from failure
    if not isinstance(wanted.get("exists", True), bool):
        raise PydanticCustomError("bad-value", "`exists` must be true or false")


Budget = Annotated[
    float,
    BeforeValidator(_seconds),
    AfterValidator(_is_positive),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": "^[0-9.hms]+$"},
            ],
            "examples": ["800ms", "2s", "5m", 1.5],
        }
    ),
]
"""Seconds, also of less than one; also written like ``800ms``, ``2s`` or ``5m``."""

Texts = Annotated[
    List[str],
    BeforeValidator(_one_or_more),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One text or a list of texts."""

Schema = Annotated[
    dict[str, Any],
    BeforeValidator(_file_or_schema),
    WithJsonSchema(
        {"anyOf": [{"type": "object"}, {"type": "string"}], "examples": ["schemas/answer.json"]}
    ),
]
"""A JSON Schema, or the path of a file with one, from the project's folder."""


class Expectation(Written):
    """What an answer has to be; what is not written is expected as the task has it."""

    status: Annotated[int, Field(ge=100, le=599)] | None = None
    """HTTP status; 200 when it is not written."""
    shape: Literal["chat", "completions", "embeddings", "any"] | None = None
    """The parts that an answer has; those of the served entity's task when it is not written."""
    dimension: Annotated[int, Field(ge=1)] | None = None
    """Numbers in each embedding; as the catalog says when it is not written."""
    norm: float | None = None
    """Length of each embedding, within 0.001."""
    json_path: Annotated[dict[str, Any], AfterValidator(_paths)] | None = None
    """Values by their path in the answer: a value, or `{equals: ...}`, `{matches: REGEX}`,
    `{exists: true}`."""
    body_schema: Schema | None = None
    """JSON Schema of the whole answer, or a file that holds one."""
    content_schema: Schema | None = None
    """JSON Schema of the answer's text, which has to be JSON then; or a file that holds one."""
    latency: Budget | None = None
    """The longest time for an answer of compute that is up; 30 seconds when it is not written."""
    cold_start: Budget | None = None
    """The longest time for an answer of compute that was scaled to zero; 5 minutes when it is not
    written."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """The most tokens that the answer may say it cost."""


_QUESTIONS = ("prompt", "input", "request")


class CheckSpec(Written):
    """One question, and what is expected of its answer."""

    name: str
    """Name of the check, unique in its endpoint."""
    entities: List[str] | None = None
    """Globs of the served entities that are asked; all when it is not written."""
    prompt: str | None = None
    """The question, for chat and completions; a short one when nothing is asked."""
    system: str | None = None
    """Instructions that come before the prompt; for chat."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The most tokens of the answer."""
    input: Texts | None = None
    """What to embed, for embeddings."""
    request: dict[str, Any] | None = None
    """The whole body of the request, instead of the keys above."""
    expect: Expectation = Expectation.model_construct()
    """What the answer has to be."""
    on_failure: Literal["keep", "rollback"] = "keep"
    """What `apply --verify` does when the check fails: leave the endpoint, or return it to the
    configuration that was applied before."""

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        asked = [key for key in _QUESTIONS if getattr(self, key) is not None]
        if len(asked) > 1:
            raise PydanticCustomError(
                "conflicting-keys",
                "{keys} exclude each other",
                {"keys": " and ".join(f"`{key}`" for key in asked)},
            )
        for key in ("system", "max_tokens"):
            if getattr(self, key) is not None and {"input", "request"} & set(asked):
                raise PydanticCustomError(
                    "conflicting-keys",
                    "`{key}` goes with a prompt; write it into the request",
                    {"key": key},
                )
        return self
