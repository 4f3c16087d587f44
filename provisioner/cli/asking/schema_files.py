"""JSON Schemas of checks: read from the files that they name, and held against their own rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from provisioner.errors import Problem, ProjectInvalid, error
from provisioner.project import Declared
from provisioner.spec import CheckSpec

_SCHEMAS = ("body_schema", "content_schema")


class _Unusable(Exception):
    """A schema that cannot be used, and why."""


def resolved(endpoint: Declared, root: Path) -> tuple[CheckSpec, ...] | None:
    """The declared checks of an endpoint, with the schemas of files in them.

    Raises:
        ProjectInvalid: a schema cannot be read, or is none.
    """
    specs = endpoint.spec.checks
    if specs is None:
        return None
    if problems := list(problems_of(endpoint, root)):
        raise ProjectInvalid(*problems)
    return tuple(_resolved(spec, root) for spec in specs)


def problems_of(endpoint: Declared, root: Path) -> Iterator[Problem]:
    """What is wrong with the schemas of an endpoint's checks."""
    for spec in endpoint.spec.checks or ():
        for key in _SCHEMAS:
            schema = getattr(spec.expect, key)
            if schema is None:
                continue
            place = f"checks[{spec.name}].expect.{key}"
            try:
                _check(_read(schema, root))
            except ImportError:
                yield error(
                    "extra-missing",
                    f"{place}: checks with schemas need a package that is not installed",
                    "pip install 'endpoint-provisioner[query]'",
                    endpoint.where(place),
                )
            except _Unusable as failure:
                hint = "write a JSON Schema, or a file's path from the project's folder"
                yield error("unusable-schema", f"{place}: {failure}", hint, endpoint.where(place))


def _resolved(spec: CheckSpec, root: Path) -> CheckSpec:
    given = {key: getattr(spec.expect, key) for key in _SCHEMAS}
    read = {key: _read(value, root) for key, value in given.items() if value is not None}
    return spec.model_copy(update={"expect": spec.expect.model_copy(update=read)})


def _read(schema: Mapping[str, Any], root: Path) -> Any:
    """The schema itself, or that of the file which a lone `$ref` names."""
    name = schema.get("$ref")
    if len(schema) != 1 or not isinstance(name, str) or name.startswith("#"):
        return schema
    try:
        return json.loads((root / name).read_text("utf-8"))
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise _Unusable(f"cannot read {name}: {reason}") from failure
    except ValueError as failure:
        raise _Unusable(f"{name} is no JSON") from failure


def _check(schema: Any) -> None:
    from jsonschema import SchemaError, validators

    if not isinstance(schema, dict):
        raise _Unusable("a schema is a map")
    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as failure:
        raise _Unusable(f"this is no JSON Schema: {failure.message}") from failure
