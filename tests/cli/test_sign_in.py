"""Signing in: once a run, and when it does not work then said within seconds, with what to do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from databricks.sdk.credentials_provider import DefaultCredentials

from provisioner.catalog import catalog
from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL
from provisioner.workspace.sdk import Config
from tests.conftest import HANG, Cli, Emulator, Project, custom, external, serving

TOKEN_CALL = "/oidc/v1/token"


def fails(cli: Cli, code: int) -> str:
    """What a plan says that ends like this, in one line; the SDK's own wait is five minutes."""
    began = time.monotonic()
    run = cli("plan", "-e", "dev", expect=code)
    assert time.monotonic() - began < HANG
    assert "Traceback" not in run.err
    assert run.out == ""
    return " ".join(run.err.split())


@pytest.fixture
def without(cli: Cli, project: Project, signed_in: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A project, and no credentials."""
    del cli
    project.endpoint("chat", serving(external()))
    signed_in.delenv("DATABRICKS_TOKEN")
    signed_in.setenv("PATH", "/nonexistent")  # no other command line may lend its login
    signed_in.delenv("PROVISIONER_PATIENCE_SECONDS")
    return signed_in


def test_no_credentials(cli: Cli, without: pytest.MonkeyPatch) -> None:
    del without
    said = fails(cli, 3)
    assert "error[authentication-failed]: cannot sign in: there are no credentials" in said
    assert "set DATABRICKS_TOKEN" in said


def test_a_profile_that_is_not_there(
    cli: Cli, project: Project, without: pytest.MonkeyPatch
) -> None:
    del without
    project.environment(workspace={"profile": "nowhere"})
    assert "there are no credentials in profile nowhere" in fails(cli, 3)
    home = Path(cli.root).parent / "home"
    (home / ".databrickscfg").write_text("[DEFAULT]\nhost = http://127.0.0.1:1\n")
    assert "nowhere profile" in fails(cli, 3)


@pytest.mark.parametrize("place", ["variable", "profile"])
def test_an_address_with_a_password_is_not_used_and_not_said(
    cli: Cli, project: Project, emulator: Emulator, without: pytest.MonkeyPatch, place: str
) -> None:
    address = emulator.url.replace("://", "://somebody:canary@")
    project.environment(workspace={"profile": "it"} if place == "profile" else {})
    if place == "profile":
        home = Path(cli.root).parent / "home"
        (home / ".databrickscfg").write_text(f"[it]\nhost = {address}\ntoken = t\n")
    else:
        without.setenv("DATABRICKS_HOST", address)
        without.setenv("DATABRICKS_TOKEN", "t")
    said = fails(cli, 3)
    assert "holds a user or a password" in said
    assert "canary" not in said


def test_two_ways_and_no_choice_are_both_named(
    cli: Cli, project: Project, emulator: Emulator, without: pytest.MonkeyPatch
) -> None:
    without.setenv("DATABRICKS_TOKEN", "canary-token")
    without.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    without.setenv("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET)
    said = fails(cli, 3)
    assert "2 ways are set and none is chosen" in said
    assert "oauth (DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET)" in said
    assert "and pat (DATABRICKS_TOKEN)" in said
    assert "write `auth_type: oauth-m2m` or `auth_type: pat` under `workspace`" in said
    assert "canary" not in said
    assert CLIENT_SECRET not in said
    for choice, who in (("oauth-m2m", SERVICE_PRINCIPAL), ("pat", "user@example.com")):
        project.environment(workspace={"host": emulator.url, "auth_type": choice})
        run = cli("plan", "-e", "dev", expect=0)
        assert f"{who} by {choice}" in " ".join(run.err.split())


def test_a_way_that_lacks_its_variables_is_named_with_them(
    cli: Cli, project: Project, without: pytest.MonkeyPatch
) -> None:
    without.setenv("DATABRICKS_TOKEN", "canary-token")
    without.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    project.environment(workspace={"auth_type": "oauth-m2m"})
    said = fails(cli, 3)
    assert "cannot sign in by oauth-m2m: DATABRICKS_CLIENT_SECRET is not set" in said
    assert "set DATABRICKS_CLIENT_SECRET, or choose another `auth_type`" in said
    assert "there is DATABRICKS_TOKEN for `pat`" in said
    assert "canary" not in said
    without.delenv("DATABRICKS_CLIENT_ID")
    without.setenv("DATABRICKS_AUTH_TYPE", "oauth-m2m")  # where no file chooses
    project.environment(workspace={})
    wanted = "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET are not set"
    assert f"cannot sign in by oauth-m2m: {wanted}" in fails(cli, 3)
    without.setenv("DATABRICKS_AUTH_TYPE", "oauth-mm")
    said = fails(cli, 3)
    assert "the SDK knows no `auth_type: oauth-mm`" in said
    assert "did you mean `oauth-m2m`?" in said


def test_the_catalog_has_every_way_of_the_sdk() -> None:
    ways = DefaultCredentials()._auth_providers
    assert {one.auth_type() for one in ways} == set(catalog().names_of("auth-types"))
    known = {name for one in Config.attributes() for name in (one.env, *(one.env_aliases or ()))}
    for way in catalog().names_of("auth-types"):
        assert known.issuperset(catalog().variables_of(way)), way


def test_wrong_client_secret(cli: Cli, without: pytest.MonkeyPatch) -> None:
    without.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    without.setenv("DATABRICKS_CLIENT_SECRET", "not-the-one")
    said = fails(cli, 3)
    assert "error[authentication-failed]: cannot sign in by oauth-m2m: invalid_client" in said
    assert "not-the-one" not in said


@pytest.mark.parametrize(
    ("status", "code"), [(401, "authentication-failed"), (403, "permission-denied")]
)
def test_a_token_that_is_refused(
    cli: Cli, emulator: Emulator, without: pytest.MonkeyPatch, status: int, code: str
) -> None:
    without.setenv("DATABRICKS_TOKEN", "canary-token")
    emulator.fault("GET", ".*", status=status, message="Invalid access token")
    said = fails(cli, 3)
    assert f"error[{code}]: cannot sign in to {emulator.url}: Invalid access token" in said
    assert "check the credentials for pat" in said
    assert "canary" not in said


@pytest.mark.exhaustive
def test_a_host_out_of_reach_does_not_take_minutes(
    cli: Cli, project: Project, without: pytest.MonkeyPatch
) -> None:
    without.setenv("DATABRICKS_TOKEN", "x")
    project.environment(workspace={"host": "http://127.0.0.1:9"})
    said = fails(cli, 1)
    assert "cannot sign in to http://127.0.0.1:9: no connection to the workspace" in said
    assert "check the address" in said
    assert "metadata" not in said


# ------------------------------------------------------------ once a run


class Issuer(BaseHTTPRequestHandler):
    """What gives a job in a pipeline its identity token."""

    asked = 0

    def do_GET(self) -> None:
        Issuer.asked += 1
        body = json.dumps({"value": "a.b.c"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[str]:
    """URL of a pipeline's token issuer, which counts."""
    Issuer.asked = 0
    with HTTPServer(("127.0.0.1", 0), Issuer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token?api=1"
        server.shutdown()
        thread.join()


def exchanges(emulator: Emulator) -> int:
    return sum(entry["path"] == TOKEN_CALL for entry in emulator.requests())


def test_a_pipeline_exchanges_its_token_once_a_run(
    cli: Cli, project: Project, emulator: Emulator, issuer: str, without: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        project.endpoint(f"churn-{number}", serving(custom()))
    without.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    without.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", issuer)
    without.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")
    project.environment(workspace={"host": emulator.url, "auth_type": "github-oidc"})
    emulator.forget()
    run = cli("plan", "-e", "dev", expect=0)
    assert f"as {SERVICE_PRINCIPAL} by github-oidc" in " ".join(run.err.split())
    assert len(emulator.requests()) > 5
    assert exchanges(emulator) <= 2  # one to see whether it works at all, one for the run
    assert Issuer.asked <= 2


def test_a_machine_gets_one_token_a_run(
    cli: Cli, emulator: Emulator, without: pytest.MonkeyPatch
) -> None:
    without.setenv("DATABRICKS_CLIENT_ID", SERVICE_PRINCIPAL)
    without.setenv("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET)
    emulator.forget()
    cli.apply()
    assert exchanges(emulator) == 1
