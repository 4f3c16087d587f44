"""Whatever the service repeats of a secret, and wherever: no command passes it on, in no form."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterable
from typing import Any

import pytest
import requests

from provisioner.emulator.pristine import SERVICE_PRINCIPAL
from provisioner.redaction import HIDDEN

from ..conftest import (
    ENDPOINTS,
    HANG,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    Run,
    custom,
    external,
    serving,
)
from .canaries import canary, echo, everything, leaks, needles, token

DECLARED = {name: canary(name) for name in ("KEY", "NEW_KEY", "SYNCED")}
"""Environment variables that the project names."""
REMEMBERED = {name: canary(name) for name in ("FORMER", "GONE")}
"""Those that only the record names, which `query` does without."""
OTHERS = {"DATABRICKS_TOKEN": token("token"), "VAULT_TOKEN": canary("vault")}
"""Those that by their names are secrets."""
SOURCES = {name: canary(name) for name in ("file.txt", "program.txt")}
"""Files whose content `secrets sync` reads, and no other command knows."""

ALWAYS = [*DECLARED.values(), *OTHERS.values()]
KNOWN = [*ALWAYS, *REMEMBERED.values()]
NEEDLES = needles([*KNOWN, *SOURCES.values()])

ASKED = "/serving-endpoints/.*"
CATALOG = "/api/2.1/unity-catalog"
SCIM = "/api/2.0/preview/scim/v2"
SECRETS = "/api/2.0/secrets"
STORE = "/api/2.0/workspace"

FORMS = ("text", "json", "markdown", "html")
REPORTING = [
    f"{command} -o {form}" for command in ("plan", "drift", "status", "verify") for form in FORMS
]
ASKING = [
    "query chat --prompt x",
    "query chat --prompt x -o json",
    "query chat --prompt x --client rest",
    "query chat --prompt x --stream",
    "query chat --prompt x --stream --client rest",
    "query chat --prompt x --compare churn",
]
READING = [
    "show saved.json -o json",
    "show saved.json -o html",
    "-vv plan --out saved.json",
    "drift --accept chat --yes",
    "verify -o junit",
    "wait chat",
    "secrets status",
    "secrets status -o json",
    "secrets sync --dry-run",
    "import gone --to imported",
]
WRITING = [
    "-vv apply --auto-approve --allow-retire * --events events --only chat",
    "apply --auto-approve --allow-retire * -o json --verify",
    "apply --auto-approve --allow-retire * -o markdown",
    "secrets sync --auto-approve",
    "secrets sync --auto-approve -o json",
    "rollback chat --auto-approve",
    "restore lost --auto-approve",
    "release churn",
]
_FIRST = {f"{SCIM}/Me", ENDPOINTS, f"{STORE}/export", ".*", ASKED}
"""Calls that are made before the record was read, or without it."""
_FILES = {"saved.json", "events", "imported"}


def _keyed(name: str) -> dict[str, Any]:
    return serving(external(openai_api_key=None, openai_api_key_plaintext=f"${{env:{name}}}"))


@pytest.fixture
def world(project: Project, cli: Cli, signed_in: pytest.MonkeyPatch) -> Project:
    """A project in which every command has something to do, and every kind of call is made."""
    for name, value in {**DECLARED, **REMEMBERED, **OTHERS}.items():
        signed_in.setenv(name, value)
    for name, value in SOURCES.items():
        (project.root / name).write_text(value + "\n")
    secrets = {
        "llm/env": "${env:SYNCED}",
        "llm/file": {"file": "file.txt"},
        "llm/program": {"command": ["cat", "program.txt"]},
    }
    project.environment(secrets=secrets)
    users = {"group": "users", "level": "CAN_QUERY"}
    project.endpoint("chat", _keyed("FORMER"), tags={"v": "1"}, permissions=[users])
    project.endpoint("gone", _keyed("GONE"))
    project.endpoint("lost", _keyed("GONE"))
    project.endpoint("churn", serving(custom()))
    cli.apply()
    project.remove("lost")
    cli.apply("--allow-retire", "lost")
    project.remove("gone")
    project.endpoint("chat", _keyed("KEY"), tags={"v": "1"}, permissions=[users])
    cli.apply("--only", "chat")
    bob = {"user": "bob@example.com", "level": "CAN_VIEW"}
    project.endpoint("chat", _keyed("NEW_KEY"), tags={"v": "2"}, permissions=[users, bob])
    project.endpoint("fresh", _keyed("KEY"))
    project.endpoint("referring", serving(external()))
    project.endpoint("churn", serving(custom(version="2")))
    _run(cli, "plan --out saved.json")
    return project


def _run(cli: Cli, command: str) -> Run:
    words = [str(cli.root / word) if word in _FILES else word for word in shlex.split(command)]
    if words[0] == "show":
        return cli(*words)
    return cli(*words, "-e", "dev")


def _refuse(
    emulator: Emulator, methods: str, path: str, values: Iterable[str], status: int
) -> None:
    code = "PERMISSION_DENIED" if status == 403 else "INVALID_PARAMETER_VALUE"
    for method in methods.split():
        emulator.fault(method, path, status=status, error_code=code, message=echo(values))


def _searched(
    world: Project,
    cli: Cli,
    emulator: Emulator,
    log: pytest.LogCaptureFixture,
    commands: Iterable[str],
) -> list[Run]:
    """Run commands, and look at all that they leave behind but what has to hold the values."""
    for name in (None, "databricks.sdk", "databricks.sdk.retries", "openai"):
        log.set_level(logging.DEBUG, name)
    runs = [_run(cli, command) for command in commands]
    sources = [world.root / name for name in SOURCES]
    kept = json.dumps(emulator.export()["files"])
    for command, run in zip(commands, runs, strict=True):
        assert leaks(NEEDLES, [run.out, run.err]) == [], command
        assert run.code != 70
    assert leaks(NEEDLES, [*everything(world.root, [], *sources), kept, log.text]) == []
    assert sum(rule["fired"] for rule in emulator.admin("GET", "faults")["faults"])
    return runs


def _told(run: Run) -> bool:
    return HIDDEN in run.out + run.err


def test_what_a_read_repeats_is_in_no_report(
    world: Project, cli: Cli, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    _refuse(emulator, "GET", f"{ENDPOINTS}/(chat|gone)", KNOWN, 403)
    commands = ["plan", "drift -o json", "drift -o html", "verify -o markdown", "verify -o html"]
    assert all(map(_told, _searched(world, cli, emulator, caplog, commands)))


@pytest.mark.parametrize("status", [401, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_what_a_model_repeats_is_in_no_report(
    world: Project, cli: Cli, emulator: Emulator, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """In a refusal, and in what comes as an answer and is none."""
    _refuse(emulator, "POST", ASKED, ALWAYS, status)
    verifying = [command for command in REPORTING if command.startswith("verify")]
    commands = [*verifying, *ASKING]
    runs = _searched(world, cli, emulator, caplog, commands)
    untold = [command for command, run in zip(commands, runs, strict=True) if not _told(run)]
    if status == 200:
        assert set(ASKING) - set(untold)
    else:
        assert untold == ["query chat --prompt x --compare churn"], "which has no room for it"


@pytest.mark.usefixtures("world")
def test_what_a_provider_repeats_of_its_key_is_in_no_report(cli: Cli, emulator: Emulator) -> None:
    """The emulated provider tells the key that was declared."""
    emulator.admin("PUT", "conditions", {"endpoint": "chat", "condition": "provider_rejected_key"})
    asked = emulator.url + "/serving-endpoints/chat/invocations"
    who = {"Authorization": "Bearer t"}
    answer = requests.post(asked, json={"messages": []}, headers=who, timeout=HANG).json()
    assert DECLARED["KEY"] in answer["external_model_message"]["error"]["message"]
    for command in (f"verify --only chat -o {form}" for form in FORMS):
        run = _run(cli, command)
        assert "Incorrect API key provided" in run.out
        assert leaks(NEEDLES, [run.out, run.err]) == [], command


def test_what_a_token_endpoint_repeats_is_not_told(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.delenv("DATABRICKS_TOKEN")
    signed_in.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    signed_in.setenv("DATABRICKS_CLIENT_SECRET", canary("client"))
    said = echo([canary("client")])
    emulator.fault("POST", "/oidc/v1/token", status=401, error_code="invalid_client", message=said)
    run = cli("-vv", "plan", "-e", "dev", expect=3)
    assert leaks(needles([canary("client")]), everything(project.root, [run])) == []


_LOOKED_UP = (f"{SCIM}/(Users|Groups|ServicePrincipals).*",)


@pytest.mark.exhaustive
@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize(
    ("methods", "path"),
    [
        ("GET", f"{SCIM}/Me"),
        ("GET", ENDPOINTS),
        ("GET", f"{ENDPOINTS}/[^/]*"),
        ("GET", f"{PERMISSIONS}/.*"),
        ("GET", _LOOKED_UP[0]),
        ("GET", f"{STORE}/export"),
        ("GET", f"{SECRETS}/scopes/list"),
        ("GET", f"{SECRETS}/list"),
        ("GET", f"{CATALOG}/.*"),
        ("GET", ".*"),
        ("POST", ASKED),
        ("POST", ENDPOINTS),
        ("PUT", f"{ENDPOINTS}/.*"),
        ("PATCH", f"{ENDPOINTS}/.*/tags"),
        ("DELETE", f"{ENDPOINTS}/.*"),
        ("PUT PATCH", f"{PERMISSIONS}/.*"),
        ("POST", f"{SECRETS}/put"),
        ("POST", f"{STORE}.*"),
    ],
)
def test_no_command_passes_on_what_a_call_repeats(
    world: Project,
    cli: Cli,
    emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
    methods: str,
    path: str,
    status: int,
) -> None:
    put = SOURCES.values() if path == f"{SECRETS}/put" else ()
    values = ALWAYS if path in _FIRST else [*KNOWN, *put]
    _refuse(emulator, methods, path, values, status)
    asking = ASKING if path in _FIRST else []
    commands = [*REPORTING, *READING, *asking, *WRITING]
    runs = _searched(world, cli, emulator, caplog, commands)
    # What cannot be looked up is said to be unknown, without the refusal's words.
    looked_up = path in _LOOKED_UP or status == 403
    assert looked_up or any(map(_told, runs))
