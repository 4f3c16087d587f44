"""Reading YAML: places, and files that nobody meant to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.errors import ProjectInvalid
from provisioner.project import open_project
from provisioner.project.documents import read_documents
from provisioner.rules import check
from provisioner.spec import Node

# PyYAML writes text like `-.5` bare, which is a number to YAML 1.2.
words = st.text(alphabet="abcXYZ019-_ .é", min_size=1, max_size=8).filter(
    lambda text: not text.lstrip("-").startswith(".")
)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | words
documents = st.dictionaries(
    words,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
    max_size=5,
)


def read_one(text: str) -> Node:
    (root,), problems = read_documents(text.encode(), "f.yaml")
    assert problems == ()
    return root


@given(documents, st.sampled_from([True, False, None]))
def test_what_was_written_is_read(data: dict[str, Any], flow: bool | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True, width=10**6)
    assert read_one(text).plain() == data


@given(documents, st.sampled_from([True, False, None]))
def test_every_place_is_the_place_of_its_text(data: dict[str, Any], flow: bool | None) -> None:
    lines = yaml.safe_dump(
        data, default_flow_style=flow, allow_unicode=True, width=10**6
    ).splitlines()

    for node in read_one("\n".join(lines)).walk():
        for key, where in node.keys.items():
            rest = lines[where.line - 1][where.column - 1 :].lstrip("'\"")
            assert rest.startswith(key[:1])
        if isinstance(node.value, (bool, int)):
            rest = lines[node.where.line - 1][node.where.column - 1 :]
            assert rest.lower().startswith(str(node.value).lower())
        elif isinstance(node.value, str):
            rest = lines[node.where.line - 1][node.where.column - 1 :]
            assert rest.lstrip("'\"").startswith(node.value[:1])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    _, problems = read_documents(raw, "f.yaml")
    for problem in problems:
        assert problem.where
        assert problem.where.line >= 1


@given(st.text(alphabet="ab:-[]{}&*<!#|>'\"%@`?,\n \t~0x.", max_size=60))
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    read_documents(text.encode(), "f.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("yes", "yes"),
        ("Off", "Off"),
        ("007", "007"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("+5", "+5"),
        (".inf", ".inf"),
        ("=", "="),
        ("-", [None]),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = read_one(f"key:\n  {text}\n").plain()["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("raw", ["a: &x [*x]", "a: " + "[" * 100_000, "- " * 5000, "? [" * 5000])
def test_recursion_ends(raw: str) -> None:
    trees, (problem,) = read_documents(raw.encode(), "f.yaml")
    assert trees == ()
    assert problem.code in {"unknown-anchor", "too-deep", "bad-key"}


def test_depth_counts_what_aliases_bring() -> None:
    levels = "\n".join(
        f"a{i}: &a{i} " + "[" * 30 + (f"*a{i - 1}" if i else "x") + "]" * 30 for i in range(50)
    )
    _, (problem,) = read_documents(levels.encode(), "f.yaml")
    assert problem.code == "too-deep"


def test_merge_keys_in_order() -> None:
    root = read_one("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {c: 3, <<: [*x, *y]}\n")
    assert root.plain()["z"] == {"a": 1, "b": 1, "c": 3}
    assert str(root.entries["z"].key_place("b")) == "f.yaml:1:14"
    assert read_one("'<<': {a: 1}").plain() == {"<<": {"a": 1}}


PIECES = [
    "name: chat",
    "name: [x]",
    "config: {served_entities: [{name: a, external_model: {}}]}",
    "config: {served_entities: [x, {}, null]}",
    "config: {served_entities: {a: b}}",
    "config: {served_models: [{model_name: m}, 5]}",
    "config: {traffic_config: {routes: [x, {served_model_name: 5}]}}",
    "config: {traffic_config: 5}",
    "config: 5",
    "config: null",
    "traffic: {a: 100}",
    "traffic: [a]",
    "traffic: null",
    "tags: [{key: a}, {key: 5}, x]",
    "tags: {a: null, b: [1]}",
    "tags: null",
    "permissions: [x, {}, {group: g, level: CAN_VIEW}]",
    "permissions: {mode: exact}",
    "permissions: null",
    "permissions: 5",
    "lifecycle: null",
    "lifecycle: {timeouts: null, ignore: x}",
    "ai_gateway: {rate_limits: [x, {key: 5}, {principal: p}]}",
    "ai_gateway: {fallback_config: null, guardrails: []}",
    "api_extra: {name: x}",
    "api_extra: 5",
    "description: ${var.x} ${",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(
    st.lists(st.sampled_from(PIECES), max_size=6),
    st.lists(st.sampled_from(PIECES), max_size=3),
)
def test_any_endpoint_is_loaded_or_refused(
    tmp_path: Path, endpoint: list[str], override: list[str]
) -> None:
    indented = "".join(f"    {piece}\n" for piece in override)
    overrides = f"overrides:\n  chat:\n{indented}" if override else ""
    (tmp_path / "endpoints").mkdir(exist_ok=True)
    (tmp_path / "environments").mkdir(exist_ok=True)
    (tmp_path / "endpoints" / "chat.yaml").write_text("\n".join(endpoint))
    (tmp_path / "environments" / "dev.yaml").write_text(f"project: demo\n{overrides}")
    try:
        found = open_project(tmp_path).load("dev", check).problems
        refused = False
    except ProjectInvalid as invalid:
        found, refused = invalid.problems(), True
    assert any(problem.is_error for problem in found) is refused
