"""What holds for every endpoint that can be written, shown on generated ones."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from provisioner.report import machine

from ..conftest import Cli, Emulator, Project, external, serving, throughput
from . import specs
from .specs import Spec

_CALM = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    # An example takes a second; making a failing one smaller would take minutes.
    phases=(Phase.explicit, Phase.generate),
)
FEW, MANY = settings(_CALM, max_examples=4), settings(_CALM, max_examples=40)
KINDS = list(specs.KINDS)


@pytest.fixture(autouse=True)
def _as_somebody(signed_in: pytest.MonkeyPatch) -> None:
    """Every example runs with the same token."""


@contextmanager
def fresh(workspace: Emulator) -> Iterator[tuple[Project, Cli]]:
    """An empty workspace and an empty project."""
    workspace.reset()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), workspace.url)
        yield project, Cli(project.root)


def _settles(workspace: Emulator, cli: Cli) -> None:
    """Apply does what the plan says, in its order; then nothing is left to do."""
    workspace.forget()
    plan = cli.plan()
    promised = {
        entry["name"]: [(step["call"], step["body"]) for step in entry["steps"]]
        for entry in plan.json["endpoints"]
    }
    run = cli("apply", "-e", "dev", "--auto-approve")
    assert run.code == 0, f"{run.out}\n{run.err}"
    for name, steps in promised.items():
        found = workspace.endpoint(name)["id"]
        sent = [
            (f"{entry['method']} {entry['path']}".replace(found, "{id}"), entry["body"])
            for entry in workspace.writes()
        ]
        assert sent == [(call.replace(found, "{id}"), body) for call, body in steps]
    left = cli.plan()
    assert left.json["summary"]["none"] == len(promised), left.out
    assert not [c for entry in left.json["endpoints"] for c in entry["changes"]], left.out
    workspace.forget()
    cli.apply()
    assert {entry["method"] for entry in workspace.requests()} == {"GET"}


def _life(workspace: Emulator, before: Spec, after: Spec) -> None:
    with fresh(workspace) as (project, cli):
        project.endpoint("e", before)
        _settles(workspace, cli)
        project.endpoint("e", after)
        note(json.dumps(cli.plan().changes("e"), indent=1))
        workspace.forget()
        released = _released(before, after)
        if not released:
            _settles(workspace, cli)
            return
        cli.apply()
        cli.apply()
        assert cli.settled(), cli.plan().out


def _released(before: Spec, after: Spec) -> bool:
    """Whether a block is let go, which a plan says once more than it does."""
    return any(key in before and key not in after for key in ("ai_gateway", "permissions"))


@pytest.mark.parametrize("kind", KINDS)
def test_apply_then_plan_is_empty(workspace: Emulator, kind: str) -> None:
    @FEW
    @given(specs.edited(kind))
    def check(specs_: tuple[Spec, Spec]) -> None:
        _life(workspace, *specs_)

    check()


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_apply_then_plan_is_empty_at_length(workspace: Emulator, kind: str) -> None:
    @MANY
    @given(specs.edited(kind))
    def check(specs_: tuple[Spec, Spec]) -> None:
        _life(workspace, *specs_)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_order_does_not_matter(workspace: Emulator, kind: str) -> None:
    @FEW
    @given(specs.two_orders(kind))
    def check(specs_: tuple[Spec, Spec]) -> None:
        one, two = specs_
        with fresh(workspace) as (project, cli):
            project.endpoint("e", one)
            cli.apply()
            project.endpoint("e", two)
            assert cli.settled(), cli.plan().out

    check()


def test_order_of_lists_does_not_move_the_fingerprint(workspace: Emulator) -> None:
    limits = [{"key": key, "renewal_period": "minute", "calls": 1} for key in ("user", "endpoint")]
    one = serving(external(name="a"), external(name="b"), a=50, b=50)
    two = serving(external(name="b"), external(name="a"), b=50, a=50)
    with fresh(workspace) as (project, cli):
        project.endpoint("e", one, ai_gateway={"rate_limits": limits})
        before = cli.plan().json["fingerprint"]
        project.endpoint("e", two, ai_gateway={"rate_limits": limits[::-1]})
        assert cli.plan().json["fingerprint"] == before


def test_an_explicit_null_of_a_new_endpoint(workspace: Emulator) -> None:
    with fresh(workspace) as (project, cli):
        project.endpoint("e", serving(throughput()), ai_gateway=None)
        cli.apply()
        assert cli.settled()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_plan_comes_back_as_it_was(workspace: Emulator, kind: str) -> None:
    @FEW
    @given(specs.edited(kind))
    def check(specs_: tuple[Spec, Spec]) -> None:
        before, after = specs_
        with fresh(workspace) as (project, cli):
            saved = project.root / "plan.json"
            for spec in (before, after):
                project.endpoint("e", spec)
                cli.plan("--out", saved)
                plan = machine.load_plan(saved.read_bytes(), "plan.json")
                assert machine.dump(plan) == saved.read_text().rstrip("\n")
                run = cli("apply", "-e", "dev", saved)
                assert run.code == 0, run.out + run.err

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_only_adds_reasons(workspace: Emulator, kind: str) -> None:
    """Whatever was applied, without a memory of it nothing is left to do either."""

    @FEW
    @given(specs.endpoint(kind))
    def check(spec: Spec) -> None:
        with fresh(workspace) as (project, cli):
            project.environment(record="record.json")
            project.endpoint("e", spec)
            cli.apply()
            (project.root / "record.json").unlink()
            assert cli.settled(), cli.plan().out

    check()


def test_several_endpoints_side_by_side(workspace: Emulator) -> None:
    @FEW
    @given(st.tuples(*(specs.endpoint(kind) for kind in KINDS)))
    def check(found: tuple[Any, ...]) -> None:
        with fresh(workspace) as (project, cli):
            for kind, spec in zip(KINDS, found, strict=True):
                project.endpoint(kind, spec)
            cli.apply()
            assert workspace.names() == sorted(KINDS)
            assert cli.settled(), cli.plan().out

    check()
