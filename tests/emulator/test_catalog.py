"""The facts: complete, dated, and the ones the emulator starts from."""

import re

import pytest

from provisioner.catalog import Provenance, catalog

from .conftest import ENDPOINTS, Api

FACTS = catalog()
PROVENANCES = [
    *(model.provenance for model in FACTS.pay_per_token),
    *(model.provenance for model in FACTS.retired),
    *(architecture.provenance for architecture in FACTS.architectures),
    *(chunk.provenance for chunk in FACTS.chunks),
]


@pytest.mark.parametrize("provenance", PROVENANCES)
def test_every_fact_has_a_source_a_date_and_a_confidence(provenance: Provenance) -> None:
    assert all(provenance.source)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", provenance.checked)
    assert provenance.confidence in ("high", "medium", "low")


def test_names_are_unique() -> None:
    for names in (
        [model.endpoint for model in FACTS.pay_per_token],
        [model.endpoint for model in FACTS.retired],
        [architecture.id for architecture in FACTS.architectures],
        [entity for a in FACTS.architectures for entity in a.entity_examples],
    ):
        assert len(set(names)) == len(names)


def test_founding_architectures_are_known() -> None:
    known = {a.id: a.sizing for a in FACTS.architectures}
    by_tokens = {name for name, sizing in known.items() if sizing == "tokens_per_second"}
    assert by_tokens >= {
        "llama-3-3", "llama-3-2-3b", "llama-3-2-1b", "llama-3-1", "llama-3", "llama-2", "dbrx",
        "mistral", "mixtral", "mpt", "gte-v1-5", "bge-v1-5",
    }  # fmt: skip
    assert known["openai-gpt-oss-120b"] == "model_units"


def test_architecture_of_a_model() -> None:
    found = FACTS.architecture_of("system.ai.gte_large_en_v1_5")
    assert found
    assert found.tasks == ("embeddings",)
    assert FACTS.architecture_of("main.ml.churn_classifier") is None


def test_a_new_workspace_holds_the_pay_per_token_endpoints(api: Api) -> None:
    names = {entry["name"] for entry in api.ok("GET", ENDPOINTS)["endpoints"]}
    assert names == {model.endpoint for model in FACTS.founding_models}
    for architecture in FACTS.architectures:
        for entity in architecture.entity_examples:
            answer = api.ok("GET", f"{ENDPOINTS}/get-model-optimization-info/{entity}/1")
            assert answer["optimizable"] is (architecture.sizing == "tokens_per_second")
