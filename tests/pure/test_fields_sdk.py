"""The field table against the installed SDK: a field that the SDK gains is noticed here."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from databricks.sdk.service import serving

from provisioner.fields import FieldTable, table
from provisioner.spec import EndpointSpec

_KEYED = {
    "tags": {"key"},
    "config.served_entities": {"name"},
    "config.traffic_config.routes": {"served_entity_name", "served_model_name"},
    "ai_gateway.rate_limits": {"key", "principal"},
    "permissions": {"user_name", "group_name", "service_principal_name"},
}
"""What makes a member of a list unique; it stands in the path and not in a row."""

_VALUE_OF_MEMBER = {"tags[].value": "tags[]", "permissions[].permission_level": "permissions[]"}
"""Members with one field besides their key are leaves themselves."""

_NOT_IN_TABLE = {
    "config.name": "the endpoint's name again, for the path of PUT config",
    "config.served_models": "the old spelling of served_entities; answers carry both",
    "rate_limits": "deprecated in favour of ai_gateway.rate_limits, and never read back",
}

_OWN_ROWS = {
    "config.fallback_order": "the order of served_entities, which are a map in a document",
}

_UNKNOWN_FIELDS = "api_extra"
"""Where a spec keeps fields that it does not know."""

_NOT_WRITTEN = {
    "config.fallback_order": "people write it as the order of served_entities",
    "telemetry_config.inference_table_config.name": "the service names the table",
    "permissions[]": "has a form of its own: mode and rows",
}
"""Rows that have no field of the same name in what people write."""


def _sdk_leaves() -> Iterator[str]:
    """Every leaf that some call of the SDK accepts for an endpoint."""
    for block, names in _METHODS.items():
        for method in names:
            for name, kind in _parameters(getattr(serving.ServingEndpointsAPI, method)).items():
                if name != "name" or method == "create":
                    yield from _leaves(f"{block}{name}", kind)
    # set_permissions takes them as `access_control_list`.
    yield from _leaves("permissions", list[serving.ServingEndpointAccessControlRequest])


_METHODS = {
    "": (
        *("create", "create_provisioned_throughput_endpoint", "update_notifications"),
        *("update_provisioned_throughput_endpoint_config", "patch_telemetry_config"),
    ),
    "config.": ("update_config",),
    "ai_gateway.": ("put_ai_gateway",),
}
"""Methods that take parts of an endpoint, by where the parts belong."""


def _parameters(method: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(method, vars(serving))
    return {name: hints[name] for name in inspect.signature(method).parameters if name != "self"}


def _leaves(path: str, kind: Any) -> Iterator[str]:
    """The leaves at and below a path; exceptions cover what is below them."""
    if path in _NOT_IN_TABLE:
        yield path
        return
    kind = _without_none(kind)
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is dict:
        yield f"{path}[]"
    elif typing.get_origin(kind) in {list, tuple}:
        yield from _members(path, arguments[0])
    elif dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, vars(serving))
        for field in dataclasses.fields(kind):
            yield from _leaves(f"{path}.{field.name}", hints[field.name])
    elif isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        for name, info in kind.model_fields.items():
            if not info.exclude and name != _UNKNOWN_FIELDS:
                yield from _leaves(f"{path}.{name}".lstrip("."), info.annotation)
    else:
        yield path


def _members(path: str, kind: Any) -> Iterator[str]:
    if path not in _KEYED:
        yield path
        return
    for leaf in _leaves(f"{path}[]", kind):
        if leaf.removeprefix(f"{path}[].") not in _KEYED[path]:
            yield _VALUE_OF_MEMBER.get(leaf, leaf)


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Annotated:
        return _without_none(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        [kind] = [item for item in typing.get_args(kind) if item is not type(None)]
        return _without_none(kind)
    return kind


def _mismatches(rows: FieldTable) -> list[str]:
    sdk = set(_sdk_leaves())
    found = [f"{leaf}: the SDK has it, fields.yaml lacks it" for leaf in sdk - rows.fields.keys()]
    found += [f"{row}: fields.yaml has it, the SDK lacks it" for row in rows.fields.keys() - sdk]
    known = {*_NOT_IN_TABLE, *_OWN_ROWS}
    return sorted(line for line in found if line.split(":")[0] not in known)


def test_every_leaf_of_the_sdk_has_one_row_and_every_row_a_leaf() -> None:
    assert _mismatches(table()) == []
    assert len(set(_sdk_leaves())) > 90


def test_the_exceptions_are_still_needed() -> None:
    sdk = set(_sdk_leaves())
    assert sdk >= _NOT_IN_TABLE.keys()
    assert not table().fields.keys() & _NOT_IN_TABLE.keys()
    assert {path for path, row in table().fields.items() if row.source == "tool"} == {*_OWN_ROWS}
    assert not sdk & _OWN_ROWS.keys()


def test_keyed_lists_are_the_collections_of_the_table() -> None:
    dictionaries = {leaf.removesuffix("[]") for leaf in _sdk_leaves() if leaf.endswith("[]")}
    assert table().collections.keys() == {*_KEYED, *dictionaries}


def test_people_can_write_every_row_and_nothing_else() -> None:
    spec = set(_leaves("", EndpointSpec))
    rows = table().fields.keys()
    assert spec - rows == set()
    assert rows - spec == _NOT_WRITTEN.keys()


@pytest.mark.parametrize(
    ("owner", "path"),
    [
        (serving.EndpointCoreConfigInput, "config.brand_new"),
        (serving.ServedEntityInput, "config.served_entities[].brand_new"),
        (serving.PtServedModel, "config.served_entities[].brand_new"),
        (serving.ExternalModel, "config.served_entities[].external_model.brand_new"),
        (serving.OpenAiConfig, "config.served_entities[].external_model.openai_config.brand_new"),
        (serving.Route, "config.traffic_config.routes[].brand_new"),
        (serving.AutoCaptureConfigInput, "config.auto_capture_config.brand_new"),
        (serving.AiGatewayConfig, "ai_gateway.brand_new"),
        (serving.AiGatewayRateLimit, "ai_gateway.rate_limits[].brand_new"),
        (serving.EmailNotifications, "email_notifications.brand_new"),
        (serving.TelemetryConfig, "telemetry_config.brand_new"),
        (serving.EndpointTag, "tags[].brand_new"),
        (serving.ServingEndpointAccessControlRequest, "permissions[].brand_new"),
    ],
)
def test_a_field_that_the_sdk_gains_is_noticed(
    monkeypatch: pytest.MonkeyPatch, owner: type, path: str
) -> None:
    grown = dataclasses.make_dataclass(
        owner.__name__,
        [("brand_new", "str | None", dataclasses.field(default=None))],
        bases=(owner,),
        namespace={"__module__": serving.__name__},
    )
    monkeypatch.setattr(serving, owner.__name__, grown)
    assert f"{path}: the SDK has it, fields.yaml lacks it" in _mismatches(table())


def test_a_parameter_that_creation_gains_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    create = serving.ServingEndpointsAPI.create

    def grown(self: Any, name: str, *, brand_new: bool | None = None) -> None:
        """The SDK's next release."""

    monkeypatch.setattr(serving.ServingEndpointsAPI, "create", grown)
    assert "brand_new: the SDK has it, fields.yaml lacks it" in _mismatches(table())
    monkeypatch.setattr(serving.ServingEndpointsAPI, "create", create)
    assert _mismatches(table()) == []
