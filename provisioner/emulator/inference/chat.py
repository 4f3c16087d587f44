"""Chat completions: what comes back, whole or as a stream."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.reasoning import signature
from provisioner.emulator.inference.replies import Censor, Reply, events, last_usage, usage
from provisioner.emulator.inference.turns import Turn, hold


def reply(model: Model, body: Json, created: int, censor: Censor) -> Reply:
    """``n`` answers to one conversation."""
    held = hold(model, body, censor)
    head = {"id": f"chatcmpl-{held.mark[:24]}", "created": created, "model": model.name}
    spent = usage(held.read, held.written, held.hidden)
    whole = head | {
        "object": "chat.completion",
        "choices": [_choice(at, turn) for at, turn in enumerate(held.turns)],
        "usage": spent,
    }
    told = spent if last_usage(body, hosted=model.hosted) else None
    return Reply(whole, held.read, held.written, _events(head, held.turns, told))


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
    return {"index": at, "message": message, "finish_reason": turn.finish_reason, "logprobs": None}


def _events(head: Json, turns: Sequence[Turn], told: Json | None) -> tuple[str, ...]:
    chunk = head | {"object": "chat.completion.chunk"}
    chunks: list[Json] = []
    for at, turn in enumerate(turns):
        deltas = [{"role": "assistant", "content": ""}, *_deltas(turn)]
        chunks += [chunk | {"choices": [_part(at, delta, None)]} for delta in deltas]
        chunks.append(chunk | {"choices": [_part(at, {}, turn.finish_reason)]})
    if told:
        chunks.append(chunk | {"choices": [], "usage": told})
    return events(chunks)


def _part(at: int, delta: Json, finish_reason: str | None) -> Json:
    return {"index": at, "delta": delta, "finish_reason": finish_reason, "logprobs": None}


def _deltas(turn: Turn) -> list[Json]:
    """Thoughts come as blocks, the signature last; text as text (confidence low)."""
    found: list[Json] = []
    if turn.shows_thought:
        parts = [*tokens.pieces(turn.thought), ""]
        for part in parts:
            summary: Json = {"type": "summary_text", "text": part}
            if not part:
                summary["signature"] = signature(turn.thought)
            found.append({"content": [{"type": "reasoning", "summary": [summary]}]})
    found += [{"content": part} for part in tokens.pieces(turn.text)]
    for at, call in enumerate(turn.tool_calls):
        start = {**call["function"], "arguments": ""}
        found.append({"tool_calls": [{**call, "index": at, "function": start}]})
        found += [
            {"tool_calls": [{"index": at, "function": {"arguments": part}}]}
            for part in tokens.pieces(call["function"]["arguments"])
        ]
    return found
