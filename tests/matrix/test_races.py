"""Two at once on one endpoint: one wins, the other says so and leaves it alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from provisioner.apply import Options, apply
from provisioner.cli.applying.carry_out import exit_code
from provisioner.cli.environment.opening import connected
from provisioner.cli.options import Selection, Settings
from provisioner.plan import Action

from ..conftest import ENDPOINTS, HANG, Cli, Emulator, Project, custom, external, serving, until
from .conftest import fault, start


@pytest.fixture
def rivals(real: Emulator, tmp_path: Path, signed_in: pytest.MonkeyPatch) -> list[Project]:  # noqa: ARG001
    """Two checkouts of one project that declare the same endpoint differently."""
    return [Project(tmp_path / name, real.url) for name in ("left", "right")]


_MODELS = {"1": "gpt-4", "2": "gpt-4o", "3": "gpt-4o-mini"}


def _declare(project: Project, version: int, tag: str, *, slowly: bool = False) -> None:
    """A version of the endpoint; its deployment takes half a second, or two."""
    version_text = str(version)
    entity = custom("gpt", version_text) if slowly else external(_MODELS[version_text])
    project.endpoint("e", serving(entity), tags={"team": tag}, permissions=[_row(tag)])


def _row(tag: str) -> dict[str, str]:
    return {"group": "users", "level": "CAN_VIEW" if tag == "right" else "CAN_QUERY"}


def _plan_and_go(project: Project, barrier: Barrier) -> tuple[int, str]:
    """Plan, wait until the rival has planned as well, execute."""
    with connected(Settings(project=project.root, verbosity=0), "dev") as session:
        plan, _ = session.compare(Selection())
        assert plan.endpoints[0].action in {Action.CREATE, Action.UPDATE}
        barrier.wait(timeout=HANG)
        outcome = apply(plan, session.workspace, Options())
    return int(exit_code(outcome)), outcome.endpoints[0].error or ""


def _duel(rivals: list[Project]) -> list[tuple[int, str]]:
    barrier = Barrier(len(rivals))
    with ThreadPoolExecutor(len(rivals)) as pool:
        return list(pool.map(lambda project: _plan_and_go(project, barrier), rivals))


def _version(entry: dict[str, Any]) -> str | None:
    """Which rival's configuration a call carries."""
    body = entry["body"] or {}
    entities = body.get("config", body).get("served_entities")
    return _version_of(entities[0]) if entities else None


def _version_of(entity: dict[str, Any]) -> str:
    if "external_model" not in entity:
        return str(entity["entity_version"])
    model = entity["external_model"]["name"]
    return next(version for version, name in _MODELS.items() if name == model)


def _one_won(real: Emulator, codes: list[int], versions: list[str]) -> None:
    assert sorted(codes) == [0, 12], codes
    winner = versions[codes.index(0)]
    assert _version_of(real.endpoint("e")["config"]["served_entities"][0]) == winner
    accepted = [
        entry for entry in real.writes() if entry["status"] == 200 and _version(entry) is not None
    ]
    assert [_version(entry) for entry in accepted] == [winner]
    assert real.names() == ["e"]


@pytest.mark.parametrize(
    "turn", [0, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (1, 2, 3))]
)
@pytest.mark.parametrize("stage", ["create", "update"])
def test_two_appliers_planned_at_the_same_time(
    real: Emulator,
    rivals: list[Project],
    record_property: Callable[[str, object], None],
    stage: str,
    turn: int,
) -> None:
    if stage == "update":
        _declare(rivals[0], 1, "both")
        Cli(rivals[0].root).apply()
    for rival, version, tag in zip(rivals, (2, 3), ("left", "right"), strict=True):
        _declare(rival, version, tag if turn % 2 else "both")
    real.forget()
    ended = _duel(rivals)
    _one_won(real, [code for code, _ in ended], ["2", "3"])
    last = _last_write_of_loser(real, ended)
    assert last is None or last < max(_accepted(real))
    loser = rivals[[code for code, _ in ended].index(12)]
    Cli(loser.root).apply()
    assert Cli(loser.root).settled()
    record_property("matrix", f"two appliers: {stage}")


def _accepted(real: Emulator) -> list[int]:
    return [n for n, entry in enumerate(real.writes()) if entry["status"] == 200]


def _last_write_of_loser(real: Emulator, ended: list[tuple[int, str]]) -> int | None:
    loser = ["2", "3"][[code for code, _ in ended].index(12)]
    found = [
        n
        for n, entry in enumerate(real.writes())
        if entry["status"] == 200 and _version(entry) == loser
    ]
    return found[-1] if found else None


@pytest.mark.parametrize("stage", ["create", pytest.param("update", marks=pytest.mark.exhaustive)])
def test_the_second_finds_the_first_done(real: Emulator, rivals: list[Project], stage: str) -> None:
    """Planned before the first wrote, executed after: not one write."""
    if stage == "update":
        _declare(rivals[0], 1, "left")
        Cli(rivals[0].root).apply()
    _declare(rivals[0], 2, "left")
    _declare(rivals[1], 3, "right")
    with connected(Settings(project=rivals[1].root, verbosity=0), "dev") as session:
        plan, _ = session.compare(Selection())
        Cli(rivals[0].root).apply()
        real.forget()
        outcome = apply(plan, session.workspace, Options())
    assert exit_code(outcome) == 12
    assert "changed after the plan was made" in (outcome.endpoints[0].error or "")
    assert real.writes() == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("stage", ["create", "update"])
def test_two_processes(
    real: Emulator,
    rivals: list[Project],
    record_property: Callable[[str, object], None],
    stage: str,
) -> None:
    if stage == "update":
        _declare(rivals[0], 1, "both", slowly=True)
        Cli(rivals[0].root).apply()
    for rival, version in zip(rivals, (2, 3), strict=True):
        _declare(rival, version, "both", slowly=True)
    real.forget()
    # Both have planned before the first write takes effect.
    fault(real, effect="none", delay_seconds=2)
    runs = [start(rival) for rival in rivals]
    texts = [run.communicate(timeout=HANG) for run in runs]
    codes = [run.returncode for run in runs]
    assert sorted(codes) == [0, 12], texts
    _one_won(real, codes, ["2", "3"])
    # Who lost remembers nothing of it.
    [(path, file)] = [item for item in real.export()["files"].items() if "content" in item[1]]
    assert path == "/Shared/.provisioner/shop/dev.json"
    [entry] = json.loads(base64.b64decode(file["content"]))["endpoints"].values()
    [entity] = entry["document"]["config"]["served_entities"].values()
    assert entity["entity_version"] == ["2", "3"][codes.index(0)]
    record_property("matrix", f"two processes: {stage}")


@pytest.mark.exhaustive
def test_same_declaration_twice_is_no_conflict(real: Emulator, rivals: list[Project]) -> None:
    """Two pipelines of the same commit: one endpoint, one configuration, nothing left to do."""
    for rival in rivals:
        _declare(rival, 2, "left")
    codes = [code for code, _ in _duel(rivals)]
    assert set(codes) <= {0, 12}
    assert 0 in codes
    assert real.names() == ["e"]
    assert Cli(rivals[0].root).settled()


def test_nobody_is_left_waiting(slow: Emulator, project: Project, cli: Cli) -> None:
    """A rival's update in flight is waited for, and what it changed is then noticed."""
    project.host = slow.url
    project.environment()
    project.endpoint("e", serving(custom()))
    cli.apply("--no-wait")
    slow.admin("POST", "clock", {"advance_seconds": 3600})
    project.endpoint("e", serving(custom(version="2")))
    with connected(Settings(project=project.root, verbosity=0), "dev") as session:
        plan, _ = session.compare(Selection())
        body = {"served_entities": [custom(version="3")]}
        slow.fault("PUT", f"{ENDPOINTS}/e/config", times=1, effect="none", delay_seconds=0)
        with ThreadPoolExecutor(1) as pool:
            slow.call("PUT", f"{ENDPOINTS}/e/config", body)
            slow.forget()
            run = pool.submit(apply, plan, session.workspace, Options())
            until(slow.requests, "the first look")
            outcome = run.result(timeout=HANG)
    assert exit_code(outcome) == 12
    assert slow.writes() == []
