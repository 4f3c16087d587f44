"""``drift --webhook``: who is told what, signed, and what happens when nobody listens."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.errors import ExitCode
from provisioner.plan.drift import Drift, EndpointDrift, Health, Sync
from provisioner.plan.fleet import InEnvironment, fleet
from provisioner.plan.model import WorkspaceRef
from provisioner.report import webhook

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, external, invoke, serving

GUIDE = (Path(__file__).parents[2] / "docs/drift.md").read_text("utf-8")
SECRET = "whsec_" + base64.b64encode(b"canary-of-the-signing-secret").decode()


@dataclass
class Receiver:
    """Somebody who listens: what came, and what to answer."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Status codes, the first one first; then 204."""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 204)
            self.send_header("content-length", "0")
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook/canary-of-the-address"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def hooked(project: Project, cli: Cli, receiver: Receiver, signed_in: pytest.MonkeyPatch) -> Cli:
    """An endpoint in two environments, and somebody who wants to know."""
    entity = custom(environment_vars={"LEVEL": "info"})
    project.endpoint("chat", serving(entity), tags={"team": "search"})
    for name in ("dev", "prod"):
        project.environment(name, name_prefix=f"{name}-")
        cli("apply", "-e", name, "--auto-approve", expect=0)
    signed_in.setenv("PROVISIONER_WEBHOOK", receiver.url)
    signed_in.setenv("PROVISIONER_WEBHOOK_SECRET", SECRET)
    return cli


def retag(emulator: Emulator, name: str, value: str = "ads") -> None:
    added = {"add_tags": [{"key": "team", "value": value}]}
    emulator.call("PATCH", f"{ENDPOINTS}/{name}/tags", added)


def verify() -> Any:
    """The function of the guide."""
    [code] = re.findall(r"```python\n(import base64.*?)```", GUIDE, re.S)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the lines that people are told to use
    return names["verify"]


def test_drift_is_told_once_for_the_run_and_signed(
    hooked: Cli, receiver: Receiver, emulator: Emulator
) -> None:
    hooked("drift", "-e", "all", expect=ExitCode.OK)
    assert receiver.came == []
    retag(emulator, "prod-chat")
    run = hooked("drift", "-e", "all", expect=ExitCode.CHANGES)
    assert "told 127.0.0.1" in run.err
    [(headers, body)] = receiver.came
    verify()(SECRET, headers, body)
    document = json.loads(body)
    assert (document["type"], document["timestamp"][-6:]) == ("drift", "+00:00")
    jsonschema.validate(document["data"], json.loads(invoke(["schema", "drifts"]).out))
    dev, prod = document["data"]["environments"]
    assert (dev["exit_code"], prod["exit_code"]) == (0, 2)
    [change] = prod["result"]["endpoints"][0]["changes"]
    assert (change["path"], change["before"], change["after"]) == ("tags[team]", "ads", "search")
    hooked("drift", "-e", "prod", "-o", "json", expect=ExitCode.CHANGES)
    assert [one["name"] for one in receiver.bodies[1]["data"]["environments"]] == ["prod"]
    hooked("drift", "-e", "dev", "--notify", "always", expect=ExitCode.OK)
    hooked("drift", "-e", "prod", "--notify", "never", expect=ExitCode.CHANGES)
    assert len(receiver.came) == 3
    assert receiver.bodies[2]["data"]["exit_code"] == 0


@pytest.mark.parametrize("what", ["body", "secret", "time"])
def test_what_was_tampered_with_is_not_believed(
    hooked: Cli, receiver: Receiver, emulator: Emulator, what: str
) -> None:
    retag(emulator, "dev-chat")
    hooked("drift", "-e", "dev", expect=ExitCode.CHANGES)
    [(headers, body)] = receiver.came
    if what == "body":
        body = body.replace(b"ads", b"add")
    if what == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 400)
    with pytest.raises(ValueError, match="replay" if what == "time" else "not signed"):
        verify()("other" if what == "secret" else SECRET, headers, body)


def test_no_secret_is_sent_or_shown(hooked: Cli, receiver: Receiver, emulator: Emulator) -> None:
    config = emulator.endpoint("dev-chat")["config"]
    entity = {k: v for k, v in config["served_entities"][0].items() if k in custom()}
    entity["environment_vars"] = {"LEVEL": "canary-by-hand", "TOKEN": "canary-by-hand"}
    body = {"served_entities": [entity]}
    emulator.call("PUT", f"{ENDPOINTS}/dev-chat/config", body)
    emulator.endpoint("dev-chat")
    for form in ("json", "slack"):
        for verbose in ([], ["-vv"]):
            words = ["drift", "-e", "dev", "--webhook-form", form]
            run = hooked(*verbose, *words, expect=ExitCode.CHANGES)
            assert "canary-of-the" not in run.out + run.err
    assert len(receiver.came) == 4
    for headers, sent in receiver.came:
        assert b"canary" not in sent
        assert b"(not shown)" in sent
        assert "canary" not in str(headers)
        assert "authorization" not in headers


def test_failures_are_told_and_hide_nothing(
    hooked: Cli, receiver: Receiver, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    receiver.answers = [503, 500]
    run = hooked("drift", "-e", "dev", "--notify", "always", expect=ExitCode.OK)
    assert "webhook-failed" not in run.err
    ids = {headers["webhook-id"] for headers, _ in receiver.came}
    assert (len(receiver.came), len(ids)) == (3, 1)
    receiver.answers = [302]
    run = hooked("drift", "-e", "dev", "--notify", "always", expect=ExitCode.FAILED)
    assert "warning[webhook-failed]: cannot tell 127.0.0.1 of the drift: it answered with 302" in (
        " ".join(run.err.split())
    )
    assert "Drift: 1 in sync." in run.out
    retag(emulator, "dev-chat")
    receiver.answers = [500] * 3
    run = hooked("drift", "-e", "dev", expect=ExitCode.CHANGES)
    assert "it answered with 500" in " ".join(run.err.split())
    signed_in.setenv("PROVISIONER_WEBHOOK", "http://127.0.0.1:9/canary-of-the-address")
    run = hooked("drift", "-e", "dev", expect=ExitCode.CHANGES)
    assert "no connection" in run.err
    assert "canary" not in run.err


def test_that_nothing_is_known_is_told_too(
    hooked: Cli, receiver: Receiver, project: Project
) -> None:
    project.environment("dev", workspace={"host": project.host, "workspace_id": "42"})
    hooked("drift", "-e", "dev", expect=ExitCode.REFUSED)
    [one] = receiver.bodies[0]["data"]["environments"]
    assert (one["result"], one["exit_code"], one["problems"][0]["code"]) == (None, 5, "refused")
    hooked("drift", "-e", "dev,prod", "--webhook-form", "slack", expect=ExitCode.REFUSED)
    text = receiver.bodies[1]["text"].splitlines()
    assert text[0].startswith("*Drift in dev* is not known: environment dev is pinned")
    assert text[1] == "*Drift in prod*: 1 in sync"


def test_slack_is_told_in_its_words(hooked: Cli, receiver: Receiver, emulator: Emulator) -> None:
    retag(emulator, "dev-chat", "<!channel> `x` & *y*")
    emulator.call("POST", f"{ENDPOINTS}/prod-chat/config:stop")
    hooked("drift", "-e", "all", "--webhook-form", "slack", expect=ExitCode.CHANGES)
    [(headers, _)] = receiver.came
    assert not [name for name in headers if name.startswith("webhook-")]
    assert receiver.bodies == [
        {
            "text": "*Drift in dev*: 1 drifted\n"
            "~ drifted: `dev-chat`\n"
            "      `tags[team]` declared `search`, live `&lt;!channel&gt; 'x' &amp; *y*`\n"
            "*Drift in prod*: 1 in sync\n"
            "= in sync: `prod-chat`, stopped"
        }
    ]


def test_a_message_has_an_end() -> None:
    many = tuple(
        EndpointDrift(f"endpoint-{number}", Sync.MISSING, Health.ABSENT) for number in range(900)
    )
    drift = Drift("dev", "shop", WorkspaceRef("h", "1"), many, {"missing": 900})
    text = json.loads(webhook.slack(fleet([InEnvironment("dev", 2, drift)])))["text"]
    assert len(text) < 4000
    told = text.count("endpoint-")
    assert text.splitlines()[0] == "*Drift in dev*: 900 missing"
    assert text.splitlines()[-1] == f"... and {900 - told} more lines: `provisioner drift`"


@pytest.mark.parametrize(
    ("words", "secret", "why"),
    [
        (["http://example.com/x"], SECRET, "must begin with https://"),
        (["ftp://example.com/x"], SECRET, "is no address"),
        (["https://[x"], SECRET, "is no address"),
        (["https://example.com/x"], None, "set PROVISIONER_WEBHOOK_SECRET"),
        (["https://example.com/x"], "whsec_!", "set PROVISIONER_WEBHOOK_SECRET"),
        (["https://hooks.slack.com/services/x"], SECRET, "give --webhook-form slack"),
    ],
)
def test_wrong_use(
    project: Project,
    cli: Cli,
    emulator: Emulator,
    signed_in: pytest.MonkeyPatch,
    words: list[str],
    secret: str | None,
    why: str,
) -> None:
    project.endpoint("chat", serving(external()))
    if secret:
        signed_in.setenv("PROVISIONER_WEBHOOK_SECRET", secret)
    run = cli("drift", "-e", "dev", "--webhook", *words, expect=ExitCode.USAGE)
    assert why in run.err
    assert not emulator.requests()
