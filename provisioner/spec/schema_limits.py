"""What JSON Schema can say of mistakes that no single value makes.

Editors should show what is nearly always wrong while it is written; the rules judge the
rest. A file alone is looked at: what an environment's override or prefix would mend, a name
with `databricks-` or an incomplete model, is shown all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_NULL = {"type": "null"}
_NAME = "^[A-Za-z0-9_-]*$"
_PRINCIPALS = ("user", "group", "service_principal")
_APART = (
    ("workload_size", "min_provisioned_concurrency"),
    ("workload_size", "max_provisioned_concurrency"),
    ("provisioned_model_units", "min_provisioned_throughput"),
    ("provisioned_model_units", "max_provisioned_throughput"),
)


def limit_endpoint(schema: dict[str, Any], blocks: Mapping[str, str]) -> None:
    """Say which values of an endpoint file cannot stand together.

    ``blocks`` has the key of each provider's block.
    """
    definitions = schema["$defs"]
    _limit_parts(definitions)
    _named(schema["properties"]["name"], _NAME)
    for entity in ("ServedEntity", "ServedModel"):
        _named(definitions[entity]["properties"]["name"], _NAME)
    adopted = {"lifecycle": {"required": ["adopt"], "properties": {"adopt": {"const": True}}}}
    schema["if"] = {"required": ["name"], "not": {"required": ["lifecycle"], "properties": adopted}}
    schema["then"] = {"properties": {"name": {"not": {"pattern": "^databricks-"}}}}
    definitions["ExternalModel"]["allOf"] = [
        {
            "if": {"required": ["provider"], "properties": {"provider": {"const": provider}}},
            "then": {
                "required": [block],
                "properties": {
                    other: {"not": _NULL} if other == block else _NULL
                    for other in sorted({*blocks.values()})
                },
            },
        }
        for provider, block in sorted(blocks.items())
    ]


def limit_environment(schema: dict[str, Any]) -> None:
    """Say which values of an environment file cannot stand together."""
    definitions = schema["$defs"]
    _limit_parts(definitions)
    ways = ("host", "profile", "auth_type")
    definitions["Workspace"]["allOf"] = [_not_both("emulator", way) for way in ways]
    definitions["RuleLevel"]["if"] = {"properties": {"level": {"const": "off"}}}
    definitions["RuleLevel"]["then"] = {
        "required": ["reason"],
        "properties": {"reason": {"type": "string", "pattern": r"\S"}},
    }


def _limit_parts(definitions: dict[str, Any]) -> None:
    definitions["Permission"]["oneOf"] = [_all_of([kind]) for kind in _PRINCIPALS]
    for entity in ("ServedEntity", "ServedModel"):
        definitions[entity]["allOf"] = [_not_both(*pair) for pair in _APART]


def _not_both(one: str, other: str) -> dict[str, Any]:
    return {"not": _all_of([one, other])}


def _all_of(keys: Iterable[str]) -> dict[str, Any]:
    """That keys are there and hold something."""
    return {"required": [*keys], "properties": {key: {"not": _NULL} for key in keys}}


def _named(schema: dict[str, Any], pattern: str) -> None:
    """Hold a text to a pattern, in whatever form the schema has it."""
    for form in (schema, *schema.get("anyOf", ())):
        if form.get("type") == "string" and "pattern" not in form:
            form["pattern"] = pattern
