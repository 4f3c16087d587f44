"""Every cause of a bad answer, for every provider and task: each is told for what it is.

Nine providers, three tasks where they are offered, seven causes: as the emulator makes them and,
since providers word the same differently, with the words of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.catalog import ExternalProvider, catalog
from tests.conftest import Cli, Emulator, Project

CONDITIONS = {
    "provider_rejected_key": "provider_rejected_key",
    "provider_down": "provider_down",
    "wrong_shape": "wrong_shape",
    "not_ready": "not_ready",
    "cold": "cold_start",
}
LIMIT = {"rate_limits": [{"key": "user", "calls": 0, "renewal_period": "minute"}]}
CAUSES = (*CONDITIONS.values(), "rate_limited", "caller_lacks_right")


def providers() -> Iterator[ExternalProvider]:
    """Every provider, the variants of OpenAI on Azure among them."""
    yield from (one for one in catalog().providers if one.tasks)


def block(provider: ExternalProvider, model: str) -> dict[str, Any]:
    """The fields that a provider wants, with values that fit."""
    if provider.id == "custom":
        token = {"token": "{{secrets/llm/openai_api_key}}"}
        return {"custom_provider_url": "https://example.com", "bearer_token_auth": token}
    way = provider.sign_in[0] if provider.sign_in else None
    groups = (*provider.one_of, *(way.one_of if way else ()))
    names = [*provider.required, *(way.required if way else ()), *(one[0] for one in groups)]
    values = dict.fromkeys(provider.secrets, "{{secrets/llm/openai_api_key}}")
    maker = provider.maker_of(model) or "anthropic"
    plain = {"aws_region": "us-east-1", "bedrock_provider": maker, "region": "us-east1"}
    urls = {name: "https://example.com" for name in names if "url" in name or "base" in name}
    fixed = {**provider.fixed, **plain, **urls}
    return {name: values.get(name) or fixed.get(name, "some-value") for name in names}


def offered() -> Iterator[tuple[str, str]]:
    for provider in providers():
        yield from ((provider.id, task) for task in provider.tasks)


COMBINATIONS = list(offered())


def declared(identifier: str, task: str) -> dict[str, Any]:
    provider = next(one for one in catalog().providers if one.id == identifier)
    name = next(iter(provider.names(task)), "some-model")  # type: ignore[arg-type]
    model = {"provider": provider.provider, "name": name, "task": f"llm/v1/{task}"}
    model[provider.config_block] = block(provider, name)  # type: ignore[assignment]
    return {"config": {"served_entities": [{"name": "model", "external_model": model}]}}


def test_the_table_is_whole() -> None:
    assert len({provider for provider, _ in COMBINATIONS}) >= 9
    assert {task for _, task in COMBINATIONS} == {"chat", "completions", "embeddings"}
    assert len(CAUSES) == 7


@pytest.mark.exhaustive
@pytest.mark.parametrize(("provider", "task"), COMBINATIONS)
def test_each_cause_is_told(
    provider: str,
    task: str,
    tmp_path: Path,
    emulator: Emulator,
    signed_in: pytest.MonkeyPatch,
) -> None:
    project = Project(tmp_path / "project", emulator.url)
    cli = Cli(project.root)
    made = declared(provider, task)
    for cause in CAUSES:
        more: dict[str, Any] = {"ai_gateway": LIMIT} if cause == "rate_limited" else {}
        project.endpoint(cause.replace("_", "-"), made, **more)
    rows = [{"user": "alice@example.com", "level": "CAN_VIEW"}]
    project.endpoint("caller-lacks-right", made, permissions=rows)
    project.endpoint("fine", made)
    cli.apply()
    emulator.admin("DELETE", "conditions")
    for condition, cause in CONDITIONS.items():
        document = {"endpoint": cause.replace("_", "-"), "entity": "model", "condition": condition}
        emulator.admin("PUT", "conditions", document)
    run = cli("verify", "-e", "dev", "--exclude", "caller-*", "-o", "json", expect=7)
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    other = cli("verify", "-e", "dev", "--only", "caller-*", "-o", "json", expect=7)
    emulator.admin("DELETE", "conditions")
    found = {
        entry["name"]: entry["verdicts"][0]["cause"]
        for entry in (*run.json["endpoints"], *other.json["endpoints"])
    }
    assert found == {cause.replace("_", "-"): cause for cause in CAUSES} | {"fine": "ok"}
