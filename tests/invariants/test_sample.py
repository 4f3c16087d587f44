"""The project of this repository: apply, then nothing is left to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from ..conftest import Cli, Emulator, Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sample(tmp_path: Path, emulator: Emulator, signed_in: pytest.MonkeyPatch) -> Cli:  # noqa: ARG001
    """The files of the repository, with ``local`` on the shared workspace as ``dev``."""
    root = tmp_path / "sample"
    for folder in ("endpoints", "environments"):
        shutil.copytree(ROOT / folder, root / folder)
    local = yaml.safe_load((root / "environments" / "local.yaml").read_text())
    local["workspace"] = {"host": emulator.url}
    del local["record"]
    (root / "environments" / "dev.yaml").write_text(yaml.safe_dump(local))
    return Cli(root)


def test_every_environment_is_valid(sample: Cli) -> None:
    run = sample("validate", expect=0)
    assert "error" not in run.out + run.err


def test_apply_then_nothing_is_left(sample: Cli, emulator: Emulator) -> None:
    names = [path.stem for path in (ROOT / "endpoints").glob("*.yaml")]
    sample.apply()
    hosted = {
        entry["name"]
        for entry in emulator.call("GET", "/api/2.0/serving-endpoints")["endpoints"]
        if "id" not in entry
    }
    assert {*emulator.names(), *hosted} >= {*names} - {*_governing()}
    assert sample.settled(), sample.plan().out
    sample("drift", "-e", "dev", expect=0)
    emulator.forget()
    sample.apply()
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}


def _governing() -> list[str]:
    return [
        path.stem for path in (ROOT / "endpoints").glob("*.yaml") if "governs:" in path.read_text()
    ]


def test_the_record_may_be_lost_at_any_time(sample: Cli, emulator: Emulator) -> None:
    sample.apply()
    files = [path for path in emulator.export()["files"] if path.endswith(".json")]
    assert files
    emulator.seed(files=dict.fromkeys(files))
    assert sample.settled()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"format_version": 99}', b"\xff\xfe"])
def test_a_record_that_cannot_be_used_is_one_warning(
    project: Project, cli: Cli, emulator: Emulator, content: bytes
) -> None:
    project.environment(record="memory.json")
    project.endpoint("e", {"config": None, "tags": {"a": "1"}})
    cli.apply()
    project.endpoint("e", {"config": None, "tags": {"a": "2"}})
    (project.root / "memory.json").unlink()
    expected = cli.plan().json
    (project.root / "memory.json").write_bytes(content)
    found = cli.plan().json
    assert found["fingerprint"] == expected["fingerprint"]
    assert found["endpoints"] == expected["endpoints"]
    [problem] = found["problems"]
    assert (problem["code"], problem["severity"]) == ("record-unusable", "warning")
    assert cli("plan", "-e", "dev", expect=0).out.count("warning[") == 1
    cli.apply()
    assert {tag["key"]: tag["value"] for tag in emulator.endpoint("e")["tags"]}["a"] == "2"


def test_a_record_that_cannot_be_written_is_one_warning(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", {"config": None})
    emulator.fault(
        "POST", "/api/2.0/workspace-files/.*", status=403, error_code="PERMISSION_DENIED"
    )
    run = cli.apply()
    assert run.err.count("warning[record-not-written]") == 1
    assert emulator.names() == ["e"]
    assert cli.settled()
