"""Text completions."""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import ends_of, texts_of
from provisioner.emulator.inference.replies import (
    Censor,
    Finished,
    Reply,
    events,
    finish,
    last_usage,
    prose,
    usage,
)


def reply(model: Model, body: Json, created: int, censor: Censor) -> Reply:
    """``n`` texts for every prompt."""
    prompts, number = texts_of(body, "prompt"), int(body.get("n", 1))
    read = sum(tokens.count(prompt) for prompt in prompts)
    mark = tokens.digest(model.name, prompts, body.get("temperature"))
    limit = body.get("max_tokens", model.default_max_tokens)
    texts = [
        finish(censor(_text(model, prompt, mark, index, number)), ends_of(body), limit)
        for prompt in prompts
        for index in range(number)
    ]
    written = sum(text.tokens for text in texts)
    head = {"id": f"cmpl-{mark[:24]}", "created": created, "model": model.name}
    spent = usage(read, written)
    whole = head | {
        "object": "text_completion",
        "choices": [_choice(at, text) for at, text in enumerate(texts)],
        "usage": spent,
    }
    told = spent if last_usage(body, hosted=model.hosted) else None
    return Reply(whole, read, written, _events(head, texts, told))


def _text(model: Model, prompt: str, mark: str, index: int, number: int) -> str:
    which = f"{mark[:8]}, text {index + 1} of {number}"
    return prose(model.name, tokens.count(prompt), prompt, which)


def _choice(at: int, text: Finished) -> Json:
    return {"index": at, "text": text.text, "logprobs": None, "finish_reason": text.reason}


def _events(head: Json, texts: list[Finished], told: Json | None) -> tuple[str, ...]:
    chunk = head | {"object": "text_completion"}
    parts = [
        {"index": at, "text": part, "logprobs": None, "finish_reason": None}
        for at, text in enumerate(texts)
        for part in tokens.pieces(text.text)
    ]
    ends = [
        {"index": at, "text": "", "logprobs": None, "finish_reason": text.reason}
        for at, text in enumerate(texts)
    ]
    chunks: list[Json] = [chunk | {"choices": [part]} for part in parts + ends]
    if told:
        chunks.append(chunk | {"choices": [], "usage": told})
    return events(chunks)
