"""Text completions."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import ends_of, texts_of
from provisioner.emulator.inference.replies import (
    Censor,
    Finished,
    Part,
    Reply,
    finish,
    prose,
    stream,
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
    chunk = head | {"object": "text_completion"}
    return Reply(whole, read, written, stream(model, body, chunk, _parts(texts), spent))


def _text(model: Model, prompt: str, mark: str, index: int, number: int) -> str:
    which = f"{mark[:8]}, text {index + 1} of {number}"
    return prose(model.name, tokens.count(prompt), prompt, which)


def _choice(at: int, text: Finished) -> Json:
    return {"index": at, "text": text.text, "logprobs": None, "finish_reason": text.reason}


def _parts(texts: list[Finished]) -> Iterator[Part]:
    for at, text in enumerate(texts):
        for piece in tokens.pieces(text.text):
            yield _choice(at, Finished(piece, None)), tokens.count(piece)
        yield _choice(at, Finished("", text.reason)), 0
