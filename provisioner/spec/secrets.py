"""Where the values of secrets come from; never the values themselves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from provisioner.spec.base import List, Written

_SOURCES = ("env", "file", "command")
_HOW = "must say where the value comes from: one of `env`, `file` and `command`"

VariableName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]


class SecretSource(Written):
    """Where the value of one secret comes from: exactly one of the three."""

    env: VariableName | None = None
    """Name of an environment variable."""
    file: str | None = None
    """Path of a file, from the project's folder; one line break at its end does not count."""
    command: List[str] | None = None
    """A program and its arguments; its output is the value, without one line break at its end."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(getattr(self, name) is not None for name in _SOURCES) != 1:
            raise PydanticCustomError("secret-source", _HOW)
        if self.command == () or self.file == "" or self.program == "":
            raise PydanticCustomError("secret-source", "must name a file, or a program to run")
        return self

    def __str__(self) -> str:
        """The source in words, as it was written."""
        if self.env is not None:
            return f"${{env:{self.env}}}"
        return f"file {self.file}" if self.file is not None else f"program {self.program}"

    @property
    def program(self) -> str | None:
        """The name of the program, without its arguments; ``None`` = it is no program."""
        return self.command[0] if self.command else None


def _is_map(value: Any) -> Any:
    if not isinstance(value, dict):
        raise PydanticCustomError("secret-source", _HOW)
    return value


Source = Annotated[SecretSource, BeforeValidator(_is_map)]
"""A source in its long form; ``${env:NAME}`` is turned into it before."""

FROM_ENVIRONMENT = {"type": "string", "pattern": r"^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$"}
"""JSON Schema of the short form."""
