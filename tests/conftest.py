"""One emulated workspace a worker, projects in temporary folders, and the command line."""

from __future__ import annotations

import io
import json
import os
import re
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from provisioner.cli.main import main
from provisioner.emulator import running
from provisioner.plan import Plan, summarise
from provisioner.plan.meaning import fingerprint
from provisioner.report import machine

ENDPOINTS = "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions/serving-endpoints"
_ABOUT_ENDPOINTS = (ENDPOINTS, PERMISSIONS)


HANG = 60.0
"""Seconds that only a hang takes, however busy the machine is."""


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for something outside of this thread."""
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


class Emulator:
    """An emulated workspace: its API as some person, and its own side."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def call(self, method: str, path: str, body: Any = None, token: str = "t") -> Any:  # noqa: S107
        """One call as the person behind ``token``; the log of requests knows it as a test's."""
        answer = self._session.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {token}", "X-From": "test"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """The emulator's own side."""
        answer = self._session.request(
            method, f"{self.url}/__emulator/{path}", json=body, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reset(self) -> None:
        """A workspace's first day: no endpoints but Databricks' own, no faults, no log."""
        self.admin("POST", "reset")

    def forget(self) -> None:
        """Empty the request log."""
        self.admin("DELETE", "requests")

    def requests(self) -> list[dict[str, Any]]:
        """Everything that the tool asked, in order."""
        found: list[dict[str, Any]] = self.admin("GET", "requests")["requests"]
        return [entry for entry in found if entry["headers"].get("x-from") != "test"]

    def writes(self) -> list[dict[str, Any]]:
        """The calls that change endpoints or their permissions, in order."""
        return [
            entry
            for entry in self.requests()
            if entry["method"] != "GET" and entry["path"].startswith(_ABOUT_ENDPOINTS)
        ]

    def calls(self) -> list[str]:
        """Method and path of the writes, ids of endpoints as ``{id}``."""
        return [
            re.sub(rf"{PERMISSIONS}/[0-9a-f]+", f"{PERMISSIONS}/{{id}}", call)
            for call in (f"{entry['method']} {entry['path']}" for entry in self.writes())
        ]

    def fault(self, method: str, path: str, **rule: Any) -> None:
        """Let requests whose path matches go wrong."""
        self.admin("POST", "faults", {"match": {"method": method, "path": path}, **rule})

    def build(self, **rule: Any) -> None:
        """Say how deployments go."""
        self.admin("POST", "builds", rule)

    def seed(self, **document: Any) -> None:
        """Merge something into the workspace."""
        self.admin("POST", "seed", document)

    def export(self) -> Any:
        """The whole workspace."""
        return self.admin("GET", "export")

    def endpoint(self, name: str) -> Any:
        """An endpoint as GET shows it."""
        return self.call("GET", f"{ENDPOINTS}/{name}")

    def names(self) -> list[str]:
        """Endpoints that are not Databricks' own."""
        found = self.call("GET", ENDPOINTS).get("endpoints", [])
        return sorted(entry["name"] for entry in found if "id" in entry)

    def rows(self, name: str) -> dict[str, str]:
        """Direct permission rows of an endpoint by principal."""
        answer = self.call("GET", f"{PERMISSIONS}/{self.endpoint(name)['id']}")
        kinds = ("user_name", "group_name", "service_principal_name")
        return {
            next(row[kind] for kind in kinds if kind in row): level["permission_level"]
            for row in answer["access_control_list"]
            for level in row["all_permissions"]
            if not level["inherited"]
        }


@dataclass
class Project:
    """A project in a folder of its own."""

    root: Path
    host: str

    def __post_init__(self) -> None:
        for folder in ("endpoints", "environments"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.environment()

    def environment(self, name: str = "dev", /, **more: Any) -> Path:
        """Write an environment; ``project`` and ``workspace`` have useful values."""
        content = {"project": "shop", "workspace": {"host": self.host}, **more}
        path = self.root / "environments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        return path

    def endpoint(self, name: str, content: str | dict[str, Any], **more: Any) -> Path:
        """Write an endpoint, as text or as data; ``more`` are further top-level keys."""
        path = self.root / "endpoints" / f"{name}.yaml"
        data = yaml.safe_load(content) if isinstance(content, str) and more else content
        if isinstance(data, str):
            path.write_text(textwrap.dedent(data), "utf-8")
        else:
            path.write_text(yaml.safe_dump({"name": name, **data, **more}, sort_keys=False))
        return path

    def remove(self, name: str) -> None:
        """Delete an endpoint's file."""
        (self.root / "endpoints" / f"{name}.yaml").unlink()


@dataclass(frozen=True)
class Run:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer as data."""
        return json.loads(self.out)

    def entry(self, name: str) -> Any:
        """The part of a JSON answer about one endpoint."""
        return next(entry for entry in self.json["endpoints"] if entry["name"] == name)

    def changes(self, name: str) -> dict[str, Any]:
        """Changes of one endpoint in a JSON answer, by path."""
        return {change["path"]: change for change in self.entry(name)["changes"]}

    def steps(self, name: str) -> list[str]:
        """Calls of one endpoint in a JSON answer."""
        return [step["call"] for step in self.entry(name)["steps"]]


class Cli:
    """The command line, in this process, on one project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, *arguments: str | Path, expect: int | None = None) -> Run:
        """Run a command; with ``expect`` any other exit code is a failure."""
        run = invoke(["--project", str(self.root), *map(str, arguments)])
        assert expect is None or run.code == expect, f"exit {run.code}\n{run.out}\n{run.err}"
        return run

    def plan(self, *more: str | Path) -> Run:
        """Plan as JSON."""
        return self("plan", "-e", "dev", "-o", "json", *more, expect=0)

    def apply(self, *more: str | Path, expect: int = 0) -> Run:
        """Apply without being asked."""
        return self("apply", "-e", "dev", "--auto-approve", *more, expect=expect)

    def settled(self) -> bool:
        """Whether a plan has nothing to do."""
        return self("plan", "-e", "dev", "--detailed-exitcode").code == 0


def invoke(arguments: Sequence[str]) -> Run:
    """Run one command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return Run(int(code), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def workspace() -> Iterator[Emulator]:
    """An emulated workspace in which every update is over at the next look; never reset."""
    with running(clock="instant") as url:
        found = Emulator(url)
        yield found
        found.close()


@pytest.fixture
def emulator(workspace: Emulator) -> Emulator:
    """The workspace on its first day."""
    workspace.reset()
    return workspace


@pytest.fixture(scope="session")
def slow_workspace() -> Iterator[Emulator]:
    """An emulated workspace in which time stands still until a test moves it."""
    with running(clock="manual") as url:
        found = Emulator(url)
        yield found
        found.close()


@pytest.fixture
def slow(slow_workspace: Emulator) -> Emulator:
    """The workspace whose clock stands still, on its first day."""
    slow_workspace.reset()
    return slow_workspace


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A token and nothing else in the environment that the tool or the SDK looks at."""
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "PROVISIONER_", "ARM_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DATABRICKS_TOKEN", "any-token")
    monkeypatch.setenv("PROVISIONER_PATIENCE_SECONDS", "2")
    return monkeypatch


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    """A project whose environment ``dev`` is the emulated workspace."""
    return Project(tmp_path / "project", emulator.url)


@pytest.fixture
def cli(project: Project, signed_in: pytest.MonkeyPatch) -> Cli:  # noqa: ARG001
    """The command line on the project."""
    return Cli(project.root)


def forged(plan: dict[str, Any], *, counts: bool = True) -> str:
    """An edited plan whose counts and fingerprint fit, as somebody makes it who knows the tool."""
    known = machine.load(json.dumps(plan), Plan, "plan.json")
    fits: dict[str, Any] = {
        "fingerprint": fingerprint(known.owner, known.workspace.host, known.endpoints)
    }
    if counts:
        fits["summary"] = summarise(known.endpoints)
    return json.dumps({**plan, **fits})


# Declarations that many tests start from.


def external(model: str = "gpt-4o", name: str = "gpt", **openai: Any) -> dict[str, Any]:
    """A served entity of OpenAI."""
    block = {"openai_api_key": "{{secrets/llm/openai_api_key}}", **openai}
    return {
        "name": name,
        "external_model": {
            "provider": "openai",
            "name": model,
            "task": "llm/v1/chat",
            "openai_config": {key: value for key, value in block.items() if value is not None},
        },
    }


def anthropic(name: str = "claude", model: str = "claude-sonnet-4-5") -> dict[str, Any]:
    """A served entity of Anthropic."""
    return {
        "name": name,
        "external_model": {
            "provider": "anthropic",
            "name": model,
            "task": "llm/v1/chat",
            "anthropic_config": {"anthropic_api_key": "{{secrets/llm/anthropic_api_key}}"},
        },
    }


def custom(name: str = "churn", version: str = "1", **more: Any) -> dict[str, Any]:
    """A served entity of an own model."""
    return {
        "name": name,
        "entity_name": "main.ml.churn_classifier",
        "entity_version": version,
        "workload_size": "Small",
        "scale_to_zero_enabled": True,
        **more,
    }


def throughput(name: str = "llama", top: int = 980, **more: Any) -> dict[str, Any]:
    """A served entity in tokens per second."""
    return {
        "name": name,
        "entity_name": "main.support.ticket_llama",
        "entity_version": "1",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": top,
        **more,
    }


def units(name: str = "oss", amount: int = 50, **more: Any) -> dict[str, Any]:
    """A served entity in model units."""
    return {
        "name": name,
        "entity_name": "system.ai.gpt-oss-120b",
        "entity_version": "1",
        "provisioned_model_units": amount,
        **more,
    }


def serving(*entities: dict[str, Any], **shares: int) -> dict[str, Any]:
    """An endpoint of these entities, with the traffic between them."""
    found: dict[str, Any] = {"config": {"served_entities": list(entities)}}
    return found | ({"traffic": shares} if shares else {})
