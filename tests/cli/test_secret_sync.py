"""``secrets sync``: what is put, what is not, and that a value is in its request alone."""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from provisioner.cli import output
from provisioner.cli.syncing import programs

from ..conftest import HANG, Cli, Emulator, Project, Run, external, serving

SECRETS = "/api/2.0/secrets"
PUT, CREATE = f"{SECRETS}/put", f"{SECRETS}/scopes/create"


def canary(name: str) -> str:
    return f"{name}-{b64encode(name.encode() * 3).decode()}-Zq7"


def puts(emulator: Emulator) -> dict[str, str]:
    """Values that were put, by name, each once."""
    sent = [entry["body"] for entry in emulator.requests() if entry["path"] == PUT]
    found = {f"{body['scope']}/{body['key']}": body["string_value"] for body in sent}
    assert len(found) == len(sent)
    return found


def writes(emulator: Emulator) -> list[str]:
    return [
        entry["path"].removeprefix(SECRETS)
        for entry in emulator.requests()
        if entry["method"] != "GET" and entry["path"].startswith(SECRETS)
    ]


def program(code: str) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", code]}


@pytest.fixture
def declared(project: Project, signed_in: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three new secrets, one of each source, in a scope that is there."""
    signed_in.setenv("KEY", canary("env"))
    for name in ("file", "program"):
        (project.root / f"{name}.txt").write_text(canary(name) + "\n")
    secrets = {
        "llm/from_env": "${env:KEY}",
        "llm/from_file": {"file": "file.txt"},
        "llm/from_program": {"command": ["cat", "program.txt"]},
    }
    project.environment(record="record.json", secrets=secrets)
    return secrets


def sync(cli: Cli, *more: str | Path, expect: int | None = 0) -> Run:
    return cli("secrets", "sync", "-e", "dev", "--auto-approve", *more, expect=expect)


def states(cli: Cli) -> dict[str, str]:
    run = cli("secrets", "sync", "-e", "dev", "--dry-run", "-o", "json", expect=0)
    return {entry["secret"]: entry["state"] for entry in run.json["secrets"]}


@pytest.mark.usefixtures("declared")
def test_only_what_changed_is_put(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    assert set(states(cli).values()) == {"new"}
    assert writes(emulator) == []
    run = sync(cli)
    assert "Secrets: 3 new." in run.out
    assert "Put: 3 done, 0 unchanged." in run.out
    assert puts(emulator) == {
        f"llm/from_{name}": canary(name) for name in ("env", "file", "program")
    }
    emulator.forget()
    assert sync(cli).out.splitlines()[-1] == "Secrets: 3 unchanged."
    assert writes(emulator) == []
    signed_in.setenv("KEY", canary("rotated"))
    assert "~ changed  llm/from_env" in sync(cli).out
    assert puts(emulator) == {"llm/from_env": canary("rotated")}
    emulator.forget()
    sync(cli)
    assert writes(emulator) == []


@pytest.mark.usefixtures("declared")
def test_a_value_is_in_its_request_and_nowhere_else(
    project: Project, cli: Cli, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "databricks.sdk")
    values = [canary(name) for name in ("env", "file", "program")]
    for value in values:
        message = f"{value} is refused, or {b64encode(value.encode()).decode()}"
        emulator.fault("POST", PUT, times=1, status=400, error_code="BAD_REQUEST", message=message)
    saved = project.root / "saved.json"
    runs = [
        sync(cli, "--parallelism", "1", expect=1),
        cli("-vv", "secrets", "sync", "-e", "dev", "--out", saved, expect=0),
        cli("-vv", "secrets", "sync", "-e", "dev", saved, "-o", "json", expect=0),
        cli("secrets", "status", "-e", "dev", expect=0),
        cli("validate", "-e", "dev"),
    ]
    texts = [run.out + run.err for run in runs] + [caplog.text]
    files = [path for path in project.root.rglob("*") if path.is_file()]
    texts += [path.read_text() for path in files if path.suffix != ".txt"]
    forms = [form for value in values for form in (value, b64encode(value.encode()).decode())]
    needles = {form[at : at + 8] for form in forms for at in range(len(form) - 8)}
    assert not {needle for text in texts for needle in needles if needle in text}
    assert runs[0].out.count("[hidden] is refused, or") == 3
    assert sorted(puts_after_faults(emulator)) == sorted(values)


def puts_after_faults(emulator: Emulator) -> list[str]:
    done = [e for e in emulator.requests() if e["path"] == PUT and e["status"] == 200]
    return [entry["body"]["string_value"] for entry in done]


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"key\n", "key"),
        (b"key\r\n", "key"),
        (b"key", "key"),
        (b"one\ntwo\n", "one\ntwo"),
        ("kläf\n".encode(), "kläf"),
    ],
)
def test_one_line_break_at_the_end_of_a_file_does_not_count(
    project: Project, cli: Cli, emulator: Emulator, content: bytes, value: str
) -> None:
    (project.root / "key").write_bytes(content)
    project.environment(secrets={"llm/fresh": {"file": "key"}})
    assert "blank" not in sync(cli).out
    assert puts(emulator) == {"llm/fresh": value}


@pytest.mark.parametrize("content", [b"key\n\n", b" key", b"key\t"])
def test_blanks_around_a_value_are_told_and_put(
    project: Project, cli: Cli, emulator: Emulator, content: bytes
) -> None:
    (project.root / "key").write_bytes(content)
    project.environment(secrets={"llm/fresh": {"file": "key"}})
    assert "warning[secret-value-blanks]" in sync(cli).out
    assert puts(emulator) == {"llm/fresh": content.decode().removesuffix("\n")}


def test_a_value_of_the_largest_size(project: Project, cli: Cli, emulator: Emulator) -> None:
    (project.root / "key").write_text("k" * 128 * 1024 + "\n")
    project.environment(secrets={"llm/fresh": {"file": "key"}})
    sync(cli)
    assert len(puts(emulator)["llm/fresh"]) == 128 * 1024


def test_everything_that_is_wrong_is_told_before_the_first_call(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    for name, value in {"EMPTY": "", "BLANK": "  ", "MASK": "[REDACTED]", "GOOD": "good"}.items():
        signed_in.setenv(name, value)
    (project.root / "large").write_text("k" * (128 * 1024 + 1))
    (project.root / "binary").write_bytes(b"\xff\xfe\x00key")
    (project.root / "control").write_bytes(b"a\0b")
    noisy = (
        "import sys; print('sk-' + 'ant-abcdefghijklmnop', file=sys.stderr); print('half'); exit(3)"
    )
    project.environment(
        secrets={
            "llm/unset": "${env:UNSET_KEY}",
            "llm/empty": "${env:EMPTY}",
            "llm/blank": {"env": "BLANK"},
            "llm/mask": {"env": "MASK"},
            "llm/absent": {"file": "no/such"},
            "llm/folder": {"file": "endpoints"},
            "llm/large": {"file": "large"},
            "llm/binary": {"file": "binary"},
            "llm/control": {"file": "control"},
            "llm/no-program": {"command": ["no-such-program"]},
            "llm/failed": program(noisy),
            "llm/quiet": program("exit(1)"),
            "llm/nothing": program("pass"),
            "llm/flood": program("while True: print('x' * 1000)"),
            "llm/good": "${env:GOOD}",
            "nowhere/good": "${env:GOOD}",
        }
    )
    run = sync(cli, expect=4)
    assert writes(emulator) == []
    told = [line.partition(": ")[2] for line in run.err.splitlines() if "error[" in line]
    unset, failed, unusable = (
        f"error[{code}]: llm/"
        for code in (
            "missing-environment-variable",
            "secret-source-failed",
            "secret-value-unusable",
        )
    )
    assert [line.replace(sys.executable, "python") for line in told] == [
        f"{unset}unset: the environment variable UNSET_KEY is not set",
        f"{unusable}empty: the value from ${{env:EMPTY}} is empty",
        f"{unusable}blank: the value from ${{env:BLANK}} is blank",
        f"{unusable}mask: the value from ${{env:MASK}} is a mask or a placeholder",
        f"{failed}absent: cannot read the file no/such: No such file or directory",
        f"{failed}folder: cannot read the file endpoints: Is a directory",
        f"{unusable}large: the value from file large has 131073 bytes, 131072 are the most",
        f"{unusable}binary: the value from file binary is no text in UTF-8",
        f"{unusable}control: the value from file control is no text: it has control characters",
        f"{failed}no-program: the program no-such-program cannot be run: No such file or directory",
        f"{failed}failed: the program python ended with 3",
        f"{failed}quiet: the program python ended with 1",
        f"{unusable}nothing: the value from program python is empty",
        f"{unusable}flood: the value from program python has more than 131072 bytes",
        "error[secret-scope-missing]: there is no secret scope nowhere",
    ]
    assert "sk-ant" not in run.err
    assert "REDACTED" not in run.err


def test_a_program_that_does_not_end_is_ended_with_all_that_it_started(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setattr(programs, "PATIENCE", 0.5)
    project.environment(secrets={"llm/slow": {"command": ["sh", "-c", "sleep 600 & sleep 600"]}})
    started = time.monotonic()
    assert "the program sh did not end in 0.5 seconds" in sync(cli, expect=4).err
    assert time.monotonic() - started < HANG


def test_a_program_is_run_once_in_the_folder_of_the_project(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    code = "import os; open('runs', 'a').write('x'); print(os.path.realpath('.'))"
    project.environment(secrets={"llm/a": program(code), "llm/b": program(code)})
    sync(cli)
    assert (project.root / "runs").read_text() == "x"
    assert set(puts(emulator).values()) == {str(project.root.resolve())}


# ------------------------------------------------------------ what is there already


@pytest.fixture
def rotating(project: Project, signed_in: pytest.MonkeyPatch) -> None:
    """A secret of a scope that was there before us, and a project that puts it."""
    signed_in.setenv("KEY", "first-value")
    project.environment(record="record.json", secrets={"llm/openai_api_key": "${env:KEY}"})
    project.endpoint("chat", serving(external()))


@pytest.mark.usefixtures("rotating")
def test_a_value_that_we_do_not_know_is_lost_only_with_a_permit(
    cli: Cli, emulator: Emulator
) -> None:
    run = sync(cli, expect=5)
    assert "! unknown  llm/openai_api_key" in run.out
    assert "error[needs-permit]: cannot put llm/openai_api_key" in run.err
    sync(cli, "--adopt", "llm/anthropic*", expect=5)
    assert writes(emulator) == []
    sync(cli, "--adopt", "llm/openai*")
    assert puts(emulator) == {"llm/openai_api_key": "first-value"}
    assert states(cli) == {"llm/openai_api_key": "unchanged"}


@pytest.mark.usefixtures("rotating")
def test_without_the_record_every_value_is_unknown(project: Project, cli: Cli) -> None:
    sync(cli, "--adopt", "*")
    (project.root / "record.json").write_text("{damaged")
    run = sync(cli, expect=5)
    assert "warning[record-unusable]" in run.out
    assert states(cli) == {"llm/openai_api_key": "unknown"}


@pytest.mark.usefixtures("rotating")
def test_what_somebody_put_meanwhile_is_put_again(cli: Cli, emulator: Emulator) -> None:
    sync(cli, "--adopt", "*")
    body = {"scope": "llm", "key": "OpenAI_API_key", "string_value": "by hand"}
    emulator.call("POST", PUT, body)
    assert states(cli) == {"llm/openai_api_key": "changed_outside"}
    emulator.forget()
    assert "somebody put another value" in sync(cli).out
    assert puts(emulator) == {"llm/openai_api_key": "first-value"}
    assert states(cli) == {"llm/openai_api_key": "unchanged"}


@pytest.mark.usefixtures("rotating")
def test_endpoints_take_it_up_when_told(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    sync(cli, "--adopt", "*")
    cli.apply()
    signed_in.setenv("KEY", "second-value")
    assert "used by chat: apply --refresh-secrets" in sync(cli).err
    status = cli("secrets", "status", "-e", "dev", expect=10)
    assert "llm/openai_api_key is newer than chat" in status.out
    emulator.forget()
    cli.apply("--refresh-secrets")
    assert [entry["method"] for entry in emulator.writes()] == ["PUT"]
    assert "llm/openai_api_key" in cli("secrets", "status", "-e", "dev", expect=0).out
    assert cli.settled()


# ------------------------------------------------------------ scopes


def test_a_scope_is_made_only_where_the_project_says_so(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "value-of-key")
    secrets = {"llmm/a": "${env:KEY}", "fresh/a": "${env:KEY}", "fresh/b": "${env:KEY}"}
    project.environment(secrets=secrets)
    run = sync(cli, expect=5)
    assert "error[secret-scope-missing]: there is no secret scope llmm" in run.out
    assert "create_scopes: [fresh]" in run.out
    assert writes(emulator) == []
    project.environment(secrets=secrets, create_scopes=["fresh", "llmm"])
    assert "+ new  scope fresh" in sync(cli).out
    assert writes(emulator) == [*["/scopes/create"] * 2, *["/put"] * 3]
    assert set(states(cli).values()) == {"unchanged"}


def test_scopes_that_take_nothing(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "value-of-key")
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    full = {"keys": {f"k{n}": "v" for n in range(1000)}, "acls": {"users": "WRITE"}}
    emulator.seed(
        secrets={
            "vault": {"backend_type": "AZURE_KEYVAULT", "acls": {"users": "READ"}},
            "full": full,
            "hidden": {"keys": {}},
        }
    )
    names = ("vault/a", "full/a", "full/k1", "hidden/a")
    project.environment(record="r.json", secrets=dict.fromkeys(names, "${env:KEY}"))
    run = sync(cli, "--adopt", "*", expect=5)
    for told in (
        "error[secret-scope-vault]: the scope vault is an Azure Key Vault",
        "error[secret-scope-full]: the scope full would have 1001 secrets, it takes 1000",
        "error[secret-scope-hidden]: you may not look into the scope hidden",
    ):
        assert told in run.out
    assert writes(emulator) == []
    sync(cli, "--adopt", "*", "--only", "full/k1")
    assert puts(emulator) == {"full/k1": "value-of-key"}


# ------------------------------------------------------------ faults


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    "rule",
    [
        {"drop": True, "effect": "after"},
        {"drop": True},
        {"status": 500, "effect": "after"},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 429, "headers": {"Retry-After": "0"}},
    ],
    ids=str,
)
def test_a_call_that_may_have_worked_is_made_again(
    cli: Cli, emulator: Emulator, rule: dict[str, Any]
) -> None:
    emulator.fault("POST", PUT, times=1, skip=1, **rule)
    sync(cli)
    assert set(states(cli).values()) == {"unchanged"}
    keys = emulator.export()["secrets"]["llm"]["keys"]
    assert keys["from_file"]["value"] == canary("file")


@pytest.mark.usefixtures("declared")
def test_a_refused_call_stops_only_itself_and_is_not_remembered(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    sync(cli)
    signed_in.setenv("KEY", canary("rotated"))
    emulator.fault("POST", PUT, times=1, status=403, error_code="PERMISSION_DENIED", message="no")
    run = sync(cli, expect=3)
    assert "cannot put the secret llm/from_env: no" in run.out
    assert states(cli)["llm/from_env"] == "changed"
    sync(cli)
    assert set(states(cli).values()) == {"unchanged"}


def test_without_its_scope_no_secret_is_tried(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "value-of-key")
    names = ("fresh/a", "fresh/b", "llm/c")
    project.environment(secrets=dict.fromkeys(names, "${env:KEY}"), create_scopes=["fresh"])
    emulator.fault("POST", CREATE, times=1, status=400, error_code="QUOTA_EXCEEDED", message="no")
    run = sync(cli, "-o", "json", expect=8)
    results = {step["name"]: step["result"] for step in run.json["steps"]}
    assert results == {
        "fresh": "failed",
        "fresh/a": "not_reached",
        "fresh/b": "not_reached",
        "llm/c": "done",
    }
    sync(cli)
    assert set(states(cli).values()) == {"unchanged"}


# ------------------------------------------------------------ approval


@pytest.mark.usefixtures("declared")
def test_nothing_is_put_without_a_yes(
    cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    asked = ("secrets", "sync", "-e", "dev")
    assert "nobody is there to ask" in cli(*asked, expect=5).err
    signed_in.setattr(output, "can_ask", lambda: True)
    signed_in.setattr("click.confirm", lambda *_, **__: False)
    cli(*asked, expect=5)
    assert writes(emulator) == []
    signed_in.setattr("click.confirm", lambda *_, **__: True)
    cli(*asked, expect=0)
    assert len(puts(emulator)) == 3


def test_a_protected_environment_wants_a_reviewed_plan(
    project: Project, cli: Cli, emulator: Emulator, declared: dict[str, Any]
) -> None:
    project.environment(record="r.json", secrets=declared, protected=True)
    assert "is protected" in sync(cli, expect=5).err
    saved = project.root / "saved.json"
    cli("secrets", "sync", "-e", "dev", "--out", saved, expect=0)
    assert writes(emulator) == []
    cli("secrets", "sync", "-e", "dev", saved, expect=0)
    assert len(puts(emulator)) == 3
    again = cli("secrets", "sync", "-e", "dev", saved, expect=0)
    assert "was carried out already" in again.out


@pytest.mark.usefixtures("declared")
def test_a_saved_plan_is_carried_out_as_reviewed_or_not_at_all(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    saved = project.root / "saved.json"
    cli("secrets", "sync", "-e", "dev", "--out", saved, expect=0)
    emulator.call("POST", PUT, {"scope": "llm", "key": "from_env", "string_value": "theirs"})
    emulator.forget()
    assert "error[stale-plan]" in cli("secrets", "sync", "-e", "dev", saved, expect=12).err
    assert writes(emulator) == []
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "environment": "prod"}))
    cli("secrets", "sync", "-e", "dev", saved, expect=5)
    saved.write_text("[]")
    cli("secrets", "sync", "-e", "dev", saved, expect=4)


def test_an_upper_environment_replaces_the_source_of_a_secret(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("KEY", "value-of-key")
    (project.root / "key").write_text("other\n")
    (project.root / "environments" / "_base.yaml").write_text(
        "secrets:\n  llm/a: ${env:KEY}\n  llm/b: {file: key}\n"
    )
    project.environment(extends="_base", secrets={"llm/a": {"file": "key"}})
    sync(cli)
    assert puts(emulator) == {"llm/a": "other", "llm/b": "other"}


def test_where_nothing_is_declared_nothing_is_asked(cli: Cli, emulator: Emulator) -> None:
    assert sync(cli).out.splitlines()[-1] == "Secrets: none."
    assert not [entry for entry in emulator.requests() if entry["path"].startswith(SECRETS)]
