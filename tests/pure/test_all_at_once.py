"""Every mistake is told at once, and none that goes away with another one.

Endpoints without mistakes get one or two. Alone, a mistake is told and nothing else; two of
them, wherever they are, give exactly what each gives alone.
"""

from __future__ import annotations

import copy
import pprint
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pure.rule_projects import found_in

Steps = tuple[str | int, ...]
KEY = "{{secrets/llm/key}}"
EXTERNAL: dict[str, Any] = {
    "name": "chat",
    "config": {
        "served_entities": [
            {
                "name": "main",
                "external_model": {
                    "provider": "openai",
                    "name": "gpt-4o",
                    "task": "llm/v1/chat",
                    "openai_config": {"openai_api_key": KEY},
                },
            },
            {
                "name": "spare",
                "external_model": {
                    "provider": "amazon-bedrock",
                    "name": "claude-3-5-haiku-20241022-v1:0",
                    "task": "llm/v1/chat",
                    "amazon_bedrock_config": {
                        "aws_region": "eu-central-1",
                        "bedrock_provider": "anthropic",
                        "aws_access_key_id": KEY,
                        "aws_secret_access_key": KEY,
                    },
                },
            },
        ]
    },
    "traffic": {"main": 90, "spare": 10},
    "tags": {"team": "search"},
    "description": "The assistant",
    "email_notifications": {"on_update_failure": ["a@example.com", "b@example.com"]},
    "ai_gateway": {
        "fallback_config": {"enabled": True},
        "usage_tracking_config": {"enabled": True},
        "guardrails": {"input": {"pii": {"behavior": "BLOCK"}, "safety": True}},
        "inference_table_config": {
            "enabled": True,
            "catalog_name": "main",
            "schema_name": "logs",
            "table_name_prefix": "chat",
        },
        "rate_limits": [
            {"renewal_period": "minute", "calls": 100},
            {"renewal_period": "minute", "key": "user_group", "principal": "ml", "calls": 10},
        ],
    },
    "permissions": {
        "mode": "exact",
        "rows": [{"group": "ml", "level": "CAN_QUERY"}, {"user": "a@b.c", "level": "CAN_MANAGE"}],
    },
    "lifecycle": {
        "protect": True,
        "on_immutable_change": "refuse",
        "ignore": ["tags"],
        "timeouts": {"create": "45m"},
    },
    "checks": [{"name": "greets", "prompt": "Hello", "expect": {"status": 200, "latency": "2s"}}],
}
OWN: dict[str, Any] = {
    "name": "churn",
    "config": {
        "served_entities": [
            {
                "name": "v1",
                "entity_name": "main.ml.churn",
                "entity_version": 1,
                "workload_size": "Small",
                "workload_type": "CPU",
                "scale_to_zero_enabled": True,
                "environment_vars": {"STAGE": "live"},
            },
            {
                "name": "v2",
                "entity_name": "main.ml.churn",
                "entity_version": 2,
                "min_provisioned_concurrency": 4,
                "max_provisioned_concurrency": 8,
                "scale_to_zero_enabled": False,
            },
        ],
        "traffic_config": {
            "routes": [
                {"served_entity_name": "v1", "traffic_percentage": 50},
                {"served_entity_name": "v2", "traffic_percentage": 50},
            ]
        },
    },
    "route_optimized": True,
    "rollout": {"steps": [10, 50], "hold": "5m", "max_error_share": 0.1, "min_requests": 10},
    "ai_gateway": {
        "inference_table_config": {"enabled": True, "catalog_name": "main", "schema_name": "logs"}
    },
    "permissions": [{"group": "ml", "level": "CAN_QUERY"}],
}
BASES = {"external": EXTERNAL, "own": OWN}


_MEMBER = re.compile(r"\[[^\]]*\]")


class Mistake(NamedTuple):
    """One edit of a document."""

    about: str
    at: Steps
    change: str
    value: Any = None
    reads: tuple[Steps, ...] = ()
    """What else decides whether it is one, or how it is worded."""


def leaves(node: Any, at: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    if isinstance(node, (dict, list)):
        for step, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(child, (*at, step))
    else:
        yield at, node


def below(node: Any, steps: Steps) -> Any:
    for step in steps:
        node = node[step]
    return node


FREE = ("tags", "environment_vars", "traffic")
"""Maps whose keys are names."""


def misread(base: dict[str, Any]) -> list[Mistake]:
    """Every value as one of another type, every key mistyped."""
    found = []
    for at, value in leaves(base):
        takes_text = isinstance(value, str) and not str(at[-1]).endswith(("status", "latency"))
        wrong: Any = {"a": "b"} if takes_text else "surely"
        found.append(Mistake("type", at, "set", wrong))
        if isinstance(at[-1], str) and not any(step in FREE for step in at):
            found.append(Mistake("key", at, "rename", f"{at[-1]}{at[-1][-1]}"))
            found.append(Mistake("strange key", at, "rename", f"x_{at[-1]}_x"))
    containers = {at[:size] for at, _ in leaves(base) for size in range(1, len(at))}
    for at in sorted(containers, key=repr):
        if at != ("config", "served_entities") and at[-1] != "routes":
            found.append(Mistake("shape", at, "set", 5))
    return found


ROUTES: Steps = ("config", "traffic_config", "routes")
ENTITIES: Steps = ("config", "served_entities")
SPARE: Steps = (*ENTITIES, 1, "external_model")
LIMITS: Steps = ("ai_gateway", "rate_limits")
NAMES = tuple((*ENTITIES, index, "name") for index in (0, 1))
JUDGED = {
    "external": [
        Mistake("traffic-sum", ("traffic", "main"), "set", 80, (*NAMES, ("traffic",))),
        Mistake("unknown-route", ("traffic", "gemini"), "set", 0, (*NAMES, ("traffic",))),
        Mistake("bad-endpoint-name", ("name",), "set", "two words"),
        Mistake("bad-entity-name", (*ENTITIES, 0, "name"), "set", "m.n", (("traffic",), *NAMES)),
        Mistake("empty-rate-limit", (*LIMITS, 0, "calls"), "drop"),
        Mistake("rate-limit-principal", (*LIMITS, 1, "principal"), "drop", None, ((*LIMITS, 1),)),
        Mistake("rate-limit-zero", (*LIMITS, 0, "calls"), "set", 0, ((*LIMITS, 0),)),
        Mistake("reserved-tag", ("tags", "provisioner"), "set", "me", (("tags",),)),
        Mistake("bad-reference", ("description",), "set", "changeme"),
        Mistake("admins-listed", ("permissions", "rows", 0, "group"), "set", "admins"),
        Mistake("unknown-model", (*SPARE, "name"), "set", "claude-99", (SPARE,)),
        Mistake("external-exclusive", (*ENTITIES, 1, "workload_size"), "set", "Small", (ENTITIES,)),
        Mistake("route-optimized-kind", ("route_optimized",), "set", True, ((*ENTITIES, 0),)),
    ],
    "own": [
        Mistake("traffic-sum", (*ROUTES, 0, "traffic_percentage"), "set", 40, (ROUTES,)),
        Mistake("scale-to-zero", (*ENTITIES, 0, "scale_to_zero_enabled"), "drop"),
        Mistake("bounds-order", (*ENTITIES, 1, "min_provisioned_concurrency"), "set", 12,
                ((*ENTITIES, 1),)),
        Mistake("bad-variable-name", (*ENTITIES, 0, "environment_vars", "1A"), "set", "x",
                ((*ENTITIES, 0, "environment_vars"),)),
        Mistake("rollout-steps", ("rollout", "steps", 1), "set", 5, (("rollout", "steps"),)),
        Mistake("bad-endpoint-name", ("name",), "set", "two words"),
        Mistake("admins-listed", ("permissions", 0, "group"), "set", "admins"),
    ],
}  # fmt: skip


def with_mistakes(base: dict[str, Any], mistakes: tuple[Mistake, ...]) -> dict[str, Any]:
    document = copy.deepcopy(base)
    for one in mistakes:
        holder, key = below(document, one.at[:-1]), one.at[-1]
        if one.change == "set":
            holder[key] = one.value
        else:
            value = holder.pop(key)
            if one.change == "rename":
                holder[one.value] = value
    return document


def told(root: Path, document: dict[str, Any]) -> set[tuple[str, str]]:
    for folder in ("endpoints", "environments"):
        (root / folder).mkdir(exist_ok=True)
    (root / "environments/dev.yaml").write_text("project: shop\n")
    (root / "endpoints/example.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    # Members of lists are called by names that a mistake may have taken from them.
    return {(problem.code, _MEMBER.sub("[]", problem.summary)) for problem in found_in(root)}


def is_within(at: Steps, other: Steps) -> bool:
    return at[: len(other)] == other


def are_apart(one: Mistake, other: Mistake) -> bool:
    return not any(
        is_within(mine, theirs) or is_within(theirs, mine)
        for mine, theirs in [
            (one.at, other.at),
            *((one.at, read) for read in other.reads),
            *((other.at, read) for read in one.reads),
        ]
    )


def all_pairs() -> list[Any]:
    pairs: list[Any] = []
    for name, base in BASES.items():
        every = [*misread(base), *JUDGED[name]]
        pairs += ((name, *two) for two in combinations(every, 2) if are_apart(*two))
    return [pair for pair in pairs if "strange key" not in (pair[1].about, pair[2].about)]


PAIRS = all_pairs()


@pytest.mark.parametrize("name", BASES)
def test_there_is_nothing_wrong_without_mistakes(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, BASES[name]) == set()


@pytest.mark.parametrize("name", BASES)
def test_a_mistake_is_told_once_and_has_no_echo(tmp_path: Path, name: str) -> None:
    wrong = {}
    for one in misread(BASES[name]):
        found = told(tmp_path, with_mistakes(BASES[name], (one,)))
        if one.about == "strange key":  # may stand for one that is missing, or for none
            found -= {each for each in found if each[0] == "missing-key"}
        if len(found) != 1:
            wrong[one.at, one.change] = found
    assert not wrong, pprint.pformat(wrong)


@pytest.mark.parametrize("config", [None, {"traffic_config": None}, 5, {"traffic_config": 5}])
def test_a_split_without_a_place_is_no_problem_of_its_own(tmp_path: Path, config: Any) -> None:
    found = told(tmp_path, {"name": "chat", "config": config, "traffic": {"v1": 100}})
    assert {code for code, _ in found} <= {"wrong-type"}


def difference(root: Path, name: str, one: Mistake, other: Mistake) -> set[tuple[str, str]]:
    """What two mistakes give together, and not alone, or the other way round."""
    base = BASES[name]
    alone = [told(root, with_mistakes(base, (each,))) for each in (one, other)]
    assert all(alone)
    return told(root, with_mistakes(base, (one, other))) ^ (alone[0] | alone[1])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pair=st.sampled_from(PAIRS))
def test_two_mistakes_are_told_at_once(tmp_path: Path, pair: Any) -> None:
    assert not difference(tmp_path, *pair)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", BASES)
def test_a_judgement_is_told_beside_any_value_that_cannot_be_read(
    tmp_path: Path, name: str
) -> None:
    wrong = {}
    for one in JUDGED[name]:
        for other in misread(BASES[name]):
            if are_apart(one, other) and other.about != "strange key":
                lost = difference(tmp_path, name, one, other)
                if lost:
                    wrong[one.about, other] = lost
    assert not wrong, pprint.pformat(wrong)
