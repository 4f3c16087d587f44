"""The shapes that answers must have to be read: what is not named here may be anything.

They say less than the documents: only what this tool looks into. So a field that the service
adds, or a word that it has not used before, is no reason to stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from provisioner.fields import table
from provisioner.wire.requests import ENDPOINTS, PERMISSIONS

TEXT, NUMBER, FLAG, WORD = "a text", "a whole number", "true or false", "a text or a number"


@dataclass(frozen=True)
class Object:
    """An object with these keys, each of which may be missing or null unless it ``needs`` it."""

    keys: Mapping[str, Shape] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    others: Shape | None = None
    """Shape of what stands under all other keys."""


@dataclass(frozen=True)
class Listing:
    """A list of things of one shape."""

    of: Shape


Shape: TypeAlias = "str | Object | Listing"


def misfit(method: str, path: str, answer: Any) -> str:
    """Where the answer to a call is not as expected, and what was; empty where it is."""
    if not isinstance(answer, dict):
        return f"an object is expected, not {_kind(answer)}"
    if method != "GET":
        # Answers to writes are read where they show an endpoint.
        return _first(answer, Object(_ENDPOINT.keys))
    route = path.partition("?")[0]
    shape = next((shape for pattern, shape in _ROUTES if pattern.fullmatch(route)), Object())
    return _first(answer, shape)


def _first(answer: Any, shape: Shape) -> str:
    return next(_misfits(answer, shape, ""), "")


def _misfits(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, Object):
        if not isinstance(value, dict):
            yield _expected(path, "an object", value)
            return
        yield from (f"`{path}{key}` is missing" for key in shape.needs if value.get(key) is None)
        for key, item in value.items():
            wanted = shape.keys.get(key, shape.others)
            if wanted is not None and item is not None:
                yield from _misfits(item, wanted, f"{path}{key}.")
    elif isinstance(shape, Listing):
        if not isinstance(value, list):
            yield _expected(path, "a list", value)
            return
        for index, item in enumerate(value):
            yield from _misfits(item, shape.of, f"{path.removesuffix('.')}[{index}].")
    elif not _is(value, shape):
        yield _expected(path, shape, value)


def _is(value: Any, shape: str) -> bool:
    if shape == FLAG:
        return isinstance(value, bool)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if shape == NUMBER:
        # 64-bit numbers may come as texts (protobuf's JSON).
        whole = number and value == value and abs(value) < _LARGEST and int(value) == value
        return whole or (isinstance(value, str) and _DIGITS.fullmatch(value) is not None)
    return isinstance(value, str) or (shape == WORD and number)


_LARGEST = 1e19
_DIGITS = re.compile(r"-?[0-9]{1,19}")


def _expected(path: str, what: str, value: Any) -> str:
    return f"`{path.removesuffix('.')}`: {what} is expected, not {_kind(value)}"


def _kind(value: Any) -> str:
    """What a value is, without the value."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")


_ON = Object({"enabled": FLAG})
_MODEL = "config.served_entities[].external_model."
_PROVIDERS = {
    path.removeprefix(_MODEL).partition(".")[0]
    for path in table().fields
    if path.startswith(_MODEL) and "." in path.removeprefix(_MODEL)
}
"""Blocks of providers that the field table knows; a newer one may be anything."""
_ENTITY = Object(
    {
        **dict.fromkeys(
            ("name", "entity_name", "model_name", "type", "creator", "instance_profile_arn"), TEXT
        ),
        **dict.fromkeys(("entity_version", "model_version", "workload_size"), WORD),
        "workload_type": TEXT,
        "scale_to_zero_enabled": FLAG,
        "environment_vars": Object(others=TEXT),
        "creation_timestamp": NUMBER,
        "external_model": Object(
            {
                **dict.fromkeys(("provider", "name", "task"), TEXT),
                **dict.fromkeys(_PROVIDERS, Object()),
            },
            needs=("name",),
        ),
        "foundation_model": Object({"name": TEXT, "display_name": TEXT}),
        **dict.fromkeys(
            (
                *("min_provisioned_throughput", "max_provisioned_throughput"),
                *("min_provisioned_concurrency", "max_provisioned_concurrency"),
                "provisioned_model_units",
            ),
            NUMBER,
        ),
        "state": Object({"deployment": TEXT, "deployment_state_message": TEXT}),
    }
)
_ROUTE = Object(
    {"served_entity_name": TEXT, "served_model_name": TEXT, "traffic_percentage": NUMBER}
)
_CONFIG = Object(
    {
        "config_version": NUMBER,
        "served_entities": Listing(_ENTITY),
        "traffic_config": Object({"routes": Listing(_ROUTE)}),
        "auto_capture_config": Object({"enabled": FLAG, "state": Object()}, others=TEXT),
    }
)
_GUARD = Object(
    {
        "pii": Object({"behavior": TEXT}),
        "safety": FLAG,
        "invalid_keywords": Listing(TEXT),
        "valid_topics": Listing(TEXT),
    }
)
_GATEWAY = Object(
    {
        "usage_tracking_config": _ON,
        "fallback_config": _ON,
        "inference_table_config": Object({"enabled": FLAG}, others=TEXT),
        "guardrails": Object({"input": _GUARD, "output": _GUARD}),
        "rate_limits": Listing(
            Object(
                {
                    **dict.fromkeys(("key", "principal", "renewal_period"), TEXT),
                    **dict.fromkeys(("calls", "tokens"), NUMBER),
                }
            )
        ),
    }
)
_TAGS = Listing(Object({"key": TEXT, "value": TEXT}, needs=("key",)))
_QUERY_INFO = Object({"endpoint_url": TEXT, "authorization_details": TEXT})
_ENDPOINT = Object(
    {
        **dict.fromkeys(("name", "id", "creator", "description", "budget_policy_id", "task"), TEXT),
        "route_optimized": FLAG,
        **dict.fromkeys(("creation_timestamp", "last_updated_timestamp"), NUMBER),
        "tags": _TAGS,
        "state": Object(others=TEXT),
        "config": _CONFIG,
        "pending_config": _CONFIG,
        "ai_gateway": _GATEWAY,
        "email_notifications": Object(others=Listing(TEXT)),
        "telemetry_config": Object(
            {"table_names": Object(others=TEXT), "enabled_telemetry_features": Listing(TEXT)}
        ),
        "data_plane_info": Object({"query_info": _QUERY_INFO}),
    },
    needs=("name",),
)
_PERMISSIONS = Object(
    {
        "access_control_list": Listing(
            Object(
                {
                    **dict.fromkeys(("user_name", "group_name", "service_principal_name"), TEXT),
                    "all_permissions": Listing(
                        Object(
                            {"permission_level": TEXT, "inherited": FLAG},
                            needs=("permission_level",),
                        )
                    ),
                }
            )
        )
    }
)
_GROUPS = Listing(Object({"display": TEXT}))
_PERSON = Object(
    {
        **dict.fromkeys(("userName", "applicationId", "displayName"), TEXT),
        "active": FLAG,
        "groups": _GROUPS,
    }
)
_SCIM = r"/api/2\.0/preview/scim/v2"
_CATALOG = r"/api/2\.1/unity-catalog"
_NAMED = {"Users": "userName", "Groups": "displayName", "ServicePrincipals": "applicationId"}


def _resources(needed: str) -> Object:
    return Object({"Resources": Listing(Object(_PERSON.keys, needs=(needed,)))})


_ROUTES: tuple[tuple[re.Pattern[str], Shape], ...] = tuple(
    (re.compile(pattern), shape)
    for pattern, shape in (
        (ENDPOINTS, Object({"endpoints": Listing(_ENDPOINT)})),
        (f"{ENDPOINTS}/[^/]+", _ENDPOINT),
        (f"{ENDPOINTS}/.*/build-logs", Object({"logs": TEXT})),
        (
            f"{ENDPOINTS}/get-model-optimization-info/.*",
            Object({"throughput_chunk_size": NUMBER, "optimizable": FLAG}),
        ),
        (f"{PERMISSIONS}/[^/]+", _PERMISSIONS),
        (f"{_SCIM}/Me", _PERSON),
        *((f"{_SCIM}/{kind}", _resources(needed)) for kind, needed in _NAMED.items()),
        (
            r"/api/2\.0/secrets/scopes/list",
            Object({"scopes": Listing(Object({"name": TEXT, "backend_type": TEXT}, ("name",)))}),
        ),
        (
            r"/api/2\.0/secrets/acls/list",
            Object(
                {
                    "items": Listing(
                        Object({"principal": TEXT, "permission": TEXT}, ("principal", "permission"))
                    )
                }
            ),
        ),
        (
            r"/api/2\.0/secrets/list",
            Object(
                {
                    "secrets": Listing(
                        Object({"key": TEXT, "last_updated_timestamp": NUMBER}, ("key",))
                    )
                }
            ),
        ),
        (
            f"{_CATALOG}/models/.*",
            Object({"version": WORD, "version_num": WORD, "status": TEXT, "owner": TEXT}),
        ),
        (f"{_CATALOG}/schemas/.*", Object({"owner": TEXT})),
        (
            f"{_CATALOG}/effective-permissions/.*",
            Object(
                {
                    "next_page_token": TEXT,
                    "privilege_assignments": Listing(
                        Object(
                            {
                                "principal": TEXT,
                                "privileges": Listing(Object({"privilege": TEXT})),
                            }
                        )
                    ),
                }
            ),
        ),
        (f"{_CATALOG}/metastore_summary", Object(others=None)),
    )
)
