"""Fields of a request: which are known, of what type, in what range; by the catalog's facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from provisioner.catalog import RequestRule, catalog
from provisioner.emulator.answers import Json
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.refusals import bad_request, unknown_field

_KNOWN = {
    "chat": "hosted-chat-fields",
    "completions": "hosted-completions-fields",
    "embeddings": "hosted-embeddings-fields",
}


@lru_cache(maxsize=1)
def _rules() -> Mapping[str, RequestRule]:
    return {rule.id: rule for rule in catalog().request_rules}


def rule(name: str) -> RequestRule:
    """A fact about requests by its id."""
    return _rules()[name]


def binds(name: str, model: Model) -> bool:
    """Whether a rule is about the way in which this model is served."""
    modes = rule(name).modes
    return not modes or model.mode in modes


def read_fields(model: Model, sent: Json) -> Json:
    """The fields that say something, those of ``extra_params`` among them; raises on bad ones."""
    extra = sent.get("extra_params") or {}
    if not isinstance(extra, dict):
        raise bad_request('Bad request: "extra_params" must be a map.')
    # Text through the SDK, numbers in the founding example (contradiction C13): both are taken.
    given = {key: _plain(value) for key, value in extra.items()} | sent
    if model.hosted:
        _check_known(model, given)
    left_out = ("extra_params",)
    body = {k: v for k, v in given.items() if v is not None and k not in left_out}
    for name in model.refused:
        if name in body:
            raise bad_request(f'Unsupported parameter: "{name}" is not supported with this model.')
    _check_ranges(body)
    if model.hosted and body.get("stream") and body.get("n", 1) != 1:  # observed, Sep 2025
        raise bad_request('Bad request: parameter "n" must be equal to 1 for streaming mode')
    return body


def _check_known(model: Model, sent: Json) -> None:
    known = set(rule(_KNOWN[model.task]).values)
    if model.reasoning != "hybrid":
        known.discard("thinking")  # observed for gpt-oss, Sep 2026
    if model.reasoning in ("none", "hybrid"):
        known.discard("reasoning_effort")
    if model.dims_configurable:
        known.add("dimensions")
    for name in sent:
        if name not in known:
            raise unknown_field(name)


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _check_ranges(body: Json) -> None:
    for name, id_, kind in (("temperature", "chat-temperature", float), ("n", "chat-n", int)):
        if name in body:
            low, high = rule(id_).min or 0, rule(id_).max or 0
            if not is_number(body[name], kind) or not low <= body[name] <= high:
                raise bad_request(
                    f'Bad request: "{name}" must be between {kind(low)} and {kind(high)}.'
                )
    for name in ("max_tokens", "max_completion_tokens"):
        if name in body and not (is_number(body[name], int) and body[name] > 0):
            raise bad_request(f'Bad request: "{name}" must be a positive integer.')
    if "top_p" in body and not (is_number(body["top_p"], float) and 0 <= body["top_p"] <= 1):
        raise bad_request('Bad request: "top_p" must be between 0 and 1.')
    if not isinstance(body.get("stream", False), bool):
        raise bad_request('Bad request: "stream" must be a boolean.')
    stop = body.get("stop", [])
    if not isinstance(stop, str) and not is_texts(stop):
        raise bad_request('Bad request: "stop" must be a string or a list of strings.')


def is_number(value: Any, kind: type) -> bool:
    """Whether it is a number; a whole one where ``kind`` is int."""
    wanted = int if kind is int else int | float
    return isinstance(value, wanted) and not isinstance(value, bool)


def is_texts(value: Any) -> bool:
    """Whether it is a list of text."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def texts_of(body: Json, field: str) -> list[str]:
    """One text or several, at least one; raises on anything else."""
    value = body.get(field)
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not is_texts(found):
        raise bad_request(f'Bad request: "{field}" must be a string or a list of strings.')
    return found


def ends_of(body: Json) -> list[str]:
    """Texts at which an answer ends."""
    stop = body.get("stop", [])
    return [stop] if isinstance(stop, str) else list(stop)
