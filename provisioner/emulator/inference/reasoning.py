"""Reasoning: when a model thinks, what of it is shown, and the signature under it."""

from __future__ import annotations

from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import is_number, rule
from provisioner.emulator.inference.refusals import ProviderError, bad_request

_EFFORTS = {"none": 0, "minimal": 16, "low": 32, "medium": 64, "high": 128, "max": 256}
"""Effort to tokens; the numbers are the emulator's own."""


def read_thinking(model: Model, body: Json) -> int:
    """How many tokens may go into thinking, 0 for none; raises where the request is wrong."""
    budget = _budget(model, body.get("thinking"), body.get("max_tokens"))
    effort = body.get("reasoning_effort")
    if effort is not None and (effort not in [*_EFFORTS] or model.reasoning in ("none", "hybrid")):
        raise bad_request(f"Bad request: \"reasoning_effort\" '{effort}' is not supported.")
    if budget or model.reasoning in ("none", "hybrid"):
        return budget
    return _EFFORTS[effort or "low"]


def _budget(model: Model, thinking: Any, max_tokens: int | None) -> int:
    """The budget of a hybrid model; only chat completions take one."""
    if thinking is None:
        return 0
    if model.reasoning != "hybrid":
        text = "Unrecognized request argument supplied: thinking"
        raise ProviderError(model.provider, 400, "invalid_request_error", text)
    if not isinstance(thinking, dict) or thinking.get("type") not in ("enabled", "disabled"):
        raise bad_request('Bad request: "thinking.type" must be "enabled" or "disabled".')
    if thinking["type"] == "disabled":
        return 0
    budget: Any = thinking.get("budget_tokens")
    least = int(rule("reasoning-budget").min or 1)
    if not is_number(budget, int) or budget < least:
        raise bad_request(f'Bad request: "thinking.budget_tokens" must be at least {least}.')
    if max_tokens is not None and budget >= max_tokens:
        raise bad_request(
            'Bad request: "max_tokens" must be greater than "thinking.budget_tokens".'
        )
    return int(budget)


def thoughts(model: Model, budget: int, asked: str, limit: int | None) -> str:
    """What the model seems to have thought; empty where it did not think."""
    if not budget:
        return ""
    text = f"[emulated] Nobody thought about this in the place of {model.name}. {asked[-80:]} "
    room = min(budget, max(_EFFORTS.values()), budget if limit is None else limit)
    return tokens.cut(text + tokens.FILLER * room, room)


def signature(thought: str) -> str:
    """What proves that a thought comes back untouched."""
    return f"emulated-{tokens.digest('signature', thought)[:40]}"


def check_signatures(messages: list[Json]) -> None:
    """Refuse reasoning blocks that were changed (request rule reasoning-keep)."""
    for message in messages:
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if block["type"] == "reasoning" and not _is_untouched(block.get("summary")):
                raise bad_request("Bad request: invalid signature in a reasoning block.")


def _is_untouched(summary: Any) -> bool:
    if not isinstance(summary, list) or not all(isinstance(part, dict) for part in summary):
        return False
    return all(part.get("signature") == signature(str(part.get("text"))) for part in summary)
