"""Endpoints of every kind, generated; each is valid and the emulated workspace takes it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Spec = dict[str, Any]

_REFERENCE = st.sampled_from(["{{secrets/llm/openai_api_key}}", "{{secrets/llm/cohere_api_key}}"])
_WORD = st.sampled_from(["alpha", "beta", "gamma", "Delta-1", "e_2"])
_COUNT = st.sampled_from([0, 1, 5, 1000])


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """Any subset of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _all(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    return st.fixed_dictionaries(fields)


def _merged(*parts: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    return st.tuples(*parts).map(lambda found: {k: v for part in found for k, v in part.items()})


_AZURE = _all(
    openai_api_base=st.just("https://x.openai.azure.com"),
    openai_api_version=st.sampled_from(["2024-06-01", "2024-10-21"]),
    openai_deployment_name=_WORD,
)
_OPENAI = st.one_of(
    _merged(_all(openai_api_key=_REFERENCE), _some(openai_organization=_WORD)),
    _merged(_AZURE, _all(openai_api_type=st.just("azure"), openai_api_key=_REFERENCE)),
    _merged(
        _AZURE,
        _all(
            openai_api_type=st.just("azuread"),
            microsoft_entra_tenant_id=_WORD,
            microsoft_entra_client_id=_WORD,
            microsoft_entra_client_secret=_REFERENCE,
        ),
    ),
)
_BEDROCK = _merged(
    _all(
        aws_region=st.just("eu-central-1"),
        bedrock_provider=st.sampled_from(["anthropic", "Amazon", "COHERE"]),
    ),
    st.one_of(
        _all(aws_access_key_id=_REFERENCE, aws_secret_access_key=_REFERENCE),
        _all(instance_profile_arn=st.just("arn:aws:iam::1:instance-profile/x")),
        _all(uc_service_credential_name=_WORD),
    ),
)
_URL = st.sampled_from(["https://a.example.com", "https://b.example.com"])
_CUSTOM = _merged(
    _all(custom_provider_url=_URL),
    st.one_of(
        _all(bearer_token_auth=_all(token=_REFERENCE)),
        _all(api_key_auth=_all(key=_WORD, value=_REFERENCE)),
    ),
)
PROVIDERS: dict[str, tuple[str, st.SearchStrategy[Spec]]] = {
    "ai21labs": ("ai21labs_config", _all(ai21labs_api_key=_REFERENCE)),
    "amazon-bedrock": ("amazon_bedrock_config", _BEDROCK),
    "anthropic": ("anthropic_config", _all(anthropic_api_key=_REFERENCE)),
    "cohere": (
        "cohere_config",
        _merged(_all(cohere_api_key=_REFERENCE), _some(cohere_api_base=_URL)),
    ),
    "custom": ("custom_provider_config", _CUSTOM),
    "databricks-model-serving": (
        "databricks_model_serving_config",
        _all(databricks_workspace_url=_URL, databricks_api_token=_REFERENCE),
    ),
    "google-cloud-vertex-ai": (
        "google_cloud_vertex_ai_config",
        _all(project_id=_WORD, region=_WORD, private_key=_REFERENCE),
    ),
    "openai": ("openai_config", _OPENAI),
    "palm": ("palm_config", _all(palm_api_key=_REFERENCE)),
}


@st.composite
def external(draw: st.DrawFn) -> Spec:
    """A served entity at another provider."""
    provider = draw(st.sampled_from(sorted(PROVIDERS)))
    block, content = PROVIDERS[provider]
    model = {"provider": provider, "name": draw(_WORD), "task": "llm/v1/chat"}
    return {"external_model": {**model, block: draw(content)}}


_SIZED: st.SearchStrategy[Spec] = st.one_of(
    _all(workload_size=st.sampled_from(["Small", "Medium"])),
    _all(min_provisioned_concurrency=st.just(0), max_provisioned_concurrency=st.just(8)),
    st.just({}),
)
CUSTOM = _merged(
    _all(
        entity_name=st.just("main.ml.churn_classifier"),
        entity_version=st.sampled_from(["1", "2", "3"]),
        scale_to_zero_enabled=st.booleans(),
    ),
    _SIZED,
    _some(
        workload_type=st.just("CPU"),
        environment_vars=st.dictionaries(
            st.sampled_from(["A", "B", "C"]), st.sampled_from(["", "1", "x"]), max_size=3
        ),
    ),
)
TOKENS = _merged(
    _all(
        entity_name=st.just("main.support.ticket_llama"),
        entity_version=st.sampled_from(["1", "2"]),
        max_provisioned_throughput=st.sampled_from([980, 1960]),
    ),
    _some(min_provisioned_throughput=st.sampled_from([0, 980])),
)
UNITS = _merged(
    _all(
        entity_name=st.just("system.ai.gpt-oss-120b"),
        entity_version=st.just("1"),
        provisioned_model_units=st.sampled_from([50, 100]),
    ),
    _some(burst_scaling_enabled=st.booleans()),
)
KINDS: dict[str, st.SearchStrategy[Spec]] = {
    "external": external(),
    "custom": CUSTOM,
    "tokens": TOKENS,
    "units": UNITS,
}


@st.composite
def config(draw: st.DrawFn, kind: str) -> Spec:
    """Up to three served entities and the traffic between them."""
    names = draw(st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, unique=True))
    entities = [{"name": name, **draw(KINDS[kind])} for name in names]
    found: Spec = {"served_entities": entities}
    if len(names) > 1 or draw(st.booleans()):
        first = draw(st.sampled_from([0, 40, 100])) if len(names) > 1 else 100
        shares = [first, 100 - first, 0][: len(names)]
        found["traffic_config"] = {
            "routes": [
                {"served_entity_name": name, "traffic_percentage": share}
                for name, share in zip(names, shares, strict=True)
            ]
        }
    return found


_LIMITS = st.lists(
    st.one_of(
        _merged(
            _all(key=st.sampled_from(["endpoint", "user"]), renewal_period=st.just("minute")),
            _all(calls=_COUNT),
            _some(tokens=_COUNT),
        ),
        _all(
            key=st.just("user_group"),
            principal=st.sampled_from(["users", "data-science"]),
            renewal_period=st.just("minute"),
            tokens=_COUNT,
        ),
    ),
    max_size=3,
    unique_by=lambda limit: (limit["key"], limit.get("principal")),
)
_SIDE = _some(
    safety=st.booleans(),
    pii=_all(behavior=st.sampled_from(["BLOCK", "MASK", "NONE"])),
    invalid_keywords=st.lists(_WORD, unique=True, max_size=3),
    valid_topics=st.lists(_WORD, unique=True, max_size=2),
)
_TABLE = _all(
    enabled=st.booleans(),
    catalog_name=st.just("main"),
    schema_name=st.sampled_from(["ml", "support"]),
    table_name_prefix=_WORD,
)
GATEWAY = _some(
    rate_limits=_LIMITS,
    guardrails=_some(input=_SIDE, output=_SIDE),
    usage_tracking_config=_all(enabled=st.booleans()),
    inference_table_config=_TABLE,
)
_PEOPLE = st.lists(st.sampled_from(["alice@example.com", "bob@example.com"]), unique=True)
_ROWS = st.lists(
    st.one_of(
        _all(
            group=st.sampled_from(["users", "data-science"]),
            level=st.sampled_from(["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]),
        ),
        _all(
            user=st.sampled_from(["alice@example.com", "Bob@Example.com"]),
            level=st.sampled_from(["CAN_QUERY", "CAN_MANAGE"]),
        ),
    ),
    max_size=3,
    unique_by=lambda row: str(row.get("group") or row.get("user")),
)
TOP = _some(
    tags=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "x y"])),
    ai_gateway=st.one_of(GATEWAY, st.none()),
    email_notifications=st.one_of(
        _some(on_update_failure=_PEOPLE, on_update_success=_PEOPLE), st.none()
    ),
    permissions=_all(mode=st.sampled_from(["additive", "exact"]), rows=_ROWS),
)


@st.composite
def endpoint(draw: st.DrawFn, kind: str) -> Spec:
    """A whole endpoint of a kind."""
    found = {"config": draw(config(kind)), **draw(TOP)}
    if kind in {"tokens", "units"} and found.get("ai_gateway", {}) is None:
        del found["ai_gateway"]  # a test of its own: the service fills such a gateway in
    fallback = kind == "external" and len(found["config"]["served_entities"]) > 1
    if fallback and draw(st.booleans()):
        found["ai_gateway"] = {**(found.get("ai_gateway") or {})}
        found["ai_gateway"]["fallback_config"] = {"enabled": True}
    if kind == "custom" and draw(st.booleans()):
        found["telemetry_config"] = {
            "table_names": {"logs_table": "main.ml.logs"},
            **draw(
                _some(
                    enabled_telemetry_features=st.just(["TELEMETRY_FEATURE_LOGS"]),
                )
            ),
        }
    return found


@st.composite
def edited(draw: st.DrawFn, kind: str) -> tuple[Spec, Spec]:
    """An endpoint and the same one later: other parts, some of them gone or new."""
    before, other = draw(endpoint(kind)), draw(endpoint(kind))
    after = dict(before)
    for key in sorted(before.keys() | other.keys()):
        match draw(st.sampled_from(["keep", "other"])):
            case "other" if key in other:
                after[key] = other[key]
            case "other" if key != "config":
                after.pop(key, None)
    gateway = after.get("ai_gateway") or {}
    if len(after["config"]["served_entities"]) < 2 and "fallback_config" in gateway:
        after["ai_gateway"] = {**gateway, "fallback_config": {"enabled": False}}
    return before, after


def shuffled(draw: st.DrawFn, value: Any, key: str = "") -> Any:
    """The same in another order, but for what has an order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {name: shuffled(draw, value[name], name) for name in keys}
    if isinstance(value, list):
        items = [shuffled(draw, item, key) for item in value]
        return draw(st.permutations(items))
    return value


@st.composite
def two_orders(draw: st.DrawFn, kind: str) -> tuple[Spec, Spec]:
    """An endpoint without a fallback, twice, in two orders."""
    spec = draw(endpoint(kind))
    if gateway := spec.get("ai_gateway"):
        spec["ai_gateway"] = {k: v for k, v in gateway.items() if k != "fallback_config"}
    return spec, shuffled(draw, spec)
