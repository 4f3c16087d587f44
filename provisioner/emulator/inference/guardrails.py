"""Guardrails of the gateway: block or mask, on the way in and on the way out.

The service judges with models; here a few patterns and words stand in for them, so that a test
can provoke each verdict. The shape of a refusal was published by users in 2025 and 2026.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError
from provisioner.emulator.inference.refusals import bad_request

Side = Literal["input", "output"]

_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]*\w"  # an address
    r"|\b\d{3}-\d{2}-\d{4}\b"  # a social security number
    r"|\b(?:\d[ -]?){13,16}\b"  # a credit card
    r"|\+?\b\d{1,3}[ -]\d{3}[ -]\d{3,4}[ -]\d{2,4}\b"  # a telephone
)
_UNSAFE = re.compile(r"\b(build|make|buy) an? (bomb|weapon)\b|\bhurt (him|her|them|someone)\b")
_CATEGORIES = (
    "violent-crimes", "non-violent-crimes", "sex-crimes", "child-exploitation",
    "specialized-advice", "privacy", "intellectual-property", "indiscriminate-weapons", "hate",
    "self-harm", "sexual-content",
)  # fmt: skip


def pass_on(endpoint: Json, side: Side, text: str) -> str:
    """The text as it goes on, masked where that is asked for; raises where it is blocked."""
    rails = endpoint.get("ai_gateway", {}).get("guardrails", {}).get(side)
    if not rails:
        return text
    low = text.lower()
    if rails.get("safety") and _UNSAFE.search(low):
        raise _blocked(side, {"categories": {c: c == "violent-crimes" for c in _CATEGORIES}})
    if any(word.lower() in low for word in rails.get("invalid_keywords", ())):
        raise _blocked(side, {"invalid_keywords": True})
    topics = rails.get("valid_topics", ())
    if side == "input" and topics and not any(topic.lower() in low for topic in topics):
        raise _blocked(side, {"off_topic": True})
    behavior = rails.get("pii", {}).get("behavior", "NONE")
    if behavior == "BLOCK" and _PERSONAL.search(text):
        raise _blocked(side, {"pii_detection": True})
    return _PERSONAL.sub("[REDACTED]", text) if behavior == "MASK" else text


def pass_on_request(endpoint: Json, body: Json) -> Json:
    """A request with every text that the caller wrote passed on."""
    if not endpoint.get("ai_gateway", {}).get("guardrails", {}).get("input"):
        return body
    found = [text for key in _WRITTEN for text in _texts(body.get(key))]
    pass_on(endpoint, "input", "\n".join(found))
    return body | {key: _mapped(endpoint, body[key]) for key in _WRITTEN if key in body}


_WRITTEN = ("messages", "prompt", "input")
_NOT_TEXT = ("role", "type", "url", "image_url", "signature", "id", "name")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict) and value.get("role", "user") == "user":
        return [t for key, item in value.items() if key not in _NOT_TEXT for t in _texts(item)]
    return []


def _mapped(endpoint: Json, value: Any) -> Any:
    behavior = endpoint["ai_gateway"]["guardrails"]["input"].get("pii", {}).get("behavior")
    if behavior != "MASK":
        return value
    if isinstance(value, str):
        return _PERSONAL.sub("[REDACTED]", value)
    if isinstance(value, list):
        return [_mapped(endpoint, item) for item in value]
    if isinstance(value, dict):
        return {k: v if k in _NOT_TEXT else _mapped(endpoint, v) for k, v in value.items()}
    return value


def _blocked(side: Side, finding: Json) -> ApiError:
    """400, with a JSON document as the message."""
    verdict = {
        f"{side}_guardrail": [{"flagged": True, **finding}],
        "finishReason": f"{side}_guardrail_triggered",
    }
    return bad_request(json.dumps(verdict))
