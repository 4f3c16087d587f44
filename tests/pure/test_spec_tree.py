"""Trees: laying layers over each other and finding places again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Where
from provisioner.project.documents import read_documents
from provisioner.spec import Node, locate, merge, node_of

BASE, OVER = Where("base.yaml", 1, 1), Where("over.yaml", 1, 1)

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


def merged(base: Any, over: Any) -> Any:
    return merge(node_of(base, BASE), node_of(over, OVER)).plain()


@given(values)
def test_a_tree_gives_back_its_data(data: Any) -> None:
    assert node_of(data, BASE).plain() == data


@given(values)
def test_laying_a_value_over_itself_changes_nothing(data: Any) -> None:
    assert merged(data, data) == data


@given(st.dictionaries(st.text(max_size=3), values), values)
def test_what_is_laid_over_wins(base: Any, over: Any) -> None:
    assert merged({**base, "key": 1}, {"key": over})["key"] == over


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        (
            {"served_entities": [{"name": "a", "x": 1}, {"name": "b"}]},
            {"served_entities": [{"name": "c"}, {"name": "a", "x": 2}]},
            {"served_entities": [{"name": "a", "x": 2}, {"name": "b"}, {"name": "c"}]},
        ),
        (
            {"served_entities": [{"x": 1}]},
            {"served_entities": [{"name": "a"}]},
            {"served_entities": [{"name": "a"}]},
        ),
        (
            {"rate_limits": [{"calls": 1}, {"key": "user", "principal": "a", "calls": 2}]},
            {"rate_limits": [{"key": "endpoint", "calls": 3}, {"key": "user", "calls": 4}]},
            {
                "rate_limits": [
                    {"key": "endpoint", "calls": 3},
                    {"key": "user", "principal": "a", "calls": 2},
                    {"key": "user", "calls": 4},
                ]
            },
        ),
        (
            {"rows": [{"group": "a", "level": "x"}]},
            {"rows": [{"user": "a", "level": "y"}, {"group": "a", "level": "z"}]},
            {"rows": [{"group": "a", "level": "z"}, {"user": "a", "level": "y"}]},
        ),
        ({"served_entities": [{"name": "a"}]}, {"served_entities": []}, {"served_entities": []}),
    ],
)
def test_merging(base: Any, over: Any, result: Any) -> None:
    assert merged(base, over) == result


ENDPOINT = b"""\
name: chat
tags: {team: a, cost.center: b}
config:
  served_entities:
    - name: gpt-4o
      environment_vars: {KEY: v}
    - name: "3"
  traffic_config:
    routes:
      - {served_entity_name: gpt-4o, traffic_percentage: 100}
ai_gateway:
  rate_limits:
    - {calls: 5}
    - {key: user_group, principal: ml.team, calls: 6}
permissions:
  rows:
    - {group: ml, level: CAN_VIEW}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("name", 1, 7),
        ("tags[team]", 2, 14),
        ("tags[cost.center]", 2, 30),
        ("config.served_entities[gpt-4o]", 5, 7),
        ("config.served_entities[gpt-4o].environment_vars[KEY]", 6, 31),
        ("config.served_entities[3].name", 7, 13),
        ("config.served_entities[0].name", 5, 13),
        ("config.served_entities[gpt-4o].workload_size", 5, 7),
        ("config.served_entities[other].name", 5, 5),
        ("config.traffic_config.routes[gpt-4o].traffic_percentage", 10, 58),
        ("ai_gateway.rate_limits[endpoint].calls", 13, 15),
        ("ai_gateway.rate_limits[user_group:ml.team].calls", 14, 52),
        ("ai_gateway.usage_tracking_config.enabled", 12, 3),
        ("permissions[group:ml]", 17, 7),
        ("permissions[group:ml].level", 17, 26),
        ("permissions[user:a]", 16, 3),
        ("description", 1, 1),
        ("", 1, 1),
    ],
)
def test_places_of_document_paths(path: str, line: int, column: int) -> None:
    (root,), _ = read_documents(ENDPOINT, "f.yaml")
    assert locate(root, path) == Where("f.yaml", line, column)


def test_a_moved_tree_is_at_one_place() -> None:
    (root,), _ = read_documents(ENDPOINT, "f.yaml")

    def places(node: Node) -> set[Where]:
        return {below.where for below in node.walk()} | set(node.keys.values())

    assert places(root.moved(OVER)) == {OVER}
    assert root.moved(OVER).plain() == root.plain()
