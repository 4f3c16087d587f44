"""The workspace that lives inside the command, with its state under the project."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.errors import ProjectInvalid, Refused, error


def state_file(root: Path) -> Path:
    """Where the embedded workspace of a project keeps its state."""
    return root / ".provisioner" / "workspace.json"


@contextmanager
def running(root: Path) -> Iterator[str]:
    """Run the project's embedded workspace; gives its URL."""
    try:
        from provisioner import emulator
        from provisioner.emulator import server as _server  # noqa: F401 - needs the extra
    except ImportError as failure:
        raise ProjectInvalid(
            error(
                "extra-missing",
                f"the embedded workspace needs a package that is not installed: {failure.name}",
                "pip install 'endpoint-provisioner[local]'",
            )
        ) from failure
    state = state_file(root)
    state.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(state.parent / "lock"):
        try:
            with emulator.running(state, clock="real") as url:
                yield url
        except emulator.StateUnusable as failure:
            raise ProjectInvalid(
                error("emulator-state", str(failure), "provisioner emulator reset")
            ) from failure


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold the state alone; the system lets go of it even if this process is killed."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            raise Refused(
                "cannot open the embedded workspace: another command is using it",
                "wait for it, or share one: provisioner emulator serve",
            ) from failure
        yield
