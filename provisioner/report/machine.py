"""JSON, format version 1: what scripts, pipelines and saved plans read."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from provisioner.errors import ProjectInvalid, error
from provisioner.plan import Plan
from provisioner.plan.asked import Asked, Compared
from provisioner.plan.drift import Drift
from provisioner.plan.event import Event
from provisioner.plan.fleet import Fleet
from provisioner.plan.intact import flaws
from provisioner.plan.outcome import Outcome
from provisioner.plan.secret_outcome import SyncOutcome
from provisioner.plan.secret_sync import SyncPlan
from provisioner.plan.status import Status
from provisioner.plan.verification import Verification

T = TypeVar("T", Plan, Outcome, Drift, SyncPlan)

FORMATS: dict[str, Any] = {
    "plan": Plan,
    "plans": Fleet[Plan],
    "drift": Drift,
    "drifts": Fleet[Drift],
    "status": Status,
    "statuses": Fleet[Status],
    "outcome": Outcome,
    "query": Asked,
    "queries": Compared,
    "verify": Verification,
    "verifies": Fleet[Verification],
    "sync": SyncPlan,
    "synced": SyncOutcome,
    "event": Event,
}
"""Names of the answers; the plural is the answer of several environments."""


def dump(value: Any) -> str:
    """An answer as JSON with sorted keys; the same value gives the same text."""
    adapter: TypeAdapter[Any] = TypeAdapter(_type(value))
    data = adapter.dump_python(value, mode="json")
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)


def line(value: Any) -> str:
    """A value as JSON on one line; what it has no value for is left out."""
    adapter: TypeAdapter[Any] = TypeAdapter(type(value))
    data = adapter.dump_python(value, mode="json", exclude_none=True)
    return json.dumps(data, sort_keys=True, ensure_ascii=False)


def _type(value: Any) -> Any:
    """The type of an answer, also of what is inside of a fleet."""
    if not isinstance(value, Fleet):
        return type(value)
    kinds = {type(result) for result in value.results}
    return Fleet[kinds.pop()] if kinds else Fleet[None]  # type: ignore[misc]


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


def load_plan(text: str | bytes, name: str) -> Plan:
    """Read a plan back that is as this tool wrote it.

    Raises:
        ProjectInvalid: it is no plan, or was edited.
    """
    plan = load(text, Plan, name)
    hint = "make it anew; a plan is shown and applied as it was written, or not at all"
    if found := [error("edited-plan", f"{name}: {flaw}", hint) for flaw in flaws(plan)]:
        raise ProjectInvalid(*found)
    return plan


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of an answer, by its name in ``FORMATS``."""
    adapter: TypeAdapter[Any] = TypeAdapter(FORMATS[kind])
    described = adapter.json_schema(mode="validation" if kind == "event" else "serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
