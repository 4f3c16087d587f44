"""What a refusal means: who speaks, and which entry of the catalog fits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisioner.catalog import AnswerCause, Catalog, catalog
from provisioner.wire.inference import Answer

_KEY = re.compile(
    r"\b(?:sk-|dapi|dose|dkea|A[KS]IA|AIza|ya29\.|hf_|xox[a-z]-|gh[a-z]_|glpat-|eyJ)[\w.+/=-]{8,}"
    r"|(?:(?<=key provided: )|(?<=key: )|(?<=token: )|(?<=secret: )|(?<=bearer ))[^\s,;\"']{8,}"
    r"|(?<![\w/+-])(?=[\w+/=]*\d)(?=[\w+/=]*[A-Za-z])[\w+/=]{32,}",
    re.IGNORECASE,
)
"""What may be a key in a provider's words: some repeat the one that they refuse."""
_LONGEST = 300
"""Characters of a refusal that are shown: providers hand on whole pages of HTML."""


@dataclass(frozen=True)
class Refusal:
    """A refusal, taken apart."""

    speaker: Literal["service", "provider"]
    words: str
    """All that the speaker says, on one line."""
    message: str = ""
    """The part of it that is for people."""
    code: str = ""
    """The service's ``error_code``."""
    provider: str = ""
    """As the service names it."""
    status: int = 0
    """HTTP status, or the one that the provider gives itself."""


def refusal(answer: Answer) -> Refusal:
    """Take a refusal apart: the service's own, or a provider's that it hands on."""
    body = answer.body
    if not isinstance(body, Mapping):
        return Refusal("service", _line(body), _line(body), status=answer.status)
    code = str(body.get("error_code") or "")
    handed_on = _handed_on(body)
    if handed_on is None:
        return Refusal("service", _line(body), _message(body), code, status=answer.status)
    provider, said = handed_on
    status = _status(said) or answer.status
    return Refusal("provider", _line(said), _message(said), code, provider, status)


def cause_of(found: Refusal, facts: Catalog | None = None) -> AnswerCause | None:
    """The first entry of the catalog that fits; None where nothing is known of it."""
    entries = (facts or catalog()).answer_causes
    return next((entry for entry in entries if _fits(entry, found)), None)


def _fits(entry: AnswerCause, found: Refusal) -> bool:
    return (
        entry.speaker == found.speaker
        and (not entry.statuses or found.status in entry.statuses)
        and (not entry.codes or found.code in entry.codes)
        and (not entry.pattern or bool(re.search(entry.pattern, found.words, re.IGNORECASE)))
    )


def _handed_on(body: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The provider and its words.

    Two forms were seen in published answers: JSON inside of ``message`` (2025-2026), and
    ``external_model_message`` beside ``error: Received error from PROVIDER`` (2024).
    """
    if "external_model_message" in body:
        provider = str(body.get("error") or "").rpartition(" ")[2]
        return provider, body["external_model_message"]
    inner: Any = body
    if "external_model_error" not in body:
        try:
            inner = json.loads(str(body.get("message") or ""))
        except ValueError:
            return None
    if isinstance(inner, Mapping) and "external_model_error" in inner:
        provider = str(inner.get("external_model_provider") or "")
        return provider, inner["external_model_error"]
    return None


def _status(said: Any) -> int | None:
    """A status that a provider's answer names itself."""
    if not isinstance(said, Mapping):
        return None
    places = (said, said.get("error"))
    for place in places:
        for key in ("status", "status_code", "code", "error_code"):
            text = str(place.get(key) or "") if isinstance(place, Mapping) else ""
            if re.fullmatch(r"[45]\d\d", text):
                return int(text)
    return None


def _message(said: Any) -> str:
    """What is for people in an answer, wherever it puts that."""
    while isinstance(said, Mapping):
        inner = next((said[key] for key in ("error", "message", "detail") if said.get(key)), None)
        if inner is None:
            break
        said = inner
    return _line(said)


def _line(words: Any) -> str:
    """Words on one line, shortened and without keys; maps as JSON."""
    text = words if isinstance(words, str) else json.dumps(words, ensure_ascii=False, default=str)
    text = _KEY.sub("***", " ".join(text.split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4].rstrip() + " ..."
