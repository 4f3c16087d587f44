"""From answers to YAML: what cannot be had from the emulated workspace, and texts of any kind."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.importing import Imported, declaration
from provisioner.project.documents import read_documents
from provisioner.project.variables import Variables
from provisioner.spec import EndpointSpec, canonical, check, node_of, with_entity_names
from provisioner.wire.answers import live_endpoint


def _answer(name: str = "chat", /, **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "id": "0" * 32,
        "creator": "alice@example.com",
        "creation_timestamp": 1,
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "permission_level": "CAN_MANAGE",
        **parts,
    }


def _external(provider: str, /, **blocks: Any) -> dict[str, Any]:
    model = {"provider": provider, "name": "m", "task": "llm/v1/chat", **blocks}
    entity = {"name": "it", "external_model": model, "state": {}, "type": "EXTERNAL_MODEL"}
    return {"config": {"served_entities": [entity], "config_version": 3}}


def _imported(answer: dict[str, Any], permissions: Any = None, name: str = "") -> Imported:
    live = live_endpoint(answer, permissions, "user:bob@example.com")
    return declaration(answer, live, name or live.name, adopt=False)


def _read_back(text: str) -> Any:
    [tree], problems = read_documents(text.encode(), "f.yaml")
    assert not problems
    variables = Variables(None)
    found = variables.fill(tree)
    assert not variables.problems
    return found.plain()


def _model_of(imported: Imported) -> dict[str, Any]:
    [entity] = imported.data["config"]["served_entities"]
    found: dict[str, Any] = entity["external_model"]
    return found


TEXT = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    """no yes on off y n true null ~ 1e3 012 1.10 0x1F 1_000 12:30 2024-01-01 .5 -1 +1 .inf <<
    = - ? : a:b #x a#b & * ! | > % @ ` {} [] ${env:X} $${x} ${var.y} {{secrets/a/b}} e3 0o17
    a: trailing Yes NO Null inf nan""".split()  # noqa: SIM905
)


@given(
    description=TEXT,
    tags=st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    variables=st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    new=st.recursive(
        TEXT | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(0, 1e9),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
        max_leaves=6,
    ),
)
def test_every_text_is_read_back_as_it_was(
    description: str, tags: dict[str, str], variables: dict[str, str], new: Any
) -> None:
    entity = {"name": "c", "entity_name": "a.b.c", "entity_version": "1", "new_field": new}
    entity |= {"scale_to_zero_enabled": False, "environment_vars": variables}
    answer = _answer(
        description=description,
        tags=[{"key": key, "value": value} for key, value in tags.items()],
        config={"served_entities": [entity]},
    )
    imported = _imported(answer)
    assert _read_back(imported.text) == imported.data
    unmarked = {key: value for key, value in tags.items() if not key.startswith("provisioner")}
    assert imported.data.get("tags", {}) == unmarked
    assert imported.data.get("description", "") == description
    [found] = imported.data["config"]["served_entities"]
    assert found.get("environment_vars", {}) == variables


@pytest.mark.parametrize("text", ["no", "1e3", "012", "1.10", "12:30", "2024-01-01", "0x1F", "~"])
def test_loaders_of_any_yaml_read_the_same(text: str) -> None:
    imported = _imported(_answer(description=text, tags=[{"key": text, "value": text}]))
    assert yaml.safe_load(imported.text) == _read_back(imported.text)
    assert imported.data["tags"] == {text: text}


def test_agent_bricks_count_as_databricks_own() -> None:
    assert live_endpoint(_answer(config={}, tile_endpoint_metadata={"tile_id": "1"})).hosted


def test_a_new_field_of_the_endpoint_is_named_and_left_alone() -> None:
    imported = _imported(_answer(quantum_level=3, capabilities={"x": True}, empty={}))
    assert imported.data == {"name": "chat"}
    assert "does not know quantum_level;" in imported.text
    assert [problem.code for problem in imported.problems] == [
        "import-no-config",
        "import-unknown-field",
    ]


def test_new_fields_go_where_they_were() -> None:
    config = _external("openai", openai_config={"openai_api_key": "{{secrets/a/b}}", "new": [1]})
    config["config"]["served_entities"][0]["external_model"]["newer"] = {"a": None, "b": 0}
    config["config"]["newest"] = "x"
    imported = _imported(_answer(**config))
    model = _model_of(imported)
    assert model["openai_config"]["api_extra"] == {"new": [1]}
    assert model["api_extra"] == {"newer": {"b": 0}}
    assert imported.data["config"]["api_extra"] == {"newest": "x"}
    tree = with_entity_names(canonical(node_of(imported.data, _where()), []))
    spec = check(EndpointSpec, tree)
    assert isinstance(spec, EndpointSpec)
    assert spec.api_data()["config"]["newest"] == "x"


def _where() -> Any:
    [tree], _ = read_documents(b"a: 1", "f.yaml")
    return tree.where


@pytest.mark.parametrize("block", [{}, {"custom_provider_config": None}, None])
def test_a_sign_in_that_is_not_shown_at_all(block: Any) -> None:
    url = {"custom_provider_url": "https://x"} if block is None else {}
    blocks = {"custom_provider_config": {**url, "bearer_token_auth": block}} if url else block
    model = _model_of(_imported(_answer(**_external("custom", **blocks))))
    secret = "${env:CHAT_BEARER_TOKEN_AUTH_TOKEN}"
    assert model["custom_provider_config"] == {
        **url,
        "bearer_token_auth": {"token_plaintext": secret},
    }


def test_a_value_that_the_service_should_not_have_shown_is_not_repeated() -> None:
    canary = "sk-canary"
    config = _external(
        "openai",
        openai_config={"openai_api_key": canary, "openai_api_key_plaintext": canary},
        new_config={"token_plaintext": canary},
    )
    imported = _imported(_answer(**config))
    assert canary not in imported.text
    assert canary not in str(imported)
    key = _model_of(imported)["openai_config"]
    assert key == {"openai_api_key_plaintext": "${env:CHAT_OPENAI_API_KEY}"}


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("assistant-chat", "ASSISTANT_CHAT_ANTHROPIC_API_KEY"),
        ("1-chat", "_1_CHAT_ANTHROPIC_API_KEY"),
        ("a__b", "A_B_ANTHROPIC_API_KEY"),
    ],
)
def test_variables_are_named_after_endpoint_and_field(name: str, variable: str) -> None:
    imported = _imported(_answer(name, **_external("anthropic", anthropic_config={})))
    assert f'anthropic_api_key_plaintext: "${{env:{variable}}}"' in imported.text
    [problem] = imported.problems
    assert variable in problem.summary


def test_a_service_credential_needs_no_secret() -> None:
    block = {"aws_region": "x", "bedrock_provider": "amazon", "uc_service_credential_name": "c"}
    imported = _imported(_answer(**_external("amazon-bedrock", amazon_bedrock_config=block)))
    assert _model_of(imported)["amazon_bedrock_config"] == block
    assert not imported.problems


def test_compute_beside_an_external_model_is_left_out() -> None:
    config = _external("anthropic", anthropic_config={"anthropic_api_key": "{{secrets/a/b}}"})
    config["config"]["served_entities"][0] |= {
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
        "min_provisioned_throughput": 0,
    }
    [entity] = _imported(_answer(**config)).data["config"]["served_entities"]
    assert entity.keys() == {"name", "external_model"}


def test_our_tags_and_implicit_rows_are_left_out() -> None:
    def row(kind: str, name: str, level: str, **more: Any) -> dict[str, Any]:
        return {kind: name, "all_permissions": [{"permission_level": level, **more}]}

    rows = [
        row("user_name", "Alice@example.com", "CAN_MANAGE"),
        row("user_name", "bob@example.com", "CAN_MANAGE"),
        row("group_name", "admins", "CAN_MANAGE", inherited=True),
        row("group_name", "ML Team", "CAN_QUERY"),
    ]
    tags = [
        {"key": "provisioner", "value": "shop/dev"},
        {"key": "provisioner-protect", "value": "true"},
    ]
    imported = _imported(_answer(tags=tags), {"access_control_list": rows})
    assert imported.data == {
        "name": "chat",
        "permissions": [{"group": "ML Team", "level": "CAN_QUERY"}],
    }


def test_the_name_in_the_file_is_the_one_given() -> None:
    assert _imported(_answer("dev-chat"), name="chat").data["name"] == "chat"


def test_messages_of_the_service_stay_comments() -> None:
    message = "line\nname: other\x1b[31m"
    entity = {
        "name": "c",
        "entity_name": "a.b.c",
        "entity_version": "1",
        "state": {"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": message},
    }
    state = {"ready": "NOT_READY", "config_update": "UPDATE_FAILED"}
    imported = _imported(_answer(state=state, pending_config={"served_entities": [entity]}))
    assert _read_back(imported.text) == {"name": "chat"} == imported.data
    assert "\x1b" not in imported.text
    assert "failed; c: line name: other" in imported.text
