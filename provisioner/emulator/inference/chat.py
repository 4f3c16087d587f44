"""Chat completions: what comes back, whole or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import rule
from provisioner.emulator.inference.reasoning import signature
from provisioner.emulator.inference.replies import Censor, Part, Reply, stream, usage
from provisioner.emulator.inference.turns import Turn, hold

_LOGPROB = -0.5
"""Of every token: nothing was computed."""


def reply(model: Model, body: Json, created: int, censor: Censor) -> Reply:
    """``n`` answers to one conversation."""
    held = hold(model, body, censor)
    head = {"id": f"chatcmpl-{held.mark[:24]}", "created": created, "model": model.name}
    spent = usage(held.read, held.written, held.hidden)
    whole = head | {
        "object": "chat.completion",
        "choices": [
            _choice(at, turn) | {"logprobs": _logprobs(model, body, turn)}
            for at, turn in enumerate(held.turns)
        ],
        "usage": spent,
    }
    chunk = head | {"object": "chat.completion.chunk"}
    events = stream(model, body, chunk, _parts(held.turns), spent)
    return Reply(whole, held.read, held.written, events)


def _choice(at: int, turn: Turn) -> Json:
    message = {
        "role": "assistant",
        "content": turn.content,
        # There and empty, as in the founding sample (request rule chat-message).
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": list(turn.tool_calls) or None,
    }
    return {"index": at, "message": message, "finish_reason": turn.finish_reason}


def _logprobs(model: Model, body: Json, turn: Turn) -> Json | None:
    """One for each token, where they are to be had (request rule chat-logprobs)."""
    if not body.get("logprobs") or model.mode not in rule("chat-logprobs").modes:
        return None
    pieces = tokens.pieces(turn.text, 1)
    extra: Json = {"logprob": _LOGPROB, "bytes": None, "top_logprobs": []}
    return {"content": [{"token": piece, **extra} for piece in pieces], "refusal": None}


def _parts(turns: Sequence[Turn]) -> Iterator[Part]:
    for at, turn in enumerate(turns):
        hidden = "" if turn.shows_thought else turn.thought
        yield _part(at, {"role": "assistant", "content": ""}), tokens.count(hidden)
        for delta, text in _deltas(turn):
            yield _part(at, delta), tokens.count(text)
        yield _part(at, {}, turn.finish_reason), 0


def _part(at: int, delta: Json, finish_reason: str | None = None) -> Json:
    return {"index": at, "delta": delta, "finish_reason": finish_reason, "logprobs": None}


def _deltas(turn: Turn) -> Iterator[tuple[Json, str]]:
    """What is sent bit by bit, each with its text.

    Thoughts come as blocks, the signature last; text as text (confidence low).
    """
    if turn.shows_thought:
        for piece in tokens.pieces(turn.thought):
            yield _thought({"text": piece}), piece
        yield _thought({"text": "", "signature": signature(turn.thought)}), ""
    for piece in tokens.pieces(turn.text):
        yield {"content": piece}, piece
    for at, call in enumerate(turn.tool_calls):
        start = {**call["function"], "arguments": ""}
        yield {"tool_calls": [{**call, "index": at, "function": start}]}, ""
        for piece in tokens.pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, piece


def _thought(part: Json) -> Json:
    return {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", **part}]}]}
