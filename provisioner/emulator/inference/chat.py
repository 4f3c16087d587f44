"""Chat completions: what comes back, whole or as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.messages import Conversation, read_conversation
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import ends_of
from provisioner.emulator.inference.reasoning import read_thinking, signature, thoughts
from provisioner.emulator.inference.replies import (
    Censor,
    Reply,
    events,
    finish,
    last_usage,
    prose,
    usage,
)
from provisioner.emulator.inference.structured import read_format
from provisioner.emulator.inference.tools import calls_for, read_tools


@dataclass(frozen=True)
class Turn:
    """One of the answers to a conversation."""

    text: str
    finish_reason: str
    thought: str = ""
    shows_thought: bool = False
    tool_calls: tuple[Json, ...] = ()

    @property
    def written(self) -> int:
        """Tokens of all that was made, shown or not."""
        arguments = (call["function"]["arguments"] for call in self.tool_calls)
        return sum(map(tokens.count, (self.text, self.thought, *arguments)))

    @property
    def content(self) -> Any:
        """Text, or a list of blocks where the model shows its reasoning."""
        if not self.shows_thought:
            return None if self.tool_calls else self.text
        blocks = [_reasoning_block(self.thought, signature(self.thought))]
        return blocks + ([{"type": "text", "text": self.text}] if self.text else [])


def reply(model: Model, body: Json, created: int, censor: Censor) -> Reply:
    """``n`` answers to one conversation."""
    talk = read_conversation(model, body.get("messages"), body)
    mark = tokens.digest(model.name, {key: body[key] for key in body if key not in _NOT_ASKED})
    turns = [_turn(model, body, talk, mark, index, censor) for index in range(body.get("n", 1))]
    written = sum(turn.written for turn in turns)
    hidden = sum(tokens.count(turn.thought) for turn in turns if not turn.shows_thought)
    head = {"id": f"chatcmpl-{mark[:24]}", "created": created, "model": model.name}
    spent = usage(talk.tokens, written, hidden)
    whole = head | {
        "object": "chat.completion",
        "choices": [_choice(at, turn) for at, turn in enumerate(turns)],
        "usage": spent,
    }
    told = spent if last_usage(body, hosted=model.hosted) else None
    return Reply(whole, talk.tokens, written, _events(head, turns, told))


_NOT_ASKED = {"stream", "stream_options", "client_request_id", "usage_context", "model"}
"""What an answer does not depend on."""


def _turn(
    model: Model, body: Json, talk: Conversation, mark: str, index: int, censor: Censor
) -> Turn:
    limit = body.get("max_tokens", body.get("max_completion_tokens", model.default_max_tokens))
    thinking = read_thinking(model, body)
    tools, written_as = read_tools(model, body), read_format(model, body, talk.asked)
    thought = thoughts(model, thinking, talk.asked, limit)
    shows = bool(thought) and model.shows_reasoning
    calls = calls_for(model, body, tools, talk, tokens.digest(mark, index))
    if calls:
        return Turn("", "tool_calls", thought, shows, calls)
    if written_as is None:
        which = f"{mark[:8]}, answer {index + 1} of {body.get('n', 1)}"
        text = prose(model.name, talk.tokens, talk.asked, which)
    else:
        text = written_as(tokens.digest(mark, index))
    left = None if limit is None else limit - tokens.count(thought)
    done = finish(censor(text), ends_of(body), left)
    return Turn(done.text, done.reason, thought, shows)


def _reasoning_block(thought: str, signed: str) -> Json:
    summary = {"type": "summary_text", "text": thought, "signature": signed}
    return {"type": "reasoning", "summary": [summary]}


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


def _events(head: Json, turns: list[Turn], told: Json | None) -> tuple[str, ...]:
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
