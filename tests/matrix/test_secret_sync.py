"""A sync of secrets, killed or disturbed at each of its calls; the next one goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..conftest import Cli, Emulator, Project, Run

SECRETS = "/api/2.0/secrets"
RECORD = "/api/2.0/workspace-files/import-file/"
NAMES = ("fresh/a", "fresh/b", "llm/known", "llm/openai_api_key", "llm/ours")
REMEMBER = ("import-file", "import-file", "delete")
"""A successor of the record, which then takes its place and goes."""
CALLS = (*REMEMBER, "create", "put", "put", "put", "put", "put", *REMEMBER)
WRITES = f"({SECRETS}|{RECORD}|/api/2.0/workspace).*"


def sync(cli: Cli, expect: int | None = 0) -> Run:
    options = ("--auto-approve", "--adopt", "*", "--parallelism", "1")
    return cli("secrets", "sync", "-e", "dev", *options, expect=expect)


@pytest.fixture
def changed(
    project: Project,
    cli: Cli,
    emulator: Emulator,
    hurried: None,  # noqa: ARG001
    signed_in: pytest.MonkeyPatch,
) -> Iterator[None]:
    """New, unknown, changed and changed outside at once, and a scope that has to be made."""
    signed_in.setenv("KEY", "the first value")
    project.environment(secrets={"llm/known": "${env:KEY}", "llm/ours": "${env:KEY}"})
    sync(cli)
    signed_in.setenv("KEY", "the second value")
    signed_in.setenv("OURS", "the first value")
    secrets = dict.fromkeys(NAMES, "${env:KEY}") | {"llm/ours": "${env:OURS}"}
    project.environment(secrets=secrets, create_scopes=["fresh"])
    body = {"scope": "llm", "key": "ours", "string_value": "theirs"}
    emulator.call("POST", f"{SECRETS}/put", body)
    emulator.forget()
    yield
    for rules in ("faults", "builds"):
        emulator.admin("DELETE", rules)
    sync(cli)
    assert values(emulator) == {
        **dict.fromkeys(NAMES, "the second value"),
        "llm/ours": "the first value",
    }
    emulator.forget()
    sync(cli)
    assert not [entry for entry in emulator.requests() if entry["method"] != "GET"]


def values(emulator: Emulator) -> dict[str, Any]:
    scopes = emulator.export()["secrets"]
    pairs = (name.split("/") for name in NAMES)
    return {f"{scope}/{key}": scopes[scope]["keys"][key]["value"] for scope, key in pairs}


def made(emulator: Emulator) -> list[str]:
    """The last parts of the paths of what was written, folders of the record apart."""
    paths = [e["path"] for e in emulator.requests() if e["method"] != "GET"]
    return [path.split("/")[4 if "import-file" in path else -1] for path in paths]


@pytest.mark.usefixtures("changed")
def test_the_calls_of_the_scenario(cli: Cli, emulator: Emulator) -> None:
    sync(cli)
    assert tuple(made(emulator)) == CALLS


@pytest.mark.exhaustive
@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_killed_at_a_call(
    cli: Cli,
    emulator: Emulator,
    kill: Callable[..., None],
    record_property: Callable[[str, object], None],
    number: int,
    when: str,
) -> None:
    kill(lambda: sync(cli), number, after=when == "after", writes=WRITES)
    assert made(emulator) == list(CALLS[: number + (when == "after")])
    record_property("matrix", "kill of a sync")


@pytest.mark.exhaustive
@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(
    "rule",
    [
        {"drop": True},
        {"drop": True, "effect": "after"},
        {"status": 500, "effect": "before"},
        {"status": 500, "effect": "after"},
        {"status": 503, "effect": "after"},
        {"status": 403, "error_code": "PERMISSION_DENIED"},
        {"status": 400, "error_code": "RESOURCE_LIMIT_EXCEEDED"},
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_fault_at_a_call(
    cli: Cli,
    emulator: Emulator,
    record_property: Callable[[str, object], None],
    number: int,
    times: int,
    rule: dict[str, Any],
) -> None:
    emulator.admin("POST", "faults", {"match": {"method": "GET"}, "effect": "none"})
    match = {"match": {"path": WRITES}, "skip": number, "times": times}
    emulator.admin("POST", "faults", {**match, **rule})
    run = sync(cli, expect=None)
    assert run.code in {0, 1, 3, 8}, run.out + run.err
    assert "Traceback" not in run.err
    record_property("matrix", "fault of a sync")
