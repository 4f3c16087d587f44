"""JSON, format version 1: what scripts, pipelines and saved plans read."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from provisioner.errors import ProjectInvalid, error
from provisioner.plan import Plan
from provisioner.plan.drift import Drift
from provisioner.plan.outcome import Outcome

T = TypeVar("T", Plan, Outcome, Drift)

FORMATS: dict[str, type[Plan] | type[Outcome] | type[Drift]] = {
    "plan": Plan,
    "drift": Drift,
    "outcome": Outcome,
}


def dump(value: Plan | Outcome | Drift) -> str:
    """A value as JSON with sorted keys; the same value gives the same text."""
    adapter: TypeAdapter[Any] = TypeAdapter(type(value))
    data = adapter.dump_python(value, mode="json")
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)


def load(text: str | bytes, kind: type[T], name: str) -> T:
    """Read a value back; unknown keys are ignored. ``name`` is the file's, for messages.

    Raises:
        ProjectInvalid: it is no such JSON, or of another format version.
    """
    adapter: TypeAdapter[T] = TypeAdapter(kind)
    try:
        data = json.loads(text)
        version = data.get("format_version") if isinstance(data, dict) else None
        if version not in {None, 1}:
            raise ProjectInvalid(
                error(
                    "format-version",
                    f"{name} has format version {version}, this tool reads 1",
                    "use the version of the tool that wrote it",
                )
            )
        value = adapter.validate_python(data)
    except (ValueError, ValidationError) as failure:
        what = kind.__name__.lower()
        raise ProjectInvalid(
            error("not-a-document", f"{name} is not a {what} that this tool wrote", "make it anew")
        ) from failure
    return value


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of ``plan``, ``drift`` or ``outcome``."""
    adapter: TypeAdapter[Any] = TypeAdapter(FORMATS[kind])
    described = adapter.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
