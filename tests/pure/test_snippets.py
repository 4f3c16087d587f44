"""Which client gets code for what, and that the code is code."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from provisioner.catalog import catalog
from provisioner.errors import Refused
from provisioner.snippets import CLIENTS, USES, Snippet, Subject, Use, declared, hosted, snippet
from provisioner.snippets.uses import IMAGE, REQUESTS
from provisioner.spec import EndpointSpec

TABLE: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("snippets.yaml").read_text("utf-8")
)
DAY = "2026-11-22"


def external(provider: str, model: str, task: str) -> dict[str, Any]:
    block = {f"{provider}_config": {f"{provider}_api_key": "{{secrets/llm/key}}"}}
    model_and_task = {"provider": provider, "name": model, "task": f"llm/v1/{task}"}
    return {"external_model": {**model_and_task, **block}}


DECLARED: dict[str, dict[str, Any]] = {
    "external-openai": external("openai", "gpt-5", "chat"),
    "external-gpt-4o": external("openai", "gpt-4o", "chat"),
    "external-cohere": external("cohere", "command-r-plus", "chat"),
    "external-completions": external("anthropic", "claude-2", "completions"),
    "llama": {
        "entity_name": "system.ai.llama_v3_3_70b_instruct",
        "entity_version": "1",
        "max_provisioned_throughput": 9700,
    },
    "fine-tuned": {
        "entity_name": "main.ml.ticket_triage",
        "entity_version": "1",
        "architecture": "llama-3-1",
        "max_provisioned_throughput": 9700,
    },
    "custom": {
        "entity_name": "main.ml.churn_classifier",
        "entity_version": "3",
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
    },
}


def subject(name: str) -> Subject:
    if name in DECLARED:
        document = {"name": name, "config": {"served_entities": [DECLARED[name]]}}
        return declared(EndpointSpec.model_validate(document), catalog(), DAY)
    return hosted(next(m for m in catalog().pay_per_token if m.endpoint == name), DAY)


def made(name: str, client: str) -> dict[Use, Snippet]:
    found = {}
    for use in USES:
        with suppress(Refused):
            found[use] = snippet(subject(name), client, use, catalog())
    return found


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", TABLE)
def test_table(name: str, client: str) -> None:
    words = [f"({use})" if code.unstated else use for use, code in made(name, client).items()]
    assert sorted(words) == sorted(TABLE[name][client].split())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", TABLE)
def test_code_is_code_and_names_the_endpoint(name: str, client: str) -> None:
    for use, code in made(name, client).items():
        assert re.search(rf"\b{name}\b", code.text)
        assert all(len(line) <= 100 for line in code.text.splitlines() if "=> '{" not in line)
        if code.language == "python":
            ast.parse(code.text)
        elif code.language == "sh":
            body = code.text.partition("JSON'\n" if use != "vision" else "<<JSON\n")[2]
            sent = json.loads(body.rpartition("JSON")[0].replace("$IMAGE", "IMAGE"))
            assert {**REQUESTS[use], **sent} == sent
            assert (use == "vision") == (IMAGE in body.replace("$IMAGE", "IMAGE"))
        else:
            assert re.sub(r"'(?:[^'\\]|\\.)*'", "", code.text).count("'") == 0
            assert code.text.rstrip().endswith(";")


def test_reasoning_is_asked_for_as_the_model_wants_it() -> None:
    ask = {
        name: snippet(subject(name), "openai", "reasoning", catalog()).text
        for name in ("databricks-claude-3-7-sonnet", "external-openai")
    }
    assert 'extra_body={"thinking": {"type": "enabled"' in ask["databricks-claude-3-7-sonnet"]
    assert 'reasoning_effort="medium"' in ask["external-openai"]


def test_a_text_for_sql_cannot_end_its_string() -> None:
    from provisioner.snippets.literals import sql

    assert sql("it's a \\ 'quote'") == r"'it\'s a \\ \'quote\''"


def test_every_use_has_a_request_or_is_one_for_each_row() -> None:
    assert {*REQUESTS, "batch"} == set(get_args(Use))
