"""Secrets where none should be. A value is judged and never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from provisioner.errors import Problem, Where, error, fixable, warning
from provisioner.redaction import SECRETIVE, is_mask, look_of
from provisioner.rules.judged import Environment, Judged, served

_REFERENCE_LIKE = re.compile(r"\{\{[^{}]{0,200}secret[^{}]{0,200}\}\}", re.IGNORECASE)
_REFERENCE = re.compile(r"\{\{secrets/(?P<scope>[^/{}\s]+)/(?P<key>[^/{}\s]+)\}\}")
_SPACED = re.compile(r"\{\{\s*secrets\s*/\s*([\w.@-]+)\s*/\s*([\w.-]+)\s*\}\}")
_SECRET_NAME = re.compile(r"[\w.@-]{1,128}")
_HARMLESS = re.compile(r"|true|false|none|null|[0-9.]{1,12}|[./~].*|https?://[^@]*", re.IGNORECASE)

_USE = "put it into a secret scope and write {{secrets/SCOPE/KEY}}"
_ROTATE = f"{_USE}; whoever saw the file knows it: rotate it"


def no_secret_in_text(endpoint: Judged) -> Iterator[Problem]:
    """No text holds a key, a mask of a key, or a reference that will not be resolved."""
    return _judged(endpoint.texts())


def no_secret_among_variables(environment: Environment) -> Iterator[Problem]:
    """No variable of the environment holds a secret, either."""
    return _judged(environment.texts())


def no_secret_by_name(endpoint: Judged) -> Iterator[Problem]:
    """An environment variable that is named like a secret refers to one."""
    for path, entity in served(endpoint):
        for name, value in (entity.environment_vars or {}).items():
            if not value or not SECRETIVE.search(name) or "{{" in value:
                continue
            if look_of(value) or is_mask(name, value):
                continue  # said already, and with more certainty
            if not _HARMLESS.fullmatch(value):
                summary = f"the environment variable `{name}` sounds like a secret and is none"
                where = endpoint.where(f"{path}.environment_vars[{name}]")
                yield warning("secret-by-name", summary, _USE, where)


def _judged(texts: Iterable[tuple[str, str, Where]]) -> Iterator[Problem]:
    for key, text, where in texts:
        if look := look_of(text):
            summary = f"`{key}` holds what looks like a secret: {look}"
            yield error("secret-in-text", summary, _ROTATE, where)
        elif "{{" in text:
            yield from _reference(key, text, where)
        elif is_mask(key, text):
            summary = f"`{key}` holds a mask or a placeholder, not a value"
            hint = "what a tool shows instead of a secret cannot be applied: " + _USE
            yield error("masked-secret", summary, hint, where)


def _reference(key: str, text: str, where: Where) -> Iterator[Problem]:
    """A text with braces that mention secrets is exactly one good reference."""
    if not _REFERENCE_LIKE.search(text):
        return
    if found := _REFERENCE.fullmatch(text):
        for part in ("scope", "key"):
            if not _SECRET_NAME.fullmatch(found[part]):
                summary = f"`{key}` refers to a {part} that cannot exist"
                hint = "scopes and keys are of letters, digits, `-`, `_`, `@` and `.`, up to 128"
                yield error("bad-reference", summary, hint, where)
        return
    if spaced := _SPACED.fullmatch(text.strip()):
        good = f"{{{{secrets/{spaced[1]}/{spaced[2]}}}}}"
        problem = error(
            "bad-reference", f"`{key}` has blanks in a reference", f"write {good}", where
        )
        yield fixable(problem, text, good)
    else:
        summary = f"`{key}` holds something like a reference, which stays as it is written"
        hint = "a reference is the whole text: {{secrets/SCOPE/KEY}}"
        yield error("bad-reference", summary, hint, where)
