"""Two hundred checks over fifty endpoints: what it costs in calls."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conftest import Cli, Emulator, Project, anthropic, external, serving

COUNT = 50


@pytest.mark.exhaustive
def test_two_hundred_checks_of_fifty_endpoints(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    checks = [
        {"name": f"c{n}", "prompt": f"Question {n}", "expect": {"shape": "chat", "tokens": 1000}}
        for n in range(4)
    ]
    for number in range(COUNT):
        both = serving(external(), anthropic(), gpt=100, claude=0)
        mixed = [
            {**check, "entities": [("gpt", "claude")[n % 2]]} for n, check in enumerate(checks)
        ]
        project.endpoint(f"e{number:02}", both, checks=mixed)
    cli.apply()
    emulator.forget()
    run = cli("verify", "-e", "dev", "-o", "json", expect=0)
    calls = Counter(
        (entry["method"], entry["path"].rpartition("/")[2] == "invocations")
        for entry in emulator.requests()
    )
    assert run.json["summary"] == {"ok": 4 * COUNT}
    assert run.json["requests"] == 4 * COUNT
    assert calls[("POST", True)] == 4 * COUNT, "each question once"
    assert calls[("GET", False)] <= COUNT + 6, "each endpoint once, and a few others"
    assert sum(calls.values()) <= 5 * COUNT + 6
    print(f"{4 * COUNT} checks of {COUNT} endpoints: {dict(calls)}")
