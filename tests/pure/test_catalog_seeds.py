"""The facts of the founding documents, row by row: ``catalog_seeds.yaml`` says what must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.catalog import SECTIONS, Catalog, catalog

SEEDS = yaml.safe_load((Path(__file__).parent / "catalog_seeds.yaml").read_text("utf-8"))
FACTS = SEEDS["facts"]
EXPRESSION = re.compile(r"(?P<path>.+?) (?P<operator>==|!=|is|has|mentions) (?P<value>.+)")
STEP = re.compile(r"\[(?P<key>[^\]]+)\]|\.?(?P<name>\w[\w-]*)(?:\((?P<arguments>[^)]*)\))?")


def look_up(facts: Catalog, path: str) -> Any:
    """Follow a path into the catalog."""
    value: Any = facts
    section = ""
    for step in STEP.finditer(path):
        if step["key"]:
            key = SECTIONS[section].key
            value = next(entry for entry in value if getattr(entry, key) == step["key"])
        elif isinstance(value, Mapping):
            value = value[step["name"]]
        else:
            section = step["name"]
            value = getattr(value, section)
            if step["arguments"] is not None:
                value = value(*step["arguments"].split(", "))
    return value


def plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def holds(facts: Catalog, expression: str) -> bool:
    parts = EXPRESSION.fullmatch(expression)
    assert parts, f"not an expression: {expression}"
    found = plain(look_up(facts, parts["path"]))
    text = parts["value"]
    if parts["operator"] == "mentions":
        return any(text in one for one in ([found] if isinstance(found, str) else found))
    value = yaml.safe_load(text)
    match parts["operator"]:
        case "==":
            return bool(found == value and type(found) is type(value))
        case "!=":
            return bool(found != value)
        case "is":
            return bool(found == value and value)
        case _:
            return bool(value) and set(value) <= set(found)


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row["row"])
def test_the_catalog_holds(row: dict[str, Any]) -> None:
    assert row["holds"]
    wrong = [expression for expression in row["holds"] if not holds(catalog(), expression)]
    assert not wrong, row["what"]


def test_a_wrong_expectation_is_noticed() -> None:
    gte = "pay_per_token[databricks-gte-large-en]"
    assert not holds(catalog(), f"{gte}.embedding_dims == 1023")
    assert not holds(catalog(), f"{gte}.normalized == 0")
    assert not holds(catalog(), "providers[openai].models.completions is [davinci-002]")
    assert not holds(catalog(), "providers[openai].models.completions has [davinci-003]")


def test_every_row_is_somewhere_and_counted() -> None:
    rows = [row["row"] for row in FACTS]
    everything = Counter([*rows, *SEEDS["elsewhere"]])
    wanted = [f"S{number}" for number in range(1, 207)] + [f"C{number}" for number in range(1, 23)]
    assert everything == Counter(wanted)
    print(f"{len(rows)} rows, {sum(len(row['holds']) for row in FACTS)} expectations")
    assert len(rows) == 218


def test_every_cell_of_the_table_of_providers() -> None:
    table = {
        (provider.id, task): provider.names(task) or ("(any)",) * provider.any_model
        for provider in catalog().providers
        if provider.founding
        for task in provider.tasks
    }
    counts = {cell: len(names) for cell, names in table.items()}
    assert counts == {
        ("openai", "completions"): 3,
        ("openai", "chat"): 10,
        ("openai", "embeddings"): 3,
        ("openai-azure", "completions"): 2,
        ("openai-azure", "chat"): 9,
        ("openai-azure", "embeddings"): 3,
        ("openai-azuread", "completions"): 2,
        ("openai-azuread", "chat"): 9,
        ("openai-azuread", "embeddings"): 3,
        ("anthropic", "completions"): 6,
        ("anthropic", "chat"): 9,
        ("cohere", "completions"): 2,
        ("cohere", "chat"): 9,
        ("cohere", "embeddings"): 7,
        ("databricks-model-serving", "completions"): 1,
        ("databricks-model-serving", "chat"): 1,
        ("databricks-model-serving", "embeddings"): 1,
        ("amazon-bedrock", "completions"): 10,
        ("amazon-bedrock", "chat"): 7,
        ("amazon-bedrock", "embeddings"): 4,
        ("ai21labs", "completions"): 3,
        ("google-cloud-vertex-ai", "completions"): 1,
        ("google-cloud-vertex-ai", "chat"): 6,
        ("google-cloud-vertex-ai", "embeddings"): 3,
    }


def test_flags_of_the_table_of_providers() -> None:
    providers = catalog().providers
    openai = {"openai", "openai-azure", "openai-azuread"}
    assert {p.id for p in providers if p.fine_tuned} == openai | {"cohere"}
    assert {p.id for p in providers if p.custom_completions} == {"ai21labs"}
    assert {p.id for p in providers if p.legacy} == {"ai21labs", "palm"}


def test_the_twelve_families() -> None:
    founding = [family for family in catalog().architectures if family.founding]
    assert len(founding) == 12
    assert {f.id: f.normalized for f in founding if f.normalized is not None} == {
        "gte-v1-5": False,
        "bge-v1-5": True,
    }
