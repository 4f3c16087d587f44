"""An answer before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model

Part = tuple[Json, int]
"""What a chunk has to say, and the tokens that are new in it."""

Censor = Callable[[str], str]
"""What the gateway makes of a text on its way out; may refuse it."""


@dataclass(frozen=True)
class Reply:
    """What a model answers, as a whole and, where it can, as a stream."""

    body: Json
    prompt_tokens: int = 0
    completion_tokens: int = 0
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """A text that ended, and why: ``stop`` or ``length``, None while it goes on."""

    text: str
    reason: str | None

    @property
    def tokens(self) -> int:
        """How long it became."""
        return tokens.count(self.text)


def finish(text: str, ends: list[str], limit: int | None) -> Finished:
    """End a text at the first stop, or where the tokens are used up."""
    places = [at for end in ends if end and (at := text.find(end)) >= 0]
    if places:
        text = text[: min(places)]
    if limit is not None and tokens.count(text) > limit:
        return Finished(tokens.cut(text, limit), "length")
    return Finished(text, "stop")


def prose(name: str, read: int, asked: str, which: str) -> str:
    """A text in the place of an answer; it says what it is."""
    tail = " ".join(asked.split())[-200:]
    return (
        f"[emulated] No model answered this: the emulator stands in for {name}. It read {read} "
        f"tokens, which end with: {tail} [{which}] {tokens.FILLER}"
    ).strip()


def usage(prompt: int, completion: int, reasoning: int = 0) -> Json:
    """Counts of tokens; ``reasoning`` are those of thoughts that are not shown."""
    counts: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if reasoning:
        counts["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return counts


def stream(
    model: Model, body: Json, chunk: Json, parts: Iterable[Part], spent: Json
) -> tuple[str, ...]:
    """Parts as server-sent events, with the usual end.

    Hosted models count in every chunk (a recorded stream of Sep 2025), others at the end when
    they are asked to.
    """
    chunks: list[Json] = []
    written = 0
    for choice, new in parts:
        written += new
        told = {"usage": usage(spent["prompt_tokens"], written)} if model.hosted else {}
        chunks.append(chunk | {"choices": [choice]} | told)
    options: Any = body.get("stream_options")
    if not model.hosted and isinstance(options, dict) and options.get("include_usage"):
        chunks.append(chunk | {"choices": [], "usage": spent})
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
    return tuple(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
