"""Files that commands write: whole or not at all, and a clear error instead of a bug."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..conftest import Cli, Emulator, Project, Run, custom, external, serving

SETPRIV = shutil.which("setpriv")
BOUND = [str(SETPRIV), "--bounding-set=-dac_override,-dac_read_search"]
BOUND_BY_MODES = pytest.mark.skipif(
    os.geteuid() == 0 and not SETPRIV, reason="nothing keeps root from writing"
)
SOURCE = "OPENAI_KEY_OF_TEST"


@contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    """Files of this process grow to ``size`` bytes and no further, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def as_user(project: Project, *arguments: str) -> Run:
    """Run a command as somebody whom the modes of folders bind, as they do not bind root."""
    prefix = BOUND if os.geteuid() == 0 else []
    command = [*prefix, sys.executable, "-m", "provisioner", "--project", str(project.root)]
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    return Run(run.returncode, run.stdout, run.stderr)


def flowing(run: Run) -> str:
    """What was said, without line breaks."""
    return " ".join(run.err.split())


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    for folder in folders:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o755)


Save = Callable[..., Run]


@pytest.fixture(params=["plan", "secrets sync"])
def save(
    request: pytest.FixtureRequest, project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> Save:
    """A command that saves what is to be reviewed."""
    signed_in.setenv(SOURCE, "value-of-the-key")
    project.environment(secrets={"llm/openai_api_key": {"env": SOURCE}})
    project.endpoint("e", serving(external()))

    def saved(to: str | Path, expect: int | None = None) -> Run:
        return cli(*request.param.split(), "-e", "dev", "--out", to, expect=expect)

    return saved


def test_the_folder_is_made(save: Save, tmp_path: Path) -> None:
    to = tmp_path / "new" / "folder" / "p.json"
    assert f"saved to {to}" in save(to, expect=0).err
    assert to.read_text().startswith("{")
    assert [path.name for path in to.parent.iterdir()] == ["p.json"]


def test_what_cannot_be_written_is_said_before_anything_is_asked(
    save: Save, tmp_path: Path, emulator: Emulator
) -> None:
    (tmp_path / "file").write_text("not a folder")
    to = tmp_path / "file" / "p.json"
    run = save(to, expect=1)
    assert f"error[answer-not-written]: cannot write {to}: Not a directory" in flowing(run)
    assert "the name of the file is empty" in save("", expect=64).err
    assert "is a folder" in save(tmp_path, expect=64).err
    assert emulator.requests() == []


def test_a_full_disk_leaves_the_old_file(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    save(folder / "p.json", expect=0)
    before = (folder / "p.json").read_bytes()
    with disk_with_room_for(16):
        run = save(folder / "p.json", expect=1)
    told = f"error[answer-not-written]: cannot write {folder / 'p.json'}: File too large"
    assert told in flowing(run)
    assert "bug" not in run.err
    assert (folder / "p.json").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["p.json"]


def test_a_device_is_written_to_and_not_replaced(save: Save) -> None:
    save("/dev/null", expect=0)
    assert not Path("/dev/null").is_file()


def test_a_link_stays_a_link(save: Save, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    save(tmp_path / "link.json", expect=0)
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text().startswith("{")


@BOUND_BY_MODES
@pytest.mark.usefixtures("signed_in")
def test_a_project_that_may_not_be_written_to(project: Project) -> None:
    project.environment("local", workspace={"emulator": "embedded"})
    project.endpoint("chat", {"config": {"served_models": [custom()]}})
    folders = project.root, project.root / "endpoints"
    with read_only(*folders):
        fixed = as_user(project, "validate", "--fix", "--yes")
        assert fixed.code == 5, fixed.err
        assert "error[refused]: cannot write" in fixed.err
        for command in (["plan"], ["apply", "--auto-approve"], ["import"]):
            run = as_user(project, *command, "-e", "local")
            assert run.code == 4, run.err
            assert "error[emulator-state]: cannot keep the embedded workspace in" in run.err
            assert "bug" not in run.err
            assert "Permission denied" in run.err


@BOUND_BY_MODES
@pytest.mark.usefixtures("signed_in")
def test_import_into_a_folder_that_may_not_be_written_to(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    path = project.endpoint("chat", serving(external()))
    cli.apply()
    path.unlink()
    with read_only(project.root / "endpoints"):
        run = as_user(project, "import", "chat", "-e", "dev")
    assert (run.code, run.out) == (1, "")
    assert "cannot write" in run.err
    assert "Permission denied" in run.err
    assert list((project.root / "endpoints").iterdir()) == []
    assert emulator.names() == ["chat"]
