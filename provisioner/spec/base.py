"""The common ground of the models: strictness, secrets, text and durations."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

T = TypeVar("T")

_REFERENCE = re.compile(r"\{\{secrets/[^/{}\s]+/[^/{}\s]+\}\}")
_FROM_ENVIRONMENT = re.compile(r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_ALIAS = re.compile(r"@[A-Za-z0-9_-]+")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Written(BaseModel):
    """Something that a person writes: exact types, no unknown keys, never changed."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
        # Only the two roots are ever built, each with everything below it.
        defer_build=True,
    )


class ApiObject(Written):
    """An object of the REST API, field for field.

    Every optional field may be unset, which leaves it alone, or ``null``, which
    clears it; ``model_fields_set`` tells the two apart.
    """

    part_of_answers: ClassVar = ""
    """What answers call the object where they hold more of it than may be written."""
    api_extra: dict[str, Any] | None = None
    """Fields of the API that this version of the tool does not know; sent as they are."""

    @field_validator("api_extra")
    @classmethod
    def _only_new_fields(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        for key in extra or {}:
            if key in cls.model_fields:
                raise PydanticCustomError(
                    "known-api-field", "this version knows `{key}`: write it directly", {"key": key}
                )
        _refuse_plaintext(extra)
        return extra

    def api_data(self) -> dict[str, Any]:
        """The object in the words of the REST API, as new plain data.

        Keys that are not written are absent, a written ``null`` stays, and
        ``api_extra`` is merged into the object that holds it. The tool's own keys,
        which are excluded fields of the models, are left out.
        """
        data = {
            name: _api_value(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if name in self.model_fields_set and not field.exclude and name != "api_extra"
        }
        return data | copy.deepcopy(self.api_extra or {})


def _api_value(value: Any) -> Any:
    if isinstance(value, ApiObject):
        return value.api_data()
    if isinstance(value, tuple):
        return [_api_value(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


def _refuse_plaintext(value: Any) -> None:
    """Hold new secret fields to the rule for the known ones."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key.endswith("_plaintext") and isinstance(below, str):
                _is_environment_variable(below)
            _refuse_plaintext(below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            _refuse_plaintext(below)


def _is_reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise PydanticCustomError("secret-literal", "must refer to a secret, not hold one")
    return text


def _is_environment_variable(text: str) -> str:
    if not _FROM_ENVIRONMENT.fullmatch(text):
        raise PydanticCustomError("secret-literal", "must name an environment variable")
    return text


def _digits(value: Any) -> Any:
    if isinstance(value, float):
        raise PydanticCustomError("version-not-text", "a version with a dot loses its zeros")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_version(text: str) -> str:
    if _ALIAS.fullmatch(text):
        return text
    if not (text.isascii() and text.isdecimal()) or text.startswith("0"):
        raise PydanticCustomError("bad-value", "must be the number of a version or an @alias")
    return text


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if not match or not value:
        raise PydanticCustomError("bad-value", "must be a duration")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _is_positive(seconds: int) -> int:
    if seconds <= 0:
        raise PydanticCustomError("bad-value", "must be longer than nothing")
    return seconds


List = Annotated[tuple[T, ...], Strict(strict=False)]
"""A YAML list, kept as a tuple."""

SecretReference = Annotated[
    str,
    AfterValidator(_is_reference),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\{\{secrets/[^/]+/[^/]+\}\}$",
            "examples": ["{{secrets/llm/openai_api_key}}"],
        }
    ),
]
"""``{{secrets/scope/key}}``, resolved by the service."""

SecretPlaintext = Annotated[
    str,
    AfterValidator(_is_environment_variable),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$",
            "examples": ["${env:OPENAI_API_KEY}"],
        }
    ),
]
"""``${env:NAME}``, replaced by the value only in the request body."""

ModelVersion = Annotated[
    str,
    BeforeValidator(_digits),
    AfterValidator(_is_version),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer"},
                {"type": "string", "pattern": "^([1-9][0-9]*|@[A-Za-z0-9_-]+)$"},
            ],
            "examples": [3, "@champion"],
        }
    ),
]
"""The number of a registered model's version, as text as the API wants it, or an ``@alias``."""

Text = Annotated[
    str,
    BeforeValidator(_as_text),
    WithJsonSchema({"type": ["string", "integer", "boolean"]}),
]
"""A value of a map of texts, where a whole number or a boolean is read as written."""

Duration = Annotated[
    int,
    BeforeValidator(_seconds),
    AfterValidator(_is_positive),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[0-9hms]+$"},
            ],
            "examples": ["45m", "1h30m", 90],
        }
    ),
]
"""Seconds; also written like ``90s``, ``45m`` or ``1h30m``."""
