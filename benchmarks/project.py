"""A project of many endpoints of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_project(root: Path, count: int, host: str) -> None:
    """Write ``count`` endpoints, one a file, and an environment ``dev`` on ``host``."""
    for folder in ("endpoints", "environments"):
        (root / folder).mkdir(parents=True)
    environment = {"project": "bench", "workspace": {"host": host}, "record": "record.json"}
    _write(root / "environments/dev.yaml", environment)
    for number in range(count):
        endpoint = _endpoint(number)
        _write(root / "endpoints" / f"{endpoint['name']}.yaml", endpoint)


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def _endpoint(number: int) -> dict[str, Any]:
    make = (_fallback, _throughput, _custom, _fallback)[number % 4]
    return {
        "name": f"endpoint-{number:05}",
        "tags": {"team": f"team-{number % 7}", "cost-center": str(4000 + number)},
        "permissions": [
            {"group": "ml-engineers", "level": "CAN_MANAGE"},
            {"group": "users", "level": "CAN_QUERY"},
        ],
        **make(number),
    }


def _fallback(number: int) -> dict[str, Any]:
    return {
        "config": {
            "served_entities": [
                _external("openai", "gpt-4o", "openai_api_key"),
                _external("anthropic", "claude-sonnet-4-5", "anthropic_api_key"),
            ]
        },
        "traffic": {"openai": 90, "anthropic": 10},
        "ai_gateway": {
            "usage_tracking_config": {"enabled": True},
            "guardrails": {"input": {"safety": True, "pii": {"behavior": "BLOCK"}}},
            "rate_limits": [
                {"renewal_period": "minute", "key": "user", "calls": 20 + number},
                {"renewal_period": "minute", "key": "endpoint", "calls": 600},
            ],
        },
    }


def _external(provider: str, model: str, key: str) -> dict[str, Any]:
    return {
        "name": provider,
        "external_model": {
            "provider": provider,
            "name": model,
            "task": "llm/v1/chat",
            f"{provider}_config": {key: f"{{{{secrets/llm/{key}}}}}"},
        },
    }


def _throughput(number: int) -> dict[str, Any]:
    entity = {
        "name": "llama",
        "entity_name": "system.ai.meta_llama_v3_1_8b_instruct",
        "entity_version": "2",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": 980 * (1 + number % 5),
    }
    return {"config": {"served_entities": [entity]}}


def _custom(number: int) -> dict[str, Any]:
    entity = {
        "name": "churn",
        "entity_name": "main.ml.churn_classifier",
        "entity_version": str(1 + number % 3),
        "workload_size": "Small",
        "scale_to_zero_enabled": True,
        "environment_vars": {"LOG_LEVEL": "info", "NUMBER": str(number)},
    }
    return {"config": {"served_entities": [entity]}}
