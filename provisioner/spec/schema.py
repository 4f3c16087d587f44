"""JSON Schema of the files, for editors: the models plus what is also accepted."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel

from provisioner.catalog import Catalog, catalog
from provisioner.spec.base import Written
from provisioner.spec.endpoint import EndpointSpec
from provisioner.spec.environment import EnvironmentSpec
from provisioner.spec.examples import ENDPOINT, ENVIRONMENT, Field, examples
from provisioner.spec.schema_limits import limit_endpoint, limit_environment
from provisioner.spec.secrets import FROM_ENVIRONMENT
from provisioner.spec.spelling import OLD_ENTITY_KEYS

_ABOUT = ("title", "description", "default", "examples", "deprecated")
"""What is said of a value, whatever form it has."""
_VARIABLE = {"$ref": "#/$defs/Variable"}
_A_VARIABLE = {"type": "string", "pattern": r"\$\{var\.[A-Za-z_][A-Za-z0-9_-]*\}"}
_PERCENT = {"type": "integer", "minimum": 0, "maximum": 100}
_TAG_LIST = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "key": {"type": "string", "description": "What the tag is about."},
            "value": {
                "type": ["string", "integer", "boolean"],
                "description": "What the tag says; empty when it is not written.",
            },
        },
        "required": ["key"],
        "additionalProperties": False,
    },
}


def json_schema(
    which: Literal["endpoint", "environment"],
    rules: Iterable[str] = (),
    facts: Catalog | None = None,
) -> dict[str, Any]:
    """JSON Schema 2020-12 of an endpoint file or an environment file.

    It also accepts the shorthands, the old spellings, and ``${var.NAME}`` in the
    place of any value. ``rules`` are the codes that an environment may give levels to;
    ``facts``, the shipped ones if not given, have the names that are shown as examples.
    """
    model = EndpointSpec if which == "endpoint" else EnvironmentSpec
    shown = examples(facts or catalog())
    schema = _described(model, shown)
    if which == "endpoint":
        _add_shorthands(schema)
        schema["required"].remove("name")
        schema["oneOf"] = [{"required": ["name"]}, {"required": ["governs"]}]
    else:
        _allow_partial_endpoints(schema, shown)
        _add_levels(schema, list(rules))
        sources = schema["properties"]["secrets"]
        sources["additionalProperties"] = {
            "anyOf": [FROM_ENVIRONMENT, sources["additionalProperties"]]
        }
        sources["examples"] = [{"llm/openai_api_key": "${env:OPENAI_API_KEY}"}]
        # An environment that extends another has the project from there.
        del schema["required"]
        schema["anyOf"] = [{"required": ["project"]}, {"required": ["extends"]}]
    schema = _with_variables(schema)
    schema["$defs"]["Variable"] = _A_VARIABLE
    if which == "endpoint":
        known = (facts or catalog()).providers
        limit_endpoint(schema, {one.provider: one.config_block for one in known})
    else:
        limit_environment(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"provisioner {which}",
        "examples": [ENDPOINT if which == "endpoint" else ENVIRONMENT],
    }


def _described(model: type[BaseModel], shown: Mapping[Field, list[Any]]) -> dict[str, Any]:
    """The schema of a model, with the docstrings of its fields and examples of their values."""
    schema = model.model_json_schema()
    definitions = {model.__name__: schema, **schema.get("$defs", {})}
    for found in _models():
        properties = definitions.get(found.__name__, {}).get("properties", {})
        for owner in found.__mro__:
            for name, text in _field_docstrings(owner).items():
                if name in properties:
                    properties[name].setdefault("description", " ".join(text.split()))
        for name in properties:
            if found_examples := shown.get((found.__name__, name)):
                properties[name]["examples"] = found_examples
    return schema


def _models() -> list[type[BaseModel]]:
    """Every class of this package that is written in files."""
    found: list[type[BaseModel]] = [Written]
    for model in found:
        found += model.__subclasses__()
    return found


@cache
def _field_docstrings(owner: type) -> dict[str, str]:
    """The text below each annotated name in the source of a class."""
    if not issubclass(owner, Written):
        return {}
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    texts: dict[str, str] = {}
    if not isinstance(body, ast.ClassDef):
        return texts
    for field, below in pairwise(body.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            value = below.value if isinstance(below, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                texts[field.target.id] = value.value
    return texts


def _add_shorthands(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    schema["properties"]["traffic"] = {
        "title": "Traffic",
        "description": "Short for `config.traffic_config.routes`: per cent by served entity.",
        "type": ["object", "null"],
        "additionalProperties": _PERCENT,
    }
    schema["properties"]["tags"]["anyOf"].append(_TAG_LIST)
    rows = definitions["Permissions"]["properties"]["rows"]
    schema["properties"]["permissions"]["anyOf"].append({k: rows[k] for k in ("type", "items")})
    models = copy.deepcopy(definitions["ServedEntity"])
    for old, new in OLD_ENTITY_KEYS.items():
        models["properties"][old] = models["properties"].pop(new)
    definitions["ServedModel"] = {**models, "title": "ServedModel", "deprecated": True}
    config = definitions["EndpointConfig"]["properties"]
    config["served_models"] = {
        "type": "array",
        "items": {"$ref": "#/$defs/ServedModel"},
        "description": "The old spelling of `served_entities`.",
        "deprecated": True,
    }
    route = definitions["Route"]
    route["properties"]["served_model_name"] = {
        "type": "string",
        "description": "The old spelling of `served_entity_name`.",
        "deprecated": True,
    }
    route["required"] = ["traffic_percentage"]


def _allow_partial_endpoints(schema: dict[str, Any], shown: Mapping[Field, list[Any]]) -> None:
    """Describe `defaults` and `overrides` as endpoints of which anything may be missing."""
    endpoint = _described(EndpointSpec, shown)
    _add_shorthands(endpoint)
    definitions = endpoint.pop("$defs")
    for part in (endpoint, *definitions.values()):
        part.pop("required", None)
    schema["$defs"].update(definitions, PartialEndpoint=endpoint)
    partial = {"$ref": "#/$defs/PartialEndpoint"}
    schema["properties"]["defaults"].update(partial)
    schema["properties"]["overrides"]["additionalProperties"] = partial


def _add_levels(schema: dict[str, Any], codes: list[str]) -> None:
    levels = schema["properties"]["rules"]
    short = copy.deepcopy(schema["$defs"]["RuleLevel"]["properties"]["level"])
    short["enum"] = [level for level in short["enum"] if level != "off"]  # needs a reason
    levels["additionalProperties"] = {"anyOf": [short, levels["additionalProperties"]]}
    levels["examples"] = [{"licence": {"level": "off", "reason": "accepted by the legal team"}}]
    if codes:
        levels["propertyNames"] = {"enum": codes}


def _with_variables(schema: Any) -> Any:
    """Accept a variable for the value of every property and the items of every list."""
    if isinstance(schema, list):
        return [_with_variables(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _with_variables(value) for key, value in schema.items()}
    if isinstance(properties := result.get("properties"), dict):
        result["properties"] = {name: _or_variable(value) for name, value in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _or_variable(result[key])
    return result


def _or_variable(schema: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: schema.pop(key) for key in _ABOUT if key in schema}
    return {"anyOf": [*schema.pop("anyOf", [schema]), _VARIABLE], **about}
