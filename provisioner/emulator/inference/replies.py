"""An answer before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens

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
    """A text that ended, and why: ``stop`` or ``length``."""

    text: str
    reason: str

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


def events(chunks: list[Json]) -> tuple[str, ...]:
    """Chunks as server-sent events, with the usual end."""
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
    return tuple(f"data: {line}\n\n" for line in [*lines, "[DONE]"])


def last_usage(body: Json, *, hosted: bool) -> bool:
    """Whether a stream tells its usage: hosted models do, others when they are asked to.

    Hosted models refuse ``stream_options`` as unknown; that they tell it all the same is what
    clients of theirs rely on (confidence medium).
    """
    options: Any = body.get("stream_options")
    return hosted or (isinstance(options, dict) and bool(options.get("include_usage")))
