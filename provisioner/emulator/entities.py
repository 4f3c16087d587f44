"""Served entities: kinds, defaults, and what the service refuses."""

from __future__ import annotations

import re
from typing import Any, Literal

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError, invalid, missing
from provisioner.emulator.external_models import read_external_model
from provisioner.emulator.regions import require_throughput

Kind = Literal["external", "tokens_per_second", "model_units", "custom"]

NAME = re.compile(r"[A-Za-z0-9_-]+")
MAX_ENV_VARS = 30  # Databricks docs: Model Serving limits

_FIELDS = {
    "name", "entity_name", "entity_version", "external_model", "workload_size", "workload_type",
    "min_provisioned_concurrency", "max_provisioned_concurrency", "scale_to_zero_enabled",
    "min_provisioned_throughput", "max_provisioned_throughput", "provisioned_model_units",
    "burst_scaling_enabled", "environment_vars", "instance_profile_arn",
}  # fmt: skip
_THROUGHPUT = ("min_provisioned_throughput", "max_provisioned_throughput")
_CONCURRENCY = ("min_provisioned_concurrency", "max_provisioned_concurrency")


def kind_of(entity: Json) -> Kind:
    """What a served entity is, from its content."""
    if "external_model" in entity:
        return "external"
    if "provisioned_model_units" in entity:
        return "model_units"
    return "tokens_per_second" if any(key in entity for key in _THROUGHPUT) else "custom"


def read_entity(workspace: Json, sent: Json) -> Json:
    """The entity as it is stored, defaults filled in; raises where it is refused."""
    entity = {key: value for key, value in _modern(sent).items() if key in _FIELDS}
    match kind_of(entity):
        case "external":
            _read_external(entity)
        case "tokens_per_second":
            _read_tokens_per_second(workspace, entity)
        case "model_units":
            _read_model_units(workspace, entity)
        case "custom":
            _read_custom(workspace, entity)
    entity.setdefault("name", default_name(entity))
    if not NAME.fullmatch(str(entity["name"])):
        raise invalid(
            f"Served entity name '{entity['name']}' must only contain alphanumeric characters, "
            "dashes and underscores."
        )
    return entity


def default_name(entity: Json) -> str:
    """The name of an entity that was sent without one.

    The docstrings say entity name and version; answers show the last part of the entity name
    (observed responses, 2025 and 2026). External models take theirs, with "." and ":" replaced.
    """
    if "external_model" in entity:
        return re.sub(r"[^A-Za-z0-9_-]", "-", entity["external_model"]["name"])
    last = str(entity["entity_name"]).rpartition(".")[2]
    return f"{last}-{entity['entity_version']}" if "entity_version" in entity else last


def _modern(sent: Json) -> Json:
    """A deprecated served model in the words of a served entity."""
    renamed = {"model_name": "entity_name", "model_version": "entity_version"}
    return {renamed.get(key, key): value for key, value in sent.items()}


def _read_external(entity: Json) -> None:
    # Also refused when zero or false (terraform-provider-databricks issue 3676).
    extra = sorted(set(entity) - {"name", "external_model"})
    if extra:
        raise invalid(f"External model served entities cannot specify: {', '.join(extra)}.")
    entity["external_model"] = read_external_model(entity["external_model"])


def _read_tokens_per_second(workspace: Json, entity: Json) -> None:
    require_throughput(workspace)
    model = _registered_model(workspace, entity)
    chunk = model["throughput_chunk_size"]
    if not chunk:  # observed message: databricks-sdk-py issue 1081
        raise invalid(
            f"Served entity {entity['entity_name']} is not eligible for Provisioned Throughput."
        )
    low = _integer(entity, "min_provisioned_throughput", 0)
    high = _integer(entity, "max_provisioned_throughput", 0)
    if high <= 0 or not 0 <= low <= high:
        raise invalid("max_provisioned_throughput must be positive and not below the minimum.")
    if low % chunk or high % chunk:
        raise invalid(
            f"min_provisioned_throughput and max_provisioned_throughput of "
            f"{entity['entity_name']} must be multiples of {chunk}."
        )
    _fill_throughput(entity)


def _read_model_units(workspace: Json, entity: Json) -> None:
    require_throughput(workspace)
    if any(key in entity for key in _THROUGHPUT):
        raise invalid("provisioned_model_units excludes tokens per second.")
    model = _registered_model(workspace, entity)
    if not model["model_units"]:  # that older families are refused here: confidence low
        raise invalid(f"Served entity {entity['entity_name']} is not sized by model units.")
    if _integer(entity, "provisioned_model_units", 0) <= 0:
        raise invalid("provisioned_model_units must be a positive integer.")
    _fill_throughput(entity)


def _fill_throughput(entity: Json) -> None:
    """What answers about provisioned throughput carry although nobody sent it.

    Size and type: observed response, Feb 2025. Forced false: terraform-provider issue 5467.
    """
    large = re.search(r"70b|405b|120b|maverick", str(entity["entity_name"]))
    entity.setdefault("workload_size", "Small")
    entity.setdefault("workload_type", "GPU_XLARGE_8" if large else "GPU_MEDIUM")
    entity["scale_to_zero_enabled"] = False


def _read_custom(workspace: Json, entity: Json) -> None:
    if not entity.get("entity_name"):
        raise invalid("Served entity must specify either entity_name or external_model.")
    if entity["entity_name"] not in workspace["unity_catalog"]["feature_specs"]:
        _registered_model(workspace, entity)
    if "scale_to_zero_enabled" not in entity:  # observed message: terraform-provider issue 4064
        raise invalid("scaleToZeroEnabled is undefined. Please set it to either true or false.")
    concurrency = any(key in entity for key in _CONCURRENCY)
    if "workload_size" in entity and concurrency:  # terraform-provider PR 5111
        raise invalid("workload_size cannot be combined with provisioned concurrency.")
    for key in _CONCURRENCY:
        _integer(entity, key, 0)
    if entity.get("workload_size", "Small") not in ("Small", "Medium", "Large"):
        raise invalid(f"Invalid workload_size '{entity['workload_size']}'.")
    if len(entity.get("environment_vars", {})) > MAX_ENV_VARS:
        raise invalid(f"At most {MAX_ENV_VARS} environment variables can be set.")
    entity.setdefault("workload_size", "Small")
    entity.setdefault("workload_type", "CPU")


def _registered_model(workspace: Json, entity: Json) -> Json:
    """The model behind an entity; its version must exist and be ready."""
    name, version = entity.get("entity_name", ""), str(entity.get("entity_version", ""))
    models = workspace["unity_catalog" if "." in name else "workspace_models"]
    models = models["models"] if "." in name else models
    if name not in models:
        raise missing(f"Registered model '{name}' does not exist.")
    if not version.isdecimal():
        raise invalid(f"entity_version of '{name}' must be a number, not '{version}'.")
    entity["entity_version"] = version
    status = models[name]["versions"].get(version, {}).get("status")
    if status is None:
        raise missing(f"Model version '{name}' version {version} does not exist.")
    if status != "READY":
        raise ApiError(400, "INVALID_STATE", f"Model version '{name}' {version} is {status}.")
    model: Json = {"throughput_chunk_size": 0, "model_units": False} | models[name]
    return model


def _integer(entity: Json, key: str, default: int) -> int:
    value: Any = entity.get(key, default)
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        raise invalid(f"{key} must be a non-negative integer.")
    if key in entity:
        entity[key] = int(value)
    return int(value)
