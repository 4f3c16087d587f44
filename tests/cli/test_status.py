"""``status`` and its like: what cannot be read hides nothing else, and how far rollouts are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from ..conftest import (
    ENDPOINTS,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    Run,
    custom,
    external,
    invoke,
    serving,
)

FOR_GOOD: dict[str, dict[str, Any]] = {
    "denied": {"status": 403, "error_code": "PERMISSION_DENIED", "message": "not for you"},
    "broken": {"status": 500, "error_code": "INTERNAL_ERROR", "message": "no luck today"},
    "odd": {"status": 400, "error_code": "FEATURE_DISABLED", "message": "not here"},
}
CODES = {"denied": 3, "broken": 1, "odd": 1}


@pytest.fixture
def three(project: Project, cli: Cli) -> Cli:
    """Endpoints that serve."""
    for name in ("chat", "churn"):
        project.endpoint(name, serving(external()))
    project.endpoint("search", serving(custom()))
    cli.apply()
    return cli


def unread(emulator: Emulator, name: str, kind: str) -> None:
    emulator.fault("GET", f"{ENDPOINTS}/{name}", **FOR_GOOD[kind])


@pytest.mark.parametrize("kind", FOR_GOOD)
@pytest.mark.parametrize("command", ["status", "drift"])
def test_one_that_cannot_be_read_hides_no_other(
    three: Cli, emulator: Emulator, command: str, kind: str
) -> None:
    unread(emulator, "churn", kind)
    run = three(command, "-e", "dev", "-o", "json", expect=CODES[kind])
    jsonschema.validate(run.json, json.loads(invoke(["schema", command]).out))
    assert [entry["health"] for entry in run.json["endpoints"]] == ["ready", "unknown", "ready"]
    assert FOR_GOOD[kind]["message"] in run.entry("churn")["unread"]
    assert (run.entry("churn")["unread_code"] == "permission-denied") is (kind == "denied")
    for form in ("text", "markdown", "html"):
        told = three(command, "-e", "dev", "-o", form, expect=CODES[kind])
        assert FOR_GOOD[kind]["message"] in told.out, told.out
        assert "does not serve" not in told.out


def test_two_kinds_of_reasons_give_the_code_of_the_graver(three: Cli, emulator: Emulator) -> None:
    unread(emulator, "chat", "denied")
    unread(emulator, "churn", "broken")
    assert three("status", "-e", "dev").code == 1
    assert three("drift", "-e", "dev").code == 1
    assert three("drift", "-e", "dev", "--fail-on", "drift").code == 0


def test_what_is_known_to_be_ill_is_told_beside_what_is_not_known(
    three: Cli, emulator: Emulator
) -> None:
    unread(emulator, "churn", "denied")
    emulator.call("POST", f"{ENDPOINTS}/search/config:stop")
    run = three("status", "-e", "dev", expect=3)
    assert "stopped" in run.out
    text = three("status", "-e", "dev", "-o", "markdown").out
    assert "1 endpoint does not serve" in text
    assert "1 endpoint could not be read" in text


@pytest.mark.parametrize("command", ["status", "wait", "drift"])
def test_deleted_between_the_list_and_the_look(
    three: Cli, emulator: Emulator, command: str
) -> None:
    missing = {"status": 404, "error_code": "RESOURCE_DOES_NOT_EXIST"}
    emulator.fault("GET", f"{ENDPOINTS}/churn", **missing)
    run = three(command, "-e", "dev", expect={"status": 10, "wait": 1, "drift": 2}[command])
    told = " ".join((run.out + run.err).split())
    assert "churn" in told
    if command == "status":
        assert "absent" in told
        assert "churn: it is not there any more" in told
        assert three("status", "-e", "dev", "-o", "json").entry("churn")["health"] == "absent"


def test_status_asks_for_what_the_list_hides(
    three: Cli, emulator: Emulator, project: Project, signed_in: pytest.MonkeyPatch
) -> None:
    project.endpoint("later", serving(external()))
    for name in ("chat", "search"):
        row = {"user_name": "bob@example.com", "permission_level": "CAN_VIEW"}
        path = f"{PERMISSIONS}/{emulator.endpoint(name)['id']}"
        emulator.call("PATCH", path, {"access_control_list": [row]})
    signed_in.setenv("DATABRICKS_TOKEN", "token-bob")
    emulator.forget()
    run = three("status", "-e", "dev", "-o", "json", expect=3)
    # One that was never applied is not said to be gone.
    assert [entry["name"] for entry in run.json["endpoints"]] == ["chat", "churn", "search"]
    assert run.entry("churn")["health"] == "unknown"
    assert "CAN_VIEW" in run.entry("churn")["unread"]
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}
    run = three("wait", "-e", "dev", expect=3)
    assert "chat: ready" in run.err
    assert "error[permission-denied]" in run.err
    assert "churn" in run.err


def test_status_asks_for_nothing_twice(three: Cli, emulator: Emulator) -> None:
    emulator.forget()
    three("status", "-e", "dev", expect=0)
    looks = [e["path"] for e in emulator.requests() if e["path"].startswith(f"{ENDPOINTS}/")]
    assert sorted(looks) == [f"{ENDPOINTS}/{name}" for name in ("chat", "churn", "search")]


def test_a_token_that_expires_meanwhile_ends_it(three: Cli, emulator: Emulator) -> None:
    emulator.fault("GET", f"{ENDPOINTS}/churn", status=401, error_code="UNAUTHENTICATED")
    run = three("status", "-e", "dev", expect=3)
    assert "error[authentication-failed]" in run.err


def test_secrets_status_goes_on_as_well(three: Cli, emulator: Emulator) -> None:
    unread(emulator, "churn", "denied")
    run = three("secrets", "status", "-e", "dev", expect=3)
    assert "llm/openai_api_key" in run.out
    assert "error[permission-denied]" in run.err


def test_an_import_of_nothing_but_what_is_denied_ends_with_3(cli: Cli, emulator: Emulator) -> None:
    emulator.call("POST", ENDPOINTS, {"name": "theirs", **serving(external())})
    unread(emulator, "theirs", "denied")
    run = cli("import", "-e", "dev", "theirs", expect=3)
    assert "warning[import-unreadable]" in run.err


# ------------------------------------------------------------ rollouts

_ROLLOUT = {"steps": [10, 50], "hold": 60}


@pytest.fixture
def moving(project: Project, cli: Cli, emulator: Emulator) -> Callable[[int | None], Run]:
    """Puts traffic of a declared rollout to a share, and looks."""
    project.endpoint("e", serving(custom("old")))
    cli.apply()
    project.endpoint(
        "e", serving(custom("old"), custom("new", "2"), old=0, new=100), rollout=_ROLLOUT
    )

    def look(share: int | None) -> Run:
        if share is not None:
            entities = [custom("old"), custom("new", "2")]
            routes = [
                {"served_entity_name": "old", "traffic_percentage": 100 - share},
                {"served_entity_name": "new", "traffic_percentage": share},
            ]
            body = {"served_entities": entities, "traffic_config": {"routes": routes}}
            emulator.call("PUT", f"{ENDPOINTS}/e/config", body)
            emulator.endpoint("e")
        return cli("status", "-e", "dev", "-o", "json", expect=0)

    return look


@pytest.mark.parametrize(
    ("share", "ahead"),
    [(0, [10, 50, 100]), (10, [50, 100]), (30, [50, 100]), (50, [100]), (100, [])],
)
def test_how_far_a_rollout_is(
    moving: Callable[[int | None], Run], cli: Cli, project: Project, share: int, ahead: list[int]
) -> None:
    found = moving(share).entry("e")["rollout"]
    assert found == {"entities": ["new"], "share": share, "ahead": ahead}
    # The plan goes on from the same place.
    gates = [step["gate"]["share"] for step in cli.plan().entry("e")["steps"]]
    assert [share for share in gates if share != found["share"]] == ahead
    words = f"rollout of new: {share} % of the traffic now"
    for form in ("text", "markdown", "html"):
        assert words in cli("status", "-e", "dev", "-o", form, expect=0).out
    project.environment("other")
    assert words in cli("status", "-e", "dev,other", "-o", "html", expect=0).out


def test_a_rollout_that_did_not_begin_or_is_over_is_not_told(
    moving: Callable[[int | None], Run], cli: Cli, project: Project
) -> None:
    assert moving(None).entry("e")["rollout"] is None
    cli.apply("--no-rollout")
    assert moving(None).entry("e")["rollout"] is None
    project.endpoint("e", serving(custom("old"), custom("new", "2"), old=0, new=100))
    assert moving(50).entry("e")["rollout"] is None
