"""The scenario of the matrices: every kind of call in one plan, and ways to disturb it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from provisioner.apply.caller import Caller
from provisioner.cli.environment import replacing
from provisioner.emulator import running
from provisioner.workspace.retries import RetryClock

from ..conftest import (
    ENDPOINTS,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    Run,
    custom,
    external,
    serving,
    units,
)

WRITES = f"({ENDPOINTS}|{PERMISSIONS})(/.*)?"
GOVERNED = "databricks-meta-llama-3-3-70b-instruct"
_ID = re.compile(r"[0-9a-f]{32}")
_MOVING = re.compile(
    r"(.*timestamp.*|.*_ms|counter|object_id|modified_at|id|config_versions?|start_time"
    r"|salt|revision|planned_at|tool_version|creation_time|telemetry_profile_id|size)"
)

_UPDATE = {
    1: {
        "tags": {"team": "a"},
        "ai_gateway": {
            "rate_limits": [
                {"key": "user", "calls": 100, "renewal_period": "minute"},
                {"key": "endpoint", "calls": 50, "renewal_period": "minute"},
            ]
        },
        "permissions": {
            "mode": "exact",
            "rows": [
                {"group": "users", "level": "CAN_QUERY"},
                {"group": "ml-engineers", "level": "CAN_VIEW"},
                {"user": "alice@example.com", "level": "CAN_MANAGE"},
            ],
        },
        "email_notifications": {"on_update_failure": ["a@example.com"]},
        "telemetry_config": {
            "table_names": {"logs_table": "main.ml.logs"},
            "enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS"],
        },
    },
    2: {
        "tags": {"team": "b", "tier": "gold"},
        "ai_gateway": {
            "rate_limits": [
                {"key": "user", "calls": 0, "renewal_period": "minute"},
                {"key": "endpoint", "calls": 500, "renewal_period": "minute"},
            ]
        },
        "permissions": {
            "mode": "exact",
            "rows": [
                {"group": "users", "level": "CAN_VIEW"},
                {"group": "ml-engineers", "level": "CAN_QUERY"},
            ],
        },
        "email_notifications": {"on_update_failure": ["b@example.com"]},
        "telemetry_config": {
            "table_names": {"logs_table": "main.ml.logs"},
            "enabled_telemetry_features": ["TELEMETRY_FEATURE_LOGS", "TELEMETRY_FEATURE_METRICS"],
        },
    },
}
_USERS = [{"group": "users", "level": "CAN_QUERY"}]
PERMITS = (
    *("--allow-retire", "old", "--allow-replace", "anew", "--adopt", "theirs"),
    *("--parallelism", "1"),
)
CALLS = (
    f"DELETE {ENDPOINTS}/anew",
    f"POST {ENDPOINTS}",
    f"PATCH {PERMISSIONS}/{{id}}",
    f"PUT {ENDPOINTS}/{GOVERNED}/ai-gateway",
    f"POST {ENDPOINTS}",
    f"PATCH {PERMISSIONS}/{{id}}",
    f"DELETE {ENDPOINTS}/old",
    f"PUT {ENDPOINTS}/pt/oss/config",
    f"POST {ENDPOINTS}/pt",
    f"PATCH {ENDPOINTS}/theirs/tags",
    f"PUT {ENDPOINTS}/theirs/config",
    f"PATCH {ENDPOINTS}/upd/tags",
    f"PUT {PERMISSIONS}/{{id}}",
    f"PUT {ENDPOINTS}/upd/ai-gateway",
    f"PUT {ENDPOINTS}/upd/config",
    f"PUT {ENDPOINTS}/upd/ai-gateway",
    f"PATCH {ENDPOINTS}/upd/notifications",
    f"PATCH {PERMISSIONS}/{{id}}",
    f"PATCH {ENDPOINTS}/upd/telemetry-config",
)
"""What stage 2 needs, in order."""
NAMES = ["anew", "fresh", "oss", "oss-2", "theirs", "upd"]


def declare(project: Project, stage: int) -> None:
    """Write the first or the second stage of the scenario."""
    replaced = {"on_immutable_change": "replace"}
    project.environment(policy={"max_retire": {"count": 5, "share": 1.0}})
    project.endpoint("upd", serving(custom(version=str(stage))), **_UPDATE[stage])
    project.endpoint("oss", serving(units(amount=50 * stage)))
    project.endpoint(
        "anew",
        serving(custom()),
        route_optimized=stage == 2,
        permissions=_USERS,
        lifecycle=replaced,
    )
    if stage == 1:
        project.endpoint("old", serving(external()))
        return
    (project.root / "endpoints" / "old.yaml").unlink(missing_ok=True)
    project.endpoint("fresh", serving(external("gpt-4")), permissions=_USERS)
    project.endpoint("oss-2", serving(units()))
    project.endpoint("theirs", serving(external("gpt-4o-mini")), tags={"mine": "now"})
    limit = {"key": "user", "calls": 0, "renewal_period": "minute"}
    (project.root / "endpoints" / "governed.yaml").write_text(
        json.dumps({"governs": GOVERNED, "ai_gateway": {"rate_limits": [limit]}})
    )


_stages: dict[str, tuple[Any, Any]] = {}


@dataclass
class Scenario:
    """A project at stage 2 on a workspace at stage 1."""

    project: Project
    cli: Cli
    emulator: Emulator
    expected: Any = None
    """The workspace after an apply that nothing disturbed."""

    def begin(self) -> None:
        """Put the workspace at stage 1 and the project at stage 2; once made, both are kept."""
        key = self.emulator.url
        if key not in _stages:
            declare(self.project, 1)
            self.cli.apply()
            self.emulator.call("POST", ENDPOINTS, {"name": "theirs", **serving(external("gpt-4"))})
            before = self.emulator.export()
            declare(self.project, 2)
            self.emulator.forget()
            self.apply(expect=0)
            assert tuple(self.emulator.calls()) == CALLS
            _stages[key] = before, meaning(self.emulator.export())
        before, self.expected = _stages[key]
        declare(self.project, 2)
        self.emulator.admin("POST", "seed", before)
        self.emulator.forget()

    def apply(self, *more: str, expect: int | None = None) -> Run:
        """Apply stage 2 as the pipeline does, with its permits."""
        return self.cli(*("apply", "-e", "dev", "--auto-approve", *PERMITS, *more), expect=expect)

    def converges(self) -> None:
        """The next run makes the workspace what it should be; the one after sends nothing."""
        for rules in ("faults", "builds"):
            self.emulator.admin("DELETE", rules)
        run = self.apply()
        assert run.code == 0, run.out + run.err
        assert self.emulator.names() == NAMES
        found = meaning(self.emulator.export())
        assert not list(unequal(found, self.expected))
        self.emulator.forget()
        run = self.apply()
        assert run.code == 0, run.out + run.err
        assert self.emulator.calls() == []


@pytest.fixture
def scenario(
    project: Project,
    cli: Cli,
    emulator: Emulator,
    hurried: None,  # noqa: ARG001
) -> Scenario:
    """Stage 2 is declared, stage 1 is there."""
    found = Scenario(project, cli, emulator)
    found.begin()
    return found


def meaning(export: Any) -> Any:
    """A workspace without ids, times, versions and the salt, permissions by name of endpoint."""
    names = {entry["id"]: name for name, entry in export["endpoints"].items() if "id" in entry}
    permissions = {
        names[key]: sorted(map(json.dumps, map(_still, rows)))
        for key, rows in export["permissions"].items()
        if key in names
    }
    files = {path: _content(entry) for path, entry in export["files"].items()}
    for record in filter(None, files.values()):
        # A matter of tests of their own.
        record["endpoints"].pop("old", None)
        del record["retired"]
        for entry in record["endpoints"].values():
            del entry["found"]
    return {
        "endpoints": _still(export["endpoints"]),
        "permissions": permissions,
        "files": files,
    }


def _content(entry: dict[str, Any]) -> Any:
    return _still(json.loads(b64decode(entry["content"]))) if "content" in entry else None


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if not _MOVING.fullmatch(key)}
    if isinstance(value, list):
        return [_still(item) for item in value]
    return value


def unequal(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Where two workspaces differ, one short line each."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from unequal(left.get(key), right.get(key), f"{path}/{key}")
    elif left != right:
        yield f"{path}: {left!r} is not {right!r}"


@pytest.fixture
def hurried(signed_in: pytest.MonkeyPatch) -> None:
    """Pauses between two tries take no time, though those of the SDK seem to."""
    monkeypatch, passed = signed_in, [0.0]
    # Only seemingly long: a busy machine must not end the tries early.
    monkeypatch.setenv("PROVISIONER_PATIENCE_SECONDS", "30")

    def now(_clock: RetryClock) -> float:
        return time.time() + passed[0]

    def sleep(clock: RetryClock, seconds: float) -> None:
        clock._thread.slept = True
        passed[0] += seconds

    monkeypatch.setattr(RetryClock, "time", now)
    monkeypatch.setattr(RetryClock, "sleep", sleep)
    monkeypatch.setattr(Caller, "pause", lambda _caller, _seconds: time.sleep(0.01))
    monkeypatch.setattr(replacing, "DEAD_AFTER", 0.1)


def fault(emulator: Emulator, number: int = 0, **rule: Any) -> None:
    """Let writes go wrong from number ``number`` on, whatever they are.

    A rule counts the requests of one method or of all; the reads are taken out by a first one.
    """
    emulator.admin("POST", "faults", {"match": {"method": "GET"}, "effect": "none"})
    emulator.admin("POST", "faults", {"match": {"path": WRITES}, "skip": number, **rule})


def start(project: Project, *more: str) -> subprocess.Popen[str]:
    """An apply in a process of its own."""
    project_options = ("--project", str(project.root))
    options = ("apply", "-e", "dev", "--auto-approve", *more)
    return subprocess.Popen(
        [sys.executable, "-m", "provisioner", *project_options, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Killed(BaseException):
    """What the process would have felt."""


@dataclass
class Killer:
    """Ends this process' traffic at one write, as SIGKILL would, without ending the process."""

    number: int
    """Which write, counted from 0."""
    after: bool
    """Whether the write still takes effect, though its answer is never read."""
    writes: str = WRITES
    """Paths of what counts as a write."""
    seen: int = 0
    dead: bool = False
    lock: Lock = field(default_factory=Lock)

    def strikes(self, request: requests.PreparedRequest) -> bool:
        """Whether this request is the last."""
        path = re.sub(r"^https?://[^/]+", "", request.url or "").partition("?")[0]
        with self.lock:
            if self.dead:
                raise Killed
            if request.method == "GET" or not re.fullmatch(self.writes, path):
                return False
            self.seen += 1
            self.dead = self.seen > self.number
            return self.dead


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a function until a certain write; everything that it asks afterwards is in vain."""
    send = HTTPAdapter.send

    def killed(
        function: Callable[[], Any], number: int, *, after: bool, writes: str = WRITES
    ) -> None:
        killer = Killer(number, after, writes)

        def deadly(
            adapter: HTTPAdapter, request: requests.PreparedRequest, *rest: Any, **more: Any
        ) -> requests.Response:
            if not killer.strikes(request):
                return send(adapter, request, *rest, **more)
            if killer.after:
                send(adapter, request, *rest, **more).close()
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(HTTPAdapter, "send", deadly)
            with pytest.raises(Killed):
                function()

    return killed


_passed: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect on the controller what the workers say that they did."""
    if report.when == "call" and report.passed:
        _passed.update(str(value) for key, value in report.user_properties if key == "matrix")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of each matrix passed."""
    for matrix, number in sorted(_passed.items()):
        terminalreporter.write_line(f"matrix {matrix}: {number} cases passed")


@pytest.fixture(scope="session")
def real_workspace() -> Iterator[Emulator]:
    """A workspace in which updates take as long as they take, though not very long."""
    with running(clock="real") as url:
        found = Emulator(url)
        yield found
        found.close()


@pytest.fixture
def real(real_workspace: Emulator) -> Emulator:
    """The workspace with a real clock, on its first day."""
    real_workspace.reset()
    return real_workspace
