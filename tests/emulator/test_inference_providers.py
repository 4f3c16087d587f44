"""Every provider and task that the catalog knows, asked whole: shape, stream, both ways in."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.catalog import ExternalProvider, catalog
from tests.emulator.conftest import Api
from tests.emulator.test_inference import HELLO, ask

KEY = "{{secrets/llm/openai_api_key}}"
BODIES: dict[str, Any] = {
    "chat": {"messages": HELLO, "max_tokens": 8},
    "completions": {"prompt": "Once", "max_tokens": 8},
    "embeddings": {"input": ["a", "b"]},
}
OBJECTS = {task.short: task.response_object for task in catalog().tasks}
PATHS = {task.short: task.openai_path for task in catalog().tasks}


def block_of(provider: ExternalProvider) -> dict[str, Any]:
    """A block with all that the provider wants; the first way to sign in where there are more."""
    ways = provider.sign_in[:1]
    needed = [*provider.required, *(name for way in ways for name in way.required)]
    choices = [*provider.one_of, *(group for way in ways for group in way.one_of)]
    block = dict.fromkeys(needed, "x") | {group[0]: KEY for group in choices}
    block |= {name: values[0] for name, values in provider.enums.items() if name in block}
    block |= dict(provider.fixed)
    if provider.id == "custom":  # what signs in there is a block of its own
        url = {"custom_provider_url": "https://example.com"}
        return url | {"bearer_token_auth": {"token": KEY}}
    return block


CASES = [
    pytest.param(provider, task, id=f"{provider.id}-{task}")
    for provider in catalog().providers
    for task in provider.tasks
]


@pytest.mark.parametrize(("provider", "task"), CASES)
def test_every_provider_answers_every_task_of_its(
    api: Api, provider: ExternalProvider, task: Any
) -> None:
    name = next(iter(provider.names(task)), "any-model")
    model = {"provider": provider.provider, "name": name, "task": f"llm/v1/{task}"}
    block = {provider.config_block: block_of(provider)}
    api.create("x", {"name": "e", "external_model": model | block})
    answer = ask(api, "x", BODIES[task])
    assert answer.status_code == 200, answer.text
    assert (answer.json()["object"], answer.json()["model"]) == (OBJECTS[task], name)
    assert ask(api, "x", BODIES[task], "e").json() == answer.json()
    path = f"/serving-endpoints/{PATHS[task]}"
    assert api.ok("POST", path, BODIES[task] | {"model": "x"}) == answer.json()
    if task == "embeddings":
        known = provider.embedding_dims.get(name)
        assert known in (None, len(answer.json()["data"][0]["embedding"]))
    else:
        assert ask(api, "x", BODIES[task] | {"stream": True}).text.endswith("data: [DONE]\n\n")


HOSTED = [model for model in catalog().pay_per_token if model.api is None]


def test_every_hosted_model_answers(api: Api) -> None:
    endpoints = {
        model.endpoint: {
            "endpoint_type": "FOUNDATION_MODEL_API",
            "task": model.api_task,
            "config": {
                "served_entities": [
                    {"name": model.endpoint, "foundation_model": {"name": model.model}}
                ],
                "traffic_config": {"routes": []},
            },
        }
        for model in HOSTED
    }
    api.admin("POST", "seed", {"endpoints": endpoints})
    for model in HOSTED:
        answer = ask(api, model.endpoint, BODIES[model.task])
        assert answer.status_code == 200, answer.text
        if model.task == "embeddings":
            length = len(answer.json()["data"][0]["embedding"])
            assert model.embedding_dims in (None, length)
