"""`verify` end to end: who is asked and how often, what ails an endpoint, what is expected."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL
from provisioner.errors import ExitCode
from provisioner.workspace.inference import ask
from tests.conftest import (
    ENDPOINTS,
    HANG,
    Cli,
    Emulator,
    Project,
    Run,
    anthropic,
    custom,
    external,
    invoke,
    serving,
    throughput,
    until,
)

PATH = "/serving-endpoints"


@pytest.fixture
def ail(emulator: Emulator) -> Any:
    """Sets a condition of the emulated workspace; gone after the test."""

    def put(condition: str, endpoint: str = "chat", entity: str | None = None, **more: Any) -> None:
        document = {"endpoint": endpoint, "entity": entity, "condition": condition, **more}
        emulator.admin("PUT", "conditions", document)

    emulator.admin("DELETE", "conditions")
    yield put
    emulator.admin("DELETE", "conditions")


def asked(emulator: Emulator) -> list[str]:
    """Paths of the questions to models, in order, without what they have in common."""
    paths = [entry["path"] for entry in emulator.requests()]
    return [path.removeprefix(PATH) for path in paths if path.startswith(PATH)]


def verdicts(run: Run, name: str = "chat") -> list[tuple[str, str, str]]:
    """Entity, check and cause of an endpoint's verdicts in a JSON answer."""
    found = run.entry(name)["verdicts"]
    return [(one["entity"], one["check"], one["cause"]) for one in found]


def only(run: Run, name: str = "chat") -> Any:
    [found] = run.entry(name)["verdicts"]
    return found


def check(cli: Cli, *more: str, expect: int | None = None) -> Run:
    return cli("verify", "-e", "dev", "-o", "json", *more, expect=expect)


# ------------------------------------------------------------ who is asked


def test_every_entity_is_asked_once_by_its_own_path(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    fallback = {"fallback_config": {"enabled": True}}
    entities = serving(external(), anthropic(), anthropic("spare"), gpt=100, claude=0, spare=0)
    project.endpoint("chat", entities, ai_gateway=fallback)
    project.endpoint("churn", serving(custom()))
    project.endpoint("llama", serving(throughput()))
    hosted = "databricks-meta-llama-3-3-70b-instruct"
    limits = [{"key": "user", "calls": 30, "renewal_period": "minute"}]
    project.endpoint("hosted", f"governs: {hosted}\nai_gateway: {{rate_limits: {limits}}}\n")
    cli.apply()
    emulator.forget()
    run = check(cli, expect=0)
    assert sorted(asked(emulator)) == [
        "/chat/served-models/claude/invocations",
        "/chat/served-models/gpt/invocations",
        "/chat/served-models/spare/invocations",
        "/churn/served-models/churn/invocations",
        f"/{hosted}/invocations",
        "/llama/served-models/llama/invocations",
    ]
    assert run.json["summary"] == {"ok": 6}
    assert run.json["requests"] == 6
    assert emulator.writes() == []
    asked_for = Counter(entry["method"] for entry in emulator.requests())
    assert asked_for["GET"] <= 8, "sign-in, who, list, record, and each endpoint once"
    cheap = [entry["body"] for entry in emulator.requests() if "chat" in entry["path"]]
    assert {body.get("max_tokens") for body in cheap if body} == {1}


def test_only_and_exclude(project: Project, cli: Cli, emulator: Emulator) -> None:
    for name in ("a1", "a2", "b1"):
        project.endpoint(name, serving(external()))
    cli.apply()
    emulator.forget()
    check(cli, "--only", "a*", "--exclude", "a2", expect=0)
    assert asked(emulator) == ["/a1/served-models/gpt/invocations"]
    assert "nothing was verified" in cli("verify", "-e", "dev", "--only", "c*", expect=1).err


def test_an_empty_list_of_checks_asks_nothing(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("chat", serving(external()), checks=[])
    cli.apply()
    emulator.forget()
    assert check(cli, expect=0).entry("chat")["verdicts"] == []
    assert asked(emulator) == []


# ------------------------------------------------------------ nothing to ask


def test_what_was_never_applied_is_missing(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    run = check(cli, expect=7)
    assert verdicts(run) == [("", "", "missing")]
    assert run.entry("chat")["source"]["file"] == "endpoints/chat.yaml"
    assert asked(emulator) == []
    text = cli("verify", "-e", "dev", expect=7)
    assert "there is no such endpoint" in text.out
    assert max(map(len, text.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("tags", "whose"),
    [([], "is managed by nobody"), ([{"key": "provisioner", "value": "a/b"}], "belongs to a/b")],
)
def test_an_endpoint_of_others_is_not_asked(
    project: Project, cli: Cli, emulator: Emulator, tags: list[Any], whose: str
) -> None:
    body = {"name": "chat", "config": {"served_entities": [external()]}, "tags": tags}
    emulator.call("POST", ENDPOINTS, body)
    project.endpoint("chat", serving(external()))
    verdict = only(check(cli, expect=7))
    assert verdict["cause"] == "missing"
    assert whose in verdict["message"]
    assert asked(emulator) == []


def test_an_endpoint_that_may_not_be_read(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    project.endpoint("other", serving(external()))
    cli.apply()
    refused = {"status": 403, "error_code": "PERMISSION_DENIED", "message": "no CAN_VIEW"}
    emulator.fault("GET", f"{ENDPOINTS}/chat", **refused)
    run = check(cli, expect=7)
    assert verdicts(run) == [("", "", "caller_lacks_right")]
    assert only(run, "other")["cause"] == "ok", "one that cannot be read keeps nobody else back"


def test_an_endpoint_that_is_still_being_made(
    tmp_path: Path,
    slow: Emulator,
    signed_in: pytest.MonkeyPatch,  # noqa: ARG001
) -> None:
    project = Project(tmp_path / "project", slow.url)
    project.endpoint("chat", serving(external()))
    cli = Cli(project.root)
    cli("apply", "-e", "dev", "--auto-approve", "--no-wait", expect=0)
    slow.forget()
    verdict = only(check(cli, expect=7))
    assert verdict["cause"] == "not_ready"
    assert asked(slow) == []
    slow.admin("POST", "clock", {"advance_seconds": 60})
    assert only(check(cli, expect=0))["cause"] == "ok"


def test_an_entity_that_is_declared_and_not_served(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    emulator.build(match={"entity": "claude"}, outcome="failed", message="no capacity")
    project.endpoint("chat", serving(external(), anthropic(), gpt=50, claude=50))
    cli("apply", "-e", "dev", "--auto-approve")
    run = check(cli, expect=7)
    assert verdicts(run) == [("claude", "", "not_ready"), ("gpt", "answers", "ok")]
    assert "update failed" in run.entry("chat")["verdicts"][0]["message"]


# ------------------------------------------------------------ what ails


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ("provider_rejected_key", "provider_rejected_key"),
        ("provider_down", "provider_down"),
        ("wrong_shape", "wrong_shape"),
        ("not_ready", "not_ready"),
        ("stopped", "not_ready"),
        ("error", "model_failed"),
        ("cold", "cold_start"),
    ],
)
def test_one_entity_ails_and_the_other_does_not(
    project: Project, cli: Cli, ail: Any, condition: str, cause: str
) -> None:
    project.endpoint("chat", serving(external(), anthropic(), gpt=100, claude=0))
    cli.apply()
    ail(condition, entity="claude")
    run = check(cli, expect=7)
    assert verdicts(run) == [("claude", "answers", cause), ("gpt", "answers", "ok")]
    ailing = run.entry("chat")["verdicts"][0]
    assert ailing["tries"] == 1
    assert ailing["message"]
    assert ailing["hint"]


def test_the_caller_lacks_the_right(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    rows = [{"user": "alice@example.com", "level": "CAN_VIEW"}]
    project.endpoint("chat", serving(external()), permissions=rows)
    cli.apply()
    signed_in.setenv("DATABRICKS_TOKEN", "token-alice")
    verdict = only(check(cli, expect=7))
    assert (verdict["cause"], verdict["status"]) == ("caller_lacks_right", 403)
    assert "CAN_QUERY" in verdict["hint"]


def test_the_text_says_who_what_and_what_to_do(project: Project, cli: Cli, ail: Any) -> None:
    project.endpoint("chat", serving(external(), anthropic(), gpt=100, claude=0))
    cli.apply()
    ail("provider_rejected_key", entity="claude")
    run = cli("verify", "-e", "dev", expect=7)
    assert "! failed  chat  1 of 2 checks passed" in run.out
    assert "claude [answers]: provider rejected key" in run.out
    assert "it says: anthropic: " in run.out
    assert "--refresh-secrets" in run.out
    assert run.out.endswith("Verified: 1 ok, 1 provider rejected key; 2 requests sent.\n")
    assert max(map(len, run.out.splitlines())) <= 80
    assert "Traceback" not in run.err


# ------------------------------------------------------------ faults on the way


def chat_fault(emulator: Emulator, **rule: Any) -> None:
    emulator.fault("POST", f"{PATH}/chat/.*", **rule)


def test_a_dropped_connection_is_not_asked_again(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    chat_fault(emulator, drop=True, effect="after")
    emulator.forget()
    verdict = only(check(cli, expect=7))
    assert (verdict["cause"], verdict["tries"], verdict["status"]) == ("no_answer", 1, 0)
    assert len(asked(emulator)) == 1


@pytest.mark.parametrize(
    ("times", "after", "sent", "cause"),
    [(1, "1", 2, "ok"), (9, "1", 2, "rate_limited"), (1, "3600", 1, "rate_limited")],
)
def test_too_many_requests(
    project: Project, cli: Cli, emulator: Emulator, times: int, after: str, sent: int, cause: str
) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    refused = {"status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED", "message": "QPS exceeded"}
    chat_fault(emulator, times=times, headers={"Retry-After": after}, **refused)
    emulator.forget()
    verdict = only(check(cli))
    assert (verdict["cause"], verdict["tries"]) == (cause, sent)
    assert len(asked(emulator)) == sent


def test_a_page_instead_of_json(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    chat_fault(emulator, status=502, message="<html>Bad Gateway</html>")
    assert only(check(cli, expect=7))["cause"] == "model_failed"


def test_the_gateways_own_limit(project: Project, cli: Cli) -> None:
    limit = {"rate_limits": [{"key": "user", "calls": 0, "renewal_period": "minute"}]}
    project.endpoint("chat", serving(external()), ai_gateway=limit)
    cli.apply()
    verdict = only(check(cli, expect=7))
    assert verdict["cause"] == "rate_limited"
    assert "ai_gateway.rate_limits" in verdict["hint"]


# ------------------------------------------------------------ time


def test_latency_has_a_budget(project: Project, cli: Cli, ail: Any) -> None:
    project.endpoint(
        "chat", serving(external()), checks=[{"name": "fast", "expect": {"latency": "200ms"}}]
    )
    cli.apply()
    ail("slow", delay_seconds=3600)
    verdict = only(check(cli, expect=7))
    assert (verdict["cause"], verdict["status"]) == ("slow", 0), "it is not waited for"
    assert "no answer within 0.2 s" in verdict["message"]


def test_compute_that_has_to_come_up_gets_its_time(project: Project, cli: Cli, ail: Any) -> None:
    budget = {"latency": "1s", "cold_start": "60s"}
    project.endpoint("churn", serving(custom()), checks=[{"name": "up", "expect": budget}])
    cli.apply()
    ail("cold", "churn", delay_seconds=1.1)
    verdict = only(check(cli, expect=0), "churn")
    assert verdict["tries"] == 2, "a second question tells how it answers when it is up"
    assert re.search(r"compute came up within \d+\.\d s", verdict["message"])
    ail("cold", "churn", times=1)
    verdict = only(check(cli, expect=0), "churn")
    assert verdict["tries"] >= 2, "turned away while it starts, and asked again"
    ail("cold", "churn", times=99)
    project.endpoint(
        "churn",
        serving(custom()),
        checks=[{"name": "up", "expect": {"latency": "1s", "cold_start": "1500ms"}}],
    )
    verdict = only(check(cli, expect=7), "churn")
    assert verdict["cause"] == "cold_start"
    assert verdict["tries"] <= 3, "as long as the budget lasts"


def test_it_is_left_at_once(project: Project, cli: Cli, emulator: Emulator, ail: Any) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    ail("slow", delay_seconds=3600)
    emulator.forget()
    command = [sys.executable, "-m", "provisioner", "--project", str(project.root)]
    pipe = subprocess.PIPE
    run = subprocess.Popen([*command, "verify", "-e", "dev"], stdout=pipe, stderr=pipe, text=True)
    until(lambda: "POST" in [entry["method"] for entry in emulator.requests()], "it is asked")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=HANG)
    assert run.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in err


# ------------------------------------------------------------ checks in YAML


def test_checks_are_put_as_declared(project: Project, cli: Cli, emulator: Emulator) -> None:
    (project.root / "schemas").mkdir()
    schema = {"type": "object", "required": ["choices", "usage"]}
    (project.root / "schemas/answer.json").write_text(json.dumps(schema))
    checks: list[dict[str, Any]] = [
        {
            "name": "greets",
            "entities": ["gpt"],
            "prompt": "Say hello.",
            "system": "Be short.",
            "max_tokens": 50,
            "expect": {
                "json_path": {"choices[0].message.content": {"matches": "emulated"}},
                "body_schema": "schemas/answer.json",
                "tokens": 1000,
            },
        },
        {"name": "whole", "request": {"messages": [{"role": "user", "content": "?"}], "n": 2}},
    ]
    project.endpoint("chat", serving(external(), anthropic(), gpt=100, claude=0), checks=checks)
    cli.apply()
    emulator.forget()
    run = check(cli, expect=0)
    assert verdicts(run) == [
        ("claude", "whole", "ok"),
        ("gpt", "greets", "ok"),
        ("gpt", "whole", "ok"),
    ]
    bodies = [entry["body"] for entry in emulator.requests() if entry["method"] == "POST"]
    assert {"role": "system", "content": "Be short."} in [
        message for body in bodies for message in body["messages"]
    ]
    assert cli.settled(), "checks are nothing that the service knows of"


def test_checks_are_never_sent(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()), checks=[{"name": "canary-check", "prompt": "x"}])
    cli.apply()
    project.endpoint("chat", serving(external()), checks=[{"name": "other", "prompt": "y"}])
    assert cli.settled()
    assert "canary-check" not in json.dumps(emulator.writes())
    assert "canary-check" not in json.dumps(emulator.export())


def test_embeddings_are_measured(project: Project, cli: Cli) -> None:
    gte = {
        "name": "gte",
        "entity_name": "system.ai.gte_large_en_v1_5",
        "entity_version": "1",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": 19000,
    }
    checks = [
        {"name": "size", "input": ["a", "b"], "expect": {"dimension": 1024}},
        {"name": "wrong", "input": "a", "expect": {"dimension": 768}},
        {"name": "unit", "input": "a", "expect": {"norm": 1}},
    ]
    project.endpoint("vectors", serving(gte), checks=checks)
    cli.apply()
    run = check(cli, expect=7)
    assert [one[1:] for one in verdicts(run, "vectors")] == [
        ("size", "ok"),
        ("wrong", "unexpected"),
        ("unit", "unexpected"),  # GTE is not normalised, as the catalog says
    ]
    assert "has 1024 numbers, not 768" in run.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read schemas/a.json: No such file"),
        ("{", "schemas/a.json is no JSON"),
        ("[]", "a schema is a map"),
        ('{"type": "nothing"}', "this is no JSON Schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_found_before_anything(
    project: Project, cli: Cli, emulator: Emulator, content: str | None, words: str
) -> None:
    if content is not None:
        (project.root / "schemas").mkdir()
        (project.root / "schemas/a.json").write_text(content)
    expect = {"content_schema": "schemas/a.json"}
    project.endpoint("chat", serving(external()), checks=[{"name": "c", "expect": expect}])
    for command in ("validate", "verify"):
        run = cli(command, "-e", "dev", expect=4)
        assert "endpoints/chat.yaml:" in run.err
        assert "unusable-schema" in run.err
        assert words in run.err
    assert asked(emulator) == []


# ------------------------------------------------------------ forms


def test_forms(project: Project, cli: Cli, ail: Any) -> None:
    project.endpoint("chat", serving(external(), anthropic(), gpt=100, claude=0))
    project.endpoint("fine", serving(external()))
    cli.apply()
    ail("provider_down", entity="claude")
    run = check(cli, expect=7)
    jsonschema.validate(run.json, json.loads(invoke(["schema", "verify"]).out))
    tree = ET.fromstring(cli("verify", "-e", "dev", "-o", "junit", expect=7).out)  # noqa: S314
    assert (tree.get("tests"), tree.get("failures")) == ("3", "1")
    [failure] = tree.iter("failure")
    assert failure.get("type") == "provider_down"
    text = cli("verify", "-e", "dev", "-o", "markdown", expect=7).out
    assert "> - `!` **failed** `chat`: claude `[answers]`: provider down\n" in text
    assert text.index("<code>chat</code>") < text.index("<code>fine</code>"), "what failed is first"
    page = cli("verify", "-e", "dev", "-o", "html", expect=7).out
    assert "1 endpoint fails a check" in page


def test_several_environments(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.environment("prod", name_prefix="prod-")
    project.endpoint("chat", serving(external()))
    cli.apply()
    emulator.forget()
    run = cli("verify", "-e", "dev,prod", "-o", "json", expect=7)
    summary = {found["name"]: found["result"]["summary"] for found in run.json["environments"]}
    assert summary == {"dev": {"ok": 1}, "prod": {"missing": 1}}
    jsonschema.validate(run.json, json.loads(invoke(["schema", "verifies"]).out))
    tree = ET.fromstring(cli("verify", "-e", "all", "-o", "junit", expect=7).out)  # noqa: S314
    assert {suite.get("name") for suite in tree} == {"dev/chat", "prod/prod-chat"}


def test_questions_go_out_side_by_side(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        project.endpoint(f"e{number}", serving(external()))
    cli.apply()
    together = threading.Barrier(8)

    def met(*arguments: Any, **named: Any) -> Any:
        together.wait(timeout=HANG)  # for the other seven
        return ask(*arguments, **named)

    signed_in.setattr("provisioner.cli.asking.proving.ask", met)
    check(cli, expect=0)
    assert threading.active_count() < 20


# --------------------------------------------------- route-optimized endpoints


def test_a_route_optimized_endpoint_is_asked_at_its_own_url_with_a_token_for_it(
    project: Project, cli: Cli, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.endpoint("chat", serving(custom()), route_optimized=True)
    monkeypatch.delenv("DATABRICKS_TOKEN")
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET)
    cli("apply", "-e", "dev", "--auto-approve")
    emulator.forget()
    assert only(check(cli))["cause"] == "ok"
    own = [entry["path"] for entry in emulator.requests() if PATH in entry["path"]]
    assert [path for path in own if not path.startswith("/api/")] == [
        f"/1234567890123456{PATH}/chat/invocations"
    ]


def test_a_personal_token_cannot_ask_a_route_optimized_endpoint_and_the_verdict_says_so(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("chat", serving(custom()), route_optimized=True)
    cli("apply", "-e", "dev", "--auto-approve")
    emulator.forget()
    verdict = only(check(cli, expect=ExitCode.VERIFY_FAILED))
    assert verdict["cause"] == "caller_lacks_right"
    assert verdict["hint"].startswith("sign in with OAuth")
    assert not [e for e in emulator.requests() if e["path"].endswith("/invocations")]
