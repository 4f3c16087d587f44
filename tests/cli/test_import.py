"""``import``: files for what exists, and a plan after it that changes nothing but the owner tag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.wire.document import without

from ..conftest import (
    ENDPOINTS,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    anthropic,
    custom,
    external,
    serving,
    throughput,
    units,
)

OWNER = "shop/dev"
SECRET = "sk-canary-4711"
REFERENCE = "{{secrets/llm/openai_api_key}}"
READ_ONLY = (
    "creator",
    "creation_timestamp",
    "config_version",
    "state",
    "permission_level",
    "served_models",
    "endpoint_type",
)


def _provider(provider: str, block: str, task: str = "chat", **fields: Any) -> dict[str, Any]:
    model = {"provider": provider, "name": "some-model", "task": f"llm/v1/{task}", block: fields}
    return {"name": "it", "external_model": model}


def _providers(key: Any) -> dict[str, dict[str, Any]]:
    """Every way to sign in; ``key`` gives a secret field, as a reference or as plaintext."""
    azure = {
        "openai_api_base": "https://x.openai.azure.com/",
        "openai_api_version": "2024-10-21",
        "openai_deployment_name": "gpt-4o",
    }
    entra = {"microsoft_entra_tenant_id": "012", "microsoft_entra_client_id": "1e3"}
    bedrock = {"aws_region": "us-east-1", "bedrock_provider": "Anthropic"}
    return {
        "openai": _provider("openai", "openai_config", **key("openai_api_key")),
        "azure": _provider(
            "openai",
            "openai_config",
            openai_api_type="azure",
            **azure,
            **key("openai_api_key"),
        ),
        "azuread": _provider(
            "openai",
            "openai_config",
            openai_api_type="azuread",
            **azure,
            **entra,
            **key("microsoft_entra_client_secret"),
        ),
        "anthropic": _provider("anthropic", "anthropic_config", **key("anthropic_api_key")),
        "cohere": _provider(
            "cohere",
            "cohere_config",
            "embeddings",
            **key("cohere_api_key"),
            cohere_api_base="https://no",
        ),
        "ai21labs": _provider("ai21labs", "ai21labs_config", **key("ai21labs_api_key")),
        "palm": _provider("palm", "palm_config", **key("palm_api_key")),
        "bedrock": _provider(
            "amazon-bedrock",
            "amazon_bedrock_config",
            **bedrock,
            **key("aws_access_key_id"),
            **key("aws_secret_access_key"),
        ),
        "vertex": _provider(
            "google-cloud-vertex-ai",
            "google_cloud_vertex_ai_config",
            project_id="p-1",
            region="europe-west4",
            **key("private_key"),
        ),
        "remote": _provider(
            "databricks-model-serving",
            "databricks_model_serving_config",
            databricks_workspace_url="https://other.example.com",
            **key("databricks_api_token"),
        ),
        "custom-key": _provider(
            "custom",
            "custom_provider_config",
            custom_provider_url="https://llm.example.com/v1",
            api_key_auth={"key": "X-Key", **key("value")},
        ),
        "custom-token": _provider(
            "custom",
            "custom_provider_config",
            custom_provider_url="https://llm.example.com/v1",
            bearer_token_auth=key("token"),
        ),
    }


def _config(*entities: dict[str, Any], **shares: int) -> dict[str, Any]:
    routes = [
        {"served_entity_name": name, "traffic_percentage": share} for name, share in shares.items()
    ]
    split = {"traffic_config": {"routes": routes}} if routes else {}
    return {"config": {"served_entities": list(entities), **split}}


GATEWAY = {
    "guardrails": {
        "input": {
            "safety": True,
            "pii": {"behavior": "BLOCK"},
            "invalid_keywords": ["no", "1e3", "${var.x}"],
        },
        "output": {"pii": {"behavior": "NONE"}},
    },
    "rate_limits": [
        {"renewal_period": "minute", "calls": 0},
        {"renewal_period": "minute", "key": "user", "calls": 20, "tokens": 5000},
        {"renewal_period": "minute", "key": "user", "principal": "bob@example.com", "calls": 1},
        {
            "renewal_period": "minute",
            "key": "user_group",
            "principal": "data-science",
            "tokens": 100,
        },
    ],
    "usage_tracking_config": {"enabled": True},
    "inference_table_config": {
        "enabled": True,
        "catalog_name": "main",
        "schema_name": "serving_logs",
        "table_name_prefix": "12",
    },
    "fallback_config": {"enabled": True},
}
TWO = (external(), anthropic())

SHAPES: dict[str, dict[str, Any]] = {
    **{
        f"{name}-reference": _config(entity)
        for name, entity in _providers(lambda field: {field: REFERENCE}).items()
    },
    **{
        f"{name}-plaintext": _config(entity)
        for name, entity in _providers(lambda field: {f"{field}_plaintext": SECRET}).items()
    },
    "bedrock-profile": _config(
        _provider(
            "amazon-bedrock",
            "amazon_bedrock_config",
            aws_region="us-east-1",
            bedrock_provider="amazon",
            instance_profile_arn="arn:aws:iam::1:instance-profile/x",
        )
    ),
    "bedrock-half": _config(
        _provider(
            "amazon-bedrock",
            "amazon_bedrock_config",
            aws_region="us-east-1",
            bedrock_provider="amazon",
            aws_access_key_id=REFERENCE,
            aws_secret_access_key_plaintext=SECRET,
        )
    ),
    "name-only": {},
    "no-entity-name": _config(without(external(model="gpt-4.1:x"), {"name"})),
    "two-plaintexts": {
        "config": {
            "served_entities": [
                external(name=name, openai_api_key=None, openai_api_key_plaintext=SECRET)
                for name in ("a-b", "a_b")
            ],
            "traffic_config": {
                "routes": [
                    {"served_entity_name": name, "traffic_percentage": 50}
                    for name in ("a-b", "a_b")
                ]
            },
        }
    },
    "tokens": _config(throughput()),
    "tokens-bounds": _config(throughput(min_provisioned_throughput=980, top=1960)),
    "tokens-gateway": _config(throughput())
    | {"ai_gateway": {"guardrails": {"input": {"safety": True}}}},
    "tokens-untracked": _config(throughput())
    | {"ai_gateway": {"usage_tracking_config": {"enabled": False}}},
    "units": _config(units()),
    "units-burst": _config(units(burst_scaling_enabled=True)),
    "custom": _config(custom()),
    "custom-default": _config(
        {
            "entity_name": "main.ml.churn_classifier",
            "entity_version": "2",
            "scale_to_zero_enabled": False,
        }
    ),
    "custom-large": _config(
        custom(
            workload_size="Large",
            workload_type="GPU_MEDIUM",
            instance_profile_arn="arn:aws:iam::1:instance-profile/x",
            environment_vars={
                "A": "no",
                "B": "012",
                "C": "1.10",
                "D": "${HOME}",
                "E": "",
                "F": "a: b # c\n\ttab",
                "KEY": "{{secrets/llm/custom_token}}",
                "X_plaintext": "on",
                "no": "~",
            },
        )
    ),
    "custom-concurrency": _config(
        {
            "name": "c",
            "entity_name": "main.ml.churn_classifier",
            "entity_version": "1",
            "scale_to_zero_enabled": False,
            "min_provisioned_concurrency": 4,
            "max_provisioned_concurrency": 8,
        }
    ),
    "feature-spec": _config(
        {
            "name": "features",
            "entity_name": "main.ml.customer_features",
            "scale_to_zero_enabled": True,
        }
    ),
    "captured": {
        "config": {
            **_config(custom())["config"],
            "auto_capture_config": {"catalog_name": "main", "schema_name": "serving_logs"},
        }
    },
    "captured-off": {
        "config": {
            **_config(custom())["config"],
            "auto_capture_config": {
                "catalog_name": "main",
                "schema_name": "serving_logs",
                "table_name_prefix": "p",
                "enabled": False,
            },
        }
    },
    "several": _config(custom("v1"), custom("v2", version="2"), v1=90, v2=10),
    "several-externals": _config(*TWO, claude=0, gpt=100),
    "route-optimized": _config(custom()) | {"route_optimized": True},
    "gateway-full": _config(*TWO, claude=0, gpt=100) | {"ai_gateway": GATEWAY},
    "table-off": _config(external())
    | {
        "ai_gateway": {
            "inference_table_config": {
                "enabled": False,
                "catalog_name": "main",
                "schema_name": "serving_logs",
                "table_name_prefix": "p",
            }
        }
    },
    "notifications": _config(external())
    | {
        "email_notifications": {
            "on_update_failure": ["alice@example.com", "bob@example.com"],
            "on_update_success": [],
        }
    },
    "telemetry": _config(custom())
    | {
        "telemetry_config": {
            "table_names": {"logs_table": "main.ml.logs"},
            "inference_table_config": {"sampling_fraction": 0.5},
            "enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"],
        }
    },
    "described": _config(external()) | {"description": 'Line one\n# "two": ${env:X}\u2028 — ä 😀'},
    "described-empty": _config(external()) | {"description": ""},
    "tagged": _config(external())
    | {
        "tags": [
            {"key": "team", "value": "1.10"},
            {"key": "empty"},
            {"key": "date", "value": "2024-01-01"},
            {"key": "yes", "value": "0x1F"},
        ]
    },
    "budget": _config(external()) | {"budget_policy_id": "policy-1"},
}
"""Bodies of creation by name; together everything that an endpoint can have."""

ROWS = [
    {"group_name": "ml-engineers", "permission_level": "CAN_MANAGE"},
    {"user_name": "bob@example.com", "permission_level": "CAN_QUERY"},
    {
        "service_principal_name": "11111111-2222-4333-8444-555555555555",
        "permission_level": "CAN_VIEW",
    },
]


def _make(emulator: Emulator, name: str, body: dict[str, Any], token: str = "t") -> None:  # noqa: S107
    """Create an endpoint by the plain API, as somebody without any tool would."""
    entities = body.get("config", {}).get("served_entities", ())
    by_units = any("provisioned_model_units" in entity for entity in entities)
    path = f"{ENDPOINTS}/pt" if by_units else ENDPOINTS
    emulator.call("POST", path, {"name": name, **body}, token=token)


def _read(project: Project, name: str) -> Any:
    return yaml.safe_load((project.root / "endpoints" / f"{name}.yaml").read_text("utf-8"))


def _text(project: Project, name: str) -> str:
    return (project.root / "endpoints" / f"{name}.yaml").read_text("utf-8")


def _only_the_owner(cli: Cli, *names: str) -> None:
    """Valid, and the plan takes the endpoints over by their owner tag alone."""
    assert "error" not in cli("validate", expect=0).err
    plan = cli.plan()
    for name in names:
        entry = plan.entry(name)
        assert entry["action"] == "adopt"
        assert [change["path"] for change in entry["changes"]] == ["tags[provisioner]"]
        assert plan.steps(name) == [f"PATCH {ENDPOINTS}/{name}/tags"]
    assert plan.json["summary"]["adopt"] == len(names) == len(plan.json["endpoints"])


@pytest.mark.parametrize("shape", SHAPES)
def test_i4_import_then_the_plan_is_empty(
    project: Project, cli: Cli, emulator: Emulator, shape: str
) -> None:
    _make(emulator, shape, SHAPES[shape])
    emulator.forget()
    cli("import", "-e", "dev", expect=0)
    assert emulator.writes() == []
    text = _text(project, shape)
    assert SECRET not in text
    assert not [word for word in READ_ONLY if word in text]
    assert "task" not in _read(project, shape)
    assert emulator.endpoint(shape)["id"] not in text
    _only_the_owner(cli, shape)
    cli.apply()
    assert emulator.calls() == [f"PATCH {ENDPOINTS}/{shape}/tags"]
    assert cli.settled()


def test_i4_all_kinds_at_once_adopted(project: Project, cli: Cli, emulator: Emulator) -> None:
    for shape, body in SHAPES.items():
        _make(emulator, shape, body)
        answer = emulator.endpoint(shape)
        emulator.call("PATCH", f"{PERMISSIONS}/{answer['id']}", {"access_control_list": ROWS})
    emulator.forget()
    run = cli("import", "-e", "dev", "--adopt", expect=0)
    assert sorted(emulator.calls()) == sorted(f"PATCH {ENDPOINTS}/{name}/tags" for name in SHAPES)
    assert f"{len(SHAPES)} endpoints imported" in run.out
    assert "lifecycle" not in _text(project, "openai-reference")
    cli("plan", "-e", "dev", "--detailed-exitcode", expect=0)
    cli("drift", "-e", "dev", expect=0)


def test_i4_the_file_holds_only_what_differs_from_the_defaults(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _make(emulator, "plain", _config(external()))
    _make(emulator, "llama", _config(throughput()))
    _make(emulator, "churn", _config(custom(workload_size="Medium")))
    cli("import", "-e", "dev", expect=0)
    adopt = {"lifecycle": {"adopt": True}}
    assert _read(project, "plain") == {"name": "plain", **_config(external()), **adopt}
    assert _read(project, "llama") == {
        "name": "llama",
        **_config(throughput()),
        "ai_gateway": {"usage_tracking_config": {"enabled": True}},
        **adopt,
    }
    medium = custom(workload_size="Medium")
    assert _read(project, "churn") == {"name": "churn", **_config(medium), **adopt}


def test_i1_odd_endpoints_get_a_comment_and_stop_nobody(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.call("POST", ENDPOINTS, {"name": "empty"})
    emulator.build(match={"endpoint": "broken"}, outcome="failed", message="image\nnot found")
    _make(emulator, "broken", _config(custom()))
    _make(emulator, "good", _config(external()))
    assert "config" not in emulator.endpoint("broken")
    run = cli("import", "-e", "dev", expect=0)
    assert "3 endpoints imported, 0 skipped, 3 warnings." in run.out
    assert "no configuration" in _text(project, "empty").splitlines()[0]
    broken = _text(project, "broken")
    assert "image not found" in broken
    assert "#     - name: churn" in broken
    assert "#" not in _text(project, "good")
    _only_the_owner(cli, "broken", "empty", "good")


def test_i1_an_update_that_failed_and_one_that_runs(
    project: Project,
    signed_in: pytest.MonkeyPatch,  # noqa: ARG001
    slow: Emulator,
) -> None:
    project.host = slow.url
    project.environment()
    cli = Cli(project.root)
    for name in ("failed", "running", "stopped"):
        _make(slow, name, _config(custom()))
    slow.admin("POST", "clock", {"advance_seconds": 5000})
    slow.build(match={"endpoint": "failed"}, outcome="failed", message="no such image")
    slow.call("PUT", f"{ENDPOINTS}/failed/config", _config(custom(version="2"))["config"])
    slow.admin("POST", "clock", {"advance_seconds": 5000})
    slow.call("PUT", f"{ENDPOINTS}/running/config", _config(custom(version="3"))["config"])
    slow.call("POST", f"{ENDPOINTS}/stopped/config:stop")
    run = cli("import", "-e", "dev", expect=0)
    assert "3 endpoints imported, 0 skipped, 3 warnings." in run.out
    assert "failed; churn: no such image" in _text(project, "failed")
    assert _read(project, "failed")["config"]["served_entities"][0]["entity_version"] == "1"
    assert "in progress" in _text(project, "running")
    assert _read(project, "running")["config"]["served_entities"][0]["entity_version"] == "3"
    assert "stopped" in _text(project, "stopped")
    _only_the_owner(cli, "failed", "running", "stopped")


def test_i1_an_endpoint_that_cannot_be_read_stops_nobody(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("bad", "good", "hidden"):
        _make(emulator, name, _config(external()))
    emulator.fault("GET", f"{ENDPOINTS}/bad", status=403, error_code="PERMISSION_DENIED")
    hidden = f"{PERMISSIONS}/{emulator.endpoint('hidden')['id']}"
    emulator.fault("GET", hidden, status=403, error_code="PERMISSION_DENIED", times=1)
    run = cli("import", "-e", "dev", expect=0)
    assert "2 endpoints imported, 0 skipped, 2 warnings." in run.out
    assert "cannot read endpoint bad" in run.err
    assert "imported without" in run.err
    assert not (project.root / "endpoints" / "bad.yaml").exists()


def test_i1_what_this_version_cannot_say_is_skipped(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    odd = external()
    odd["external_model"] |= {"provider": "mistral", "task": "llm/v1/dream"}
    config = {**_config(odd)["config"], "traffic_config": {"routes": []}}
    emulator.seed(endpoints={"dream": {"creator": "alice@example.com", "config": config}})
    _make(emulator, "good", _config(external()))
    run = cli("import", "-e", "dev", expect=0)
    assert "skipped dream: this version cannot express it" in run.out
    assert "not allowed here" in run.err
    assert sorted(path.name for path in (project.root / "endpoints").iterdir()) == ["good.yaml"]
    _only_the_owner(cli, "good")


def test_i2_endpoints_of_databricks_are_told_by_kind(cli: Cli, emulator: Emulator) -> None:
    mine = {"creator": "alice@example.com", **_config(external(), gpt=100)}
    emulator.seed(endpoints={"mine-too": mine})
    _make(emulator, "ours", _config(external()))
    system = [
        entry["name"]
        for entry in emulator.call("GET", ENDPOINTS)["endpoints"]
        if entry["name"].startswith("databricks-")
    ]
    run = cli("import", "-e", "dev", "--include-system", expect=0)
    assert f"2 endpoints imported, {len(system)} skipped, 0 warnings." in run.out
    assert all(f"skipped {name}: " in run.out for name in system)
    _only_the_owner(cli, "mine-too", "ours")
    cli.apply()
    again = cli("import", "-e", "dev", expect=0)
    assert "0 endpoints imported, 0 skipped, 0 warnings." in again.out


def test_i2_a_reserved_prefix_makes_nothing_databricks_own(cli: Cli, emulator: Emulator) -> None:
    mine = {"creator": "alice@example.com", **_config(external(), gpt=100)}
    emulator.seed(endpoints={"databricks-mine": mine})
    run = cli("import", "-e", "dev", expect=0)
    assert "databricks-mine" in run.out
    assert "Databricks' own" not in run.out


def test_another_projects_endpoint_is_skipped_with_its_name(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for owner, name in (("bakery/prod", "theirs"), ("shop/prod", "sibling")):
        tags = [{"key": "provisioner", "value": owner}]
        _make(emulator, name, _config(external()) | {"tags": tags})
    run = cli("import", "-e", "dev", expect=0)
    assert "skipped theirs: it is managed by bakery/prod" in run.out
    assert "skipped sibling: it is managed by shop/prod" in run.out
    assert list((project.root / "endpoints").iterdir()) == []


def test_our_own_endpoint_without_a_file_needs_no_adoption(project: Project, cli: Cli) -> None:
    project.endpoint("lost", serving(external()), tags={"a": "b"}, lifecycle={"protect": True})
    cli.apply()
    project.remove("lost")
    cli("import", "-e", "dev", expect=0)
    assert _read(project, "lost") == {"name": "lost", "tags": {"a": "b"}, **_config(external())}
    project.endpoint("lost", _read(project, "lost"), lifecycle={"protect": True})
    assert cli.settled()


def test_files_are_never_overwritten(project: Project, cli: Cli, emulator: Emulator) -> None:
    for name in ("one", "two"):
        _make(emulator, name, _config(external()))
    project.endpoint("one", "name: other\n")
    run = cli("import", "-e", "dev", expect=0)
    assert "kept endpoints/one.yaml: it exists already" in run.out
    assert "wrote endpoints/two.yaml" in run.out
    assert _text(project, "one") == "name: other\n"
    again = cli("import", "-e", "dev", expect=5)
    assert "0 endpoints imported, 1 skipped, 0 warnings." in again.out


def test_globs_choose_and_one_that_matches_nothing_is_said(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("chat-a", "chat-b", "embed"):
        _make(emulator, name, _config(external()))
    project.endpoint("chat-b", serving(external()))
    run = cli("import", "-e", "dev", "chat-*", "nothing-*", expect=0)
    assert sorted(path.name for path in (project.root / "endpoints").iterdir()) == [
        "chat-a.yaml",
        "chat-b.yaml",
    ]
    assert "skipped chat-b: it is declared already" in run.out
    assert "nothing-*" in run.err


def test_names_are_written_without_the_prefix(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(name_prefix="dev-", exclude=["left-*"])
    for name in ("dev-chat", "prod-chat", "dev-left-out"):
        _make(emulator, name, _config(custom()))
    run = cli("import", "-e", "dev", expect=0)
    assert _read(project, "chat")["name"] == "chat"
    assert "skipped prod-chat: dev only has names that begin with dev-" in run.out
    assert "skipped dev-left-out: dev does not include it" in run.out
    _only_the_owner(cli, "dev-chat")
    assert "0 endpoints imported" in cli("import", "-e", "dev", expect=0).out


def test_other_environments_that_get_the_endpoint_are_named(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment("prod")
    project.environment("stage", include=["nothing"])
    _make(emulator, "chat", _config(external()))
    run = cli("import", "-e", "dev", expect=0)
    assert "prod declares 1 imported endpoint, too" in " ".join(run.err.split())
    assert "stage" not in run.err


def test_what_the_environment_adds_is_said_and_asked_for(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(defaults={"tags": {"by": "us"}})
    _make(emulator, "chat", _config(external()))
    emulator.forget()
    run = cli("import", "-e", "dev", "--adopt", expect=5)
    assert "the environment also changes tags[by]" in run.out
    assert "cannot apply without approval" in run.err
    assert emulator.writes() == []


def test_to_another_folder(project: Project, cli: Cli, emulator: Emulator, tmp_path: Path) -> None:
    _make(emulator, "chat", _config(external()))
    outside = tmp_path / "elsewhere" / "deep"
    run = cli("import", "-e", "dev", "--to", outside, expect=0)
    assert (outside / "chat.yaml").exists()
    assert "once they are in endpoints/" in run.out
    cli("import", "-e", "dev", "--adopt", "--to", outside, expect=64)
    inside = project.root / "endpoints" / "team"
    cli("import", "-e", "dev", "--to", inside, expect=0)
    assert (inside / "chat.yaml").exists()
    _only_the_owner(cli, "chat")


def test_permissions_without_the_rows_that_come_by_themselves(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    _make(emulator, "chat", _config(external()), token="token-alice")
    path = f"{PERMISSIONS}/{emulator.endpoint('chat')['id']}"
    own = {"user_name": "user@example.com", "permission_level": "CAN_MANAGE"}
    emulator.call("PATCH", path, {"access_control_list": [*ROWS, own]})
    cli("import", "-e", "dev", expect=0)
    assert _read(project, "chat")["permissions"] == [
        {"group": "ml-engineers", "level": "CAN_MANAGE"},
        {"service_principal": "11111111-2222-4333-8444-555555555555", "level": "CAN_VIEW"},
        {"user": "bob@example.com", "level": "CAN_QUERY"},
    ]
    _only_the_owner(cli, "chat")


def test_fields_that_are_new_survive_a_roll_out(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    entity = {**custom(), "quantum": {"level": "012", "gone": None, "list": [[1, "no"], {}]}}
    config = {
        "served_entities": [entity],
        "traffic_config": {"routes": [{"served_entity_name": "churn", "traffic_percentage": 100}]},
    }
    gateway = {"mirror": {"to": "x"}, "usage_tracking_config": {"enabled": True, "depth": 2}}
    emulator.seed(
        endpoints={"new": {"creator": "alice@example.com", "config": config, "ai_gateway": gateway}}
    )
    cli("import", "-e", "dev", expect=0)
    data = _read(project, "new")
    [found] = data["config"]["served_entities"]
    assert found["api_extra"] == {"quantum": {"level": "012", "list": [[1, "no"], {}]}}
    assert data["ai_gateway"]["api_extra"] == {"mirror": {"to": "x"}}
    assert data["ai_gateway"]["usage_tracking_config"]["api_extra"] == {"depth": 2}
    _only_the_owner(cli, "new")


def test_a_plaintext_secret_becomes_a_variable_with_a_comment(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    plain = external(openai_api_key=None, openai_api_key_plaintext=SECRET)
    _make(emulator, "assistant-chat", _config(plain))
    run = cli("import", "-e", "dev", "--adopt", expect=0)
    lines = [line.strip() for line in _text(project, "assistant-chat").splitlines()]
    key = 'openai_api_key_plaintext: "${env:ASSISTANT_CHAT_OPENAI_API_KEY}"'
    place = lines.index(key)
    assert "never shows this secret" in lines[place - 2]
    assert "ASSISTANT_CHAT_OPENAI_API_KEY stands for it" in " ".join(run.err.split())
    assert "1 warning." in run.out
    assert cli.settled()
    signed_in.setenv("ASSISTANT_CHAT_OPENAI_API_KEY", SECRET)
    run = cli.apply()
    assert SECRET not in run.out + run.err


def test_blanks_in_a_reference_do_not_matter(cli: Cli, emulator: Emulator) -> None:
    _make(emulator, "chat", _config(external(openai_api_key="{{ secrets/llm/openai_api_key }}")))
    cli("import", "-e", "dev", expect=0)
    _only_the_owner(cli, "chat")


def test_a_protected_environment_adopts_by_a_reviewed_plan_only(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(protected=True)
    _make(emulator, "chat", _config(external()))
    run = cli("import", "-e", "dev", "--adopt", expect=5)
    assert "protected" in run.err
    assert (project.root / "endpoints" / "chat.yaml").exists()
    assert "tags" not in emulator.endpoint("chat") or emulator.endpoint("chat")["tags"] == []
