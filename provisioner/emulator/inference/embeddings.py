"""Embeddings: one vector for each text."""

from __future__ import annotations

import base64
import math
import random
import struct
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import is_number, texts_of
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.replies import Reply

UNNORMALIZED = 18.0
"""Length of the vectors of a model that does not normalise them; any but 1 would do."""


def reply(model: Model, body: Json) -> Reply:
    """The vectors of all texts; a text that is longer than the window is cut.

    Cut or refused: the documents leave it open (request rule embeddings-window).
    """
    texts = [tokens.cut(text, model.window or len(text)) for text in texts_of(body, "input")]
    dimensions, instruction = _dimensions(model, body), body.get("instruction", "")
    if not isinstance(instruction, str):
        raise bad_request('Bad request: "instruction" must be a string.')
    packed = _packed(model, body)
    data = [
        {"object": "embedding", "index": at, "embedding": _shown(vector, packed=packed)}
        for at, vector in enumerate(_vector(model, instruction, text, dimensions) for text in texts)
    ]
    read = sum(tokens.count(instruction + text) for text in texts)
    body = {
        "object": "list",
        "data": data,
        "model": model.name,
        "usage": {"prompt_tokens": read, "total_tokens": read},
    }
    return Reply(body, read)


def _dimensions(model: Model, body: Json) -> int:
    wanted = body.get("dimensions", model.dimensions)
    if "dimensions" in body and not model.dims_configurable:
        raise bad_request('Unsupported parameter: "dimensions" is not supported with this model.')
    if not is_number(wanted, int) or not 0 < wanted <= model.dimensions:
        raise bad_request(f'Bad request: "dimensions" must be from 1 to {model.dimensions}.')
    return int(wanted)


def _packed(model: Model, body: Json) -> bool:
    """Whether vectors are sent as bytes, which the OpenAI client asks for unasked.

    Hosted models ignore it (observed, Sep 2025), and the client copes.
    """
    wanted = body.get("encoding_format", "float")
    if wanted not in ("float", "base64"):
        raise bad_request('Bad request: "encoding_format" must be "float" or "base64".')
    return bool(wanted == "base64") and not model.hosted


def _vector(model: Model, instruction: str, text: str, dimensions: int) -> list[float]:
    dice = random.Random(tokens.digest(model.name, instruction, text))  # noqa: S311 - repeatable
    raw = [dice.uniform(-1, 1) for _ in range(dimensions)]
    scale = (1.0 if model.normalized else UNNORMALIZED) / math.hypot(*raw)
    return [number * scale for number in raw]


def _shown(vector: list[float], *, packed: bool) -> Any:
    if packed:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return vector
