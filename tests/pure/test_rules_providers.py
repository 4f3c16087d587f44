"""The table of providers and tasks, walked as data: every cell, field and way to sign in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from provisioner.catalog import ExternalProvider, Task, catalog
from provisioner.errors import Problem, Where
from provisioner.rules import check
from provisioner.spec import EndpointSpec

PROVIDERS = {entry.id: entry for entry in catalog().providers}
TASKS: tuple[Task, ...] = ("completions", "chat", "embeddings")
VALUES = {
    "openai_api_base": "https://example.openai.azure.com/",
    "custom_provider_url": "https://llm.example.com/v1",
    "databricks_workspace_url": "https://example.cloud.databricks.com",
    "aws_region": "us-east-1",
    "region": "us-central1",
}
ABOUT_OFFERS = {
    *("provider-task", "model-task", "unknown-model", "own-model-refused", "bedrock-maker"),
    *("provider-block", "provider-needs", "secret-missing", "secret-twice", "provider-field"),
    *("bedrock-sign-in", "custom-sign-in", "azure-organization", "bad-url", "odd-region"),
}


@dataclass(frozen=True)
class Written:
    """An endpoint of one external model, without places."""

    spec: EndpointSpec

    @property
    def name(self) -> str:
        return self.spec.name

    def where(self, path: str) -> Where | None:
        return Where(path, 1, 1)

    def texts(self) -> Sequence[tuple[str, str, Where]]:
        return ()


def found(entry: ExternalProvider, block: dict[str, Any], **model: Any) -> list[Problem]:
    """What the rules about offers and fields say of a model."""
    entity: dict[str, Any] = {"name": "a"}
    if architecture := model.pop("architecture", None):
        entity["architecture"] = architecture
    entity["external_model"] = {
        "provider": entry.provider,
        "name": "m",
        "task": f"llm/v1/{model.pop('task', 'chat')}",
        entry.config_block: block,
        **model,
    }
    spec = EndpointSpec.model_validate({"name": "e", "config": {"served_entities": [entity]}})
    return [problem for problem in check([Written(spec)]) if problem.code in ABOUT_OFFERS]


def codes(entry: ExternalProvider, block: dict[str, Any], **model: Any) -> set[str]:
    return {problem.code for problem in found(entry, block, **model)}


def value_of(entry: ExternalProvider, name: str, maker: str | None = None) -> Any:
    """Something that fits a field."""
    if name.endswith("_plaintext"):
        return "${env:KEY}"
    if name in entry.secrets or f"{name}_plaintext" in {f for g in groups(entry) for f in g}:
        return "{{secrets/llm/key}}"
    if name in entry.fixed:
        return entry.fixed[name]
    if name == "bedrock_provider":
        return maker or "anthropic"
    return VALUES.get(name, "some-value")


def groups(entry: ExternalProvider) -> Iterator[tuple[str, ...]]:
    yield from entry.one_of
    for way in entry.sign_in:
        yield from way.one_of


def blocks(entry: ExternalProvider, maker: str | None = None) -> Iterator[dict[str, Any]]:
    """A whole block for each way to sign in, the secrets once as references, once from outside."""
    ways = entry.sign_in or (None,)
    for way in ways:
        for pick in (0, -1):
            one_of = entry.one_of + (way.one_of if way else ())
            names = [*entry.required, *(group[pick] for group in entry.one_of)]
            block = {name: value_of(entry, name, maker) for name in names}
            inner = {}
            if way:
                fields = [*way.required, *(group[pick] for group in one_of)]
                inner = {name: value_of(entry, name, maker) for name in fields}
            if entry.provider == "custom" and way:
                yield {**block, way.id: inner}
            else:
                yield {**block, **inner}


def one_block(entry: ExternalProvider, maker: str | None = None) -> dict[str, Any]:
    return next(blocks(entry, maker))


CELLS = [
    (entry.id, task, name)
    for entry in PROVIDERS.values()
    for task in entry.tasks
    for name in entry.names(task)
]


@pytest.mark.parametrize(("which", "task", "name"), CELLS)
def test_every_name_of_the_table_is_taken_for_its_task(which: str, task: Task, name: str) -> None:
    entry = PROVIDERS[which]
    block = one_block(entry, entry.maker_of(name))
    assert codes(entry, block, name=name, task=task) == set()


@pytest.mark.parametrize(("which", "task", "name"), CELLS)
def test_no_name_of_the_table_is_taken_for_another_task(which: str, task: Task, name: str) -> None:
    entry = PROVIDERS[which]
    block = one_block(entry, entry.maker_of(name))
    for other in TASKS:
        if other not in entry.tasks_of(name):
            problems = found(entry, block, name=name, task=other)
            assert {p.code for p in problems} & {"provider-task", "model-task"}, other
            gravely = "embeddings" in (task, other) or other not in entry.tasks
            assert any(p.is_error for p in problems) or not gravely


@pytest.mark.parametrize("which", PROVIDERS)
def test_empty_cells_are_errors_and_others_are_not(which: str) -> None:
    entry = PROVIDERS[which]
    for task in TASKS:
        refused = "provider-task" in codes(entry, one_block(entry), name="m", task=task)
        offered = entry.tasks
        if entry.families:
            offered = tuple(t for t in entry.tasks if "anthropic" in entry.families.get(t, {}))
        assert refused == (bool(offered) and task not in offered)


@pytest.mark.parametrize("which", PROVIDERS)
def test_unknown_names_are_warnings_unless_all_names_are_known(which: str) -> None:
    entry = PROVIDERS[which]
    for task in entry.tasks:
        problems = found(entry, one_block(entry), name="no-such-model", task=task)
        unknown = [p for p in problems if p.code == "unknown-model"]
        assert len(unknown) == (0 if entry.any_model else 1)
        assert not any(p.is_error for p in unknown)


@pytest.mark.parametrize("which", PROVIDERS)
def test_models_of_ones_own_are_taken_where_the_table_has_its_marks(which: str) -> None:
    entry = PROVIDERS[which]
    for task in entry.tasks:
        base = next(iter(entry.names(task)), "anything")
        tuned = codes(entry, one_block(entry), name="mine", task=task, architecture=base)
        custom = codes(entry, one_block(entry), name="mine", task=task, architecture="custom")
        takes_tuned = entry.any_model or (entry.fine_tuned and task != "embeddings")
        takes_custom = entry.any_model or (entry.custom_completions and task == "completions")
        own = {"own-model-refused"}
        assert (tuned & own, custom & own) == (
            set() if takes_tuned else own,
            set() if takes_custom else own,
        )


@pytest.mark.parametrize("which", PROVIDERS)
def test_every_way_to_sign_in_is_whole_and_a_missing_field_is_told(which: str) -> None:
    entry = PROVIDERS[which]
    quiet = {"unknown-model", "provider-task"}
    fixed = set(entry.fixed)
    for block in blocks(entry):
        assert codes(entry, block) <= quiet
        for name in block.keys() - fixed - {"aws_region", "bedrock_provider", "project_id"}:
            if name in {"region", "custom_provider_url", "databricks_workspace_url"}:
                continue  # the model itself has them: a missing one is `missing-key`
            rest = {key: value for key, value in block.items() if key != name}
            assert codes(entry, rest) - quiet, name


@pytest.mark.parametrize("which", PROVIDERS)
def test_a_secret_twice_and_a_forbidden_field_are_told(which: str) -> None:
    entry = PROVIDERS[which]
    for group in entry.one_of:
        both = one_block(entry) | {name: value_of(entry, name) for name in group}
        assert "secret-twice" in codes(entry, both)
    for name in entry.forbidden:
        assert "azure-organization" in codes(entry, one_block(entry) | {name: "org-1"})
    if entry.sign_in and entry.provider != "custom":
        every = {key: value for block in blocks(entry) for key, value in block.items()}
        assert "bedrock-sign-in" in codes(entry, every)
    if entry.provider == "custom":
        every = {key: value for block in blocks(entry) for key, value in block.items()}
        assert "custom-sign-in" in codes(entry, every)


@pytest.mark.parametrize("which", PROVIDERS)
def test_optional_fields_are_taken(which: str) -> None:
    entry = PROVIDERS[which]
    values = {name: value_of(entry, name) for name in entry.optional} | {
        name: entry.defaults[name] for name in entry.optional if name in entry.defaults
    }
    if "cohere_api_base" in values:
        values["cohere_api_base"] = "https://api.cohere.example.com"
    assert codes(entry, one_block(entry) | values) <= {"unknown-model", "provider-task"}


LATER = {
    "openai": {
        "chat": "gpt-4.1 gpt-4.1-mini gpt-4o-2024-08-06 gpt-5 gpt-5-nano gpt-5.1-codex-max"
        " gpt-6-sol o1-pro o3 o4-mini chatgpt-4o-latest gpt-3.5-turbo-0125 gpt-4-0613"
        " ft:gpt-4o-mini-2024-07-18:acme::abc123"
    },
    "openai-azure": {"chat": "gpt-4.1 gpt-5-mini o3-mini"},
    "anthropic": {
        "chat": "claude-3-7-sonnet-20250219 claude-3-7-sonnet-latest claude-sonnet-4-20250514"
        " claude-opus-4-1 claude-opus-4-1-20250805 claude-haiku-4-5 claude-sonnet-5"
    },
    "cohere": {"chat": "command-a-03-2025 command-r7b-arabic-02-2025", "embeddings": "embed-v4.0"},
    "google-cloud-vertex-ai": {
        "chat": "gemini-2.5-pro gemini-2.5-flash-lite gemini-2.0-flash-001 gemini-3.8-flash"
        " gemini-3-pro-preview gemini-2.5-pro-preview-05-06",
        "embeddings": "gemini-embedding-001 text-multilingual-embedding-002",
    },
    "amazon-bedrock": {
        "chat": "anthropic.claude-sonnet-4-5-20250929-v1:0"
        " us.anthropic.claude-opus-4-1-20250805-v1:0"
    },
}
SLIPS = {
    "openai": "gpt4o gpt-4-oo gpt-4o- o-3 gpt-5_mini text-embedding-3-larg gpt-4-nonexistent",
    "openai-azure": "gpt-3.5-turbo gpt35-turbo",
    "anthropic": "claude-sonet-4-5 claude-4 sonnet-4-5 claude-sonnet-4.5",
    "cohere": "comand-r embed-v4",
    "google-cloud-vertex-ai": "gemini-flash gemini2.5-pro",
    "amazon-bedrock": "anthropic.claude-sonet-4-v1:0",
}


@pytest.mark.parametrize("which", LATER)
def test_later_versions_are_known_by_their_form(which: str) -> None:
    entry = PROVIDERS[which]
    for task, names in LATER[which].items():
        for name in names.split():
            assert codes(entry, one_block(entry), name=name, task=task) == set(), name


@pytest.mark.parametrize("which", SLIPS)
def test_slips_of_the_pen_are_not_later_versions(which: str) -> None:
    entry = PROVIDERS[which]
    for name in SLIPS[which].split():
        assert "unknown-model" in codes(entry, one_block(entry), name=name), name
