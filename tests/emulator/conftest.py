"""A running emulator for each kind of clock, reset before every test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from provisioner.emulator import running


class Api:
    """The workspace as a person with a token sees it, and the emulator's own side."""

    def __init__(self, url: str, token: str = "any-token") -> None:  # noqa: S107
        self.url = url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.session.request(method, self.url + path, json=body, timeout=10, **more)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        response = self.call(method, path, body, **more)
        assert response.status_code == 200, response.text
        return response.json() if response.content else None

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        response = self.call(method, path, body, **more)
        assert response.status_code >= 400, response.text
        self.message = response.json()["message"]
        return response.status_code, response.json()["error_code"]

    def endpoint(self, name: str) -> Any:
        return self.ok("GET", f"{ENDPOINTS}/{name}")

    def create(self, name: str, *entities: Any, **more: Any) -> Any:
        body = {"name": name, "config": config(*entities)} | more
        return self.ok("POST", ENDPOINTS, body)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return self.ok(method, f"/__emulator/{path}", body)

    def advance(self, seconds: float) -> None:
        self.admin("POST", "clock", {"advance_seconds": seconds})


ENDPOINTS = "/api/2.0/serving-endpoints"


def external(name: str | None = None, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    block = {"openai_api_key": "{{secrets/llm/openai_api_key}}"} | more
    entity: dict[str, Any] = {
        "external_model": {
            "provider": "openai",
            "name": model,
            "task": "llm/v1/chat",
            "openai_config": block,
        }
    }
    return entity | ({"name": name} if name else {})


def custom(version: str = "1", **more: Any) -> dict[str, Any]:
    entity = {"entity_name": "main.ml.churn_classifier", "entity_version": version}
    return entity | {"workload_size": "Small", "scale_to_zero_enabled": True} | more


def throughput(**more: Any) -> dict[str, Any]:
    entity = {"entity_name": "system.ai.meta_llama_v3_1_8b_instruct", "entity_version": "2"}
    return entity | {"min_provisioned_throughput": 0, "max_provisioned_throughput": 980} | more


def config(*entities: Any, **percentages: int) -> dict[str, Any]:
    document: dict[str, Any] = {"served_entities": list(entities)}
    if percentages:
        document["traffic_config"] = {"routes": routes(**percentages)}
    return document


def routes(**percentages: int) -> list[dict[str, Any]]:
    return [
        {"served_entity_name": name, "traffic_percentage": share}
        for name, share in percentages.items()
    ]


@pytest.fixture(scope="session")
def instant_url() -> Iterator[str]:
    with running(clock="instant") as url:
        yield url


@pytest.fixture(scope="session")
def manual_url() -> Iterator[str]:
    with running(clock="manual") as url:
        yield url


def fresh(url: str) -> Iterator[Api]:
    api = Api(url)
    api.admin("POST", "reset")
    with api.session:
        yield api


@pytest.fixture
def api(instant_url: str) -> Iterator[Api]:
    """Every update is over at the next request."""
    yield from fresh(instant_url)


@pytest.fixture
def slow(manual_url: str) -> Iterator[Api]:
    """Updates take as long as they do in the service, in virtual time."""
    yield from fresh(manual_url)
