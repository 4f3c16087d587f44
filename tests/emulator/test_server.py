"""Processes, files, tokens: everything around the workspace."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from provisioner.emulator import StateUnusable, running
from provisioner.emulator.pristine import SERVICE_PRINCIPAL

from ..conftest import HANG
from .conftest import ENDPOINTS, Api, custom, external

SERVE = """
import sys
from pathlib import Path
from provisioner.emulator import serve
serve(host="127.0.0.1", port=0, state=Path(sys.argv[1]), clock=sys.argv[2],
      announce=lambda url: print(url, flush=True))
print("stopped")
"""


def start(state: Path, clock: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE, str(state), clock],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def test_killed_process_loses_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process, url = start(state, "manual")
    with (api := Api(url)).session:
        churn = api.create("churn", custom())
        api.advance(300)
    process.kill()
    process.communicate()
    process, url = start(state, "manual")
    with (api := Api(url)).session:
        answer = api.endpoint("churn")
        assert answer == churn
        api.advance(300)
        assert api.endpoint("churn")["state"]["ready"] == "READY"
    process.kill()
    process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_killed_in_the_middle_of_writes(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process, url = start(state, "instant")
    acknowledged: list[str] = []

    def write_on(api: Api) -> None:
        while True:
            name = f"bot-{len(acknowledged)}"
            api.create(name, external())
            acknowledged.append(name)

    def write(api: Api) -> None:
        with pytest.raises(requests.ConnectionError):
            write_on(api)

    with (api := Api(url)).session:
        writer = threading.Thread(target=write, args=(api,))
        writer.start()
        while len(acknowledged) < 20:
            time.sleep(0.001)
        process.kill()
        process.communicate()
        writer.join()
    with running(state) as url, (api := Api(url)).session:
        names = {entry["name"] for entry in api.ok("GET", ENDPOINTS)["endpoints"]}
        assert names >= set(acknowledged)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_server_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process, url = start(tmp_path / "state.json", "instant")
    assert requests.get(f"{url}/__emulator/health", timeout=10).ok
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (0, "stopped\n")


def test_state_goes_on_in_the_next_block(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with running(state) as url, (api := Api(url)).session:
        api.create("bot", external())
        exported = api.call("GET", "/__emulator/export").text
    with running(state) as url, (api := Api(url)).session:
        assert api.call("GET", "/__emulator/export").text == exported
        assert api.endpoint("bot")["state"]["ready"] == "READY"
        api.admin("POST", "reset")
        assert api.call("GET", f"{ENDPOINTS}/bot").status_code == 404


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"format": 0})])
def test_unusable_state_says_what_to_do(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)
    with pytest.raises(StateUnusable, match="delete the file"), running(state):
        pass
    assert state.read_text() == text


def test_nothing_is_left_behind() -> None:
    before = threading.active_count()
    with running() as url:
        host, port = url.removeprefix("http://").split(":")
        requests.get(f"{url}/__emulator/health", timeout=10)
        began = time.monotonic()
    assert time.monotonic() - began < HANG / 2, "an open connection is not waited for"
    assert threading.active_count() == before
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_stopping_gives_up_on_requests_that_are_held_back() -> None:
    def hang(url: str) -> None:
        with pytest.raises(requests.RequestException):
            requests.get(url + ENDPOINTS, timeout=10).raise_for_status()

    with running() as url, (api := Api(url)).session:
        api.admin("POST", "faults", {"delay_seconds": 60})
        thread = threading.Thread(target=hang, args=(url,))
        thread.start()
        while not api.admin("GET", "requests")["requests"]:
            time.sleep(0.01)
    thread.join(5)
    assert not thread.is_alive()


def test_taken_port_is_an_os_error() -> None:
    with running() as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), running(port=port):
            pass


def test_importing_is_cheap() -> None:
    code = "import sys, provisioner.emulator; print('uvicorn' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert output.stdout.strip() == "False"


def test_tokens(api: Api) -> None:
    def me(**headers: str) -> requests.Response:
        url = f"{api.url}/api/2.0/preview/scim/v2/Me?excludedAttributes=entitlements"
        return requests.get(url, headers=headers, timeout=10)

    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer expired"},
        {"Authorization": "Bearer oauth-never-issued"},
    ):
        assert me(**headers).status_code == 401
    basic = requests.auth._basic_auth_str("token", "token-alice")
    answer = me(Authorization=basic)
    assert answer.json()["userName"] == "alice@example.com"
    assert answer.headers["X-Databricks-Org-Id"] == "1234567890123456"
    assert me(Authorization="Bearer whatever").json()["userName"] == "user@example.com"


def test_unknown_route(api: Api) -> None:
    assert api.refused("POST", "/serving-endpoints/bot/dance", {}) == (
        501,
        "NOT_IMPLEMENTED",
    )
    assert api.message == "the emulator has no route for POST /serving-endpoints/bot/dance"


def test_discovery_needs_no_token(api: Api) -> None:
    document = requests.get(f"{api.url}/.well-known/databricks-config", timeout=10).json()
    assert document["workspace_id"].isdecimal()
    discovery = f"{document['oidc_endpoint']}/.well-known/oauth-authorization-server"
    assert requests.get(discovery, timeout=10).json()["token_endpoint"].startswith(api.url)


def test_token_endpoint_refuses(api: Api) -> None:
    url = f"{api.url}/oidc/v1/token"
    grant = {"grant_type": "client_credentials"}
    answer = requests.post(url, data=grant, auth=(SERVICE_PRINCIPAL, "bad"), timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    form = {"client_id": SERVICE_PRINCIPAL, "grant_type": "password"}
    answer = requests.post(url, data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_token_exchange(api: Api) -> None:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "a.b.c",
        "client_id": SERVICE_PRINCIPAL,
    }
    issued = requests.post(f"{api.url}/oidc/v1/token", data=form, timeout=10).json()
    with (machine := Api(api.url, issued["access_token"])).session:
        me = machine.ok("GET", "/api/2.0/preview/scim/v2/Me")
        assert me["userName"] == SERVICE_PRINCIPAL
        assert machine.create("bot", external())["creator_kind"] == "ServicePrincipal"
