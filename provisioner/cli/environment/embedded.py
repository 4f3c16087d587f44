"""The workspace that lives inside the command, with its state under the project."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import ProjectInvalid, Refused, error


def state_file(root: Path) -> Path:
    """Where the embedded workspace of a project keeps its state."""
    return root / ".provisioner" / "workspace.json"


@dataclass
class _Shared:
    """One workspace that runs for several environments of this process."""

    url: str
    stack: ExitStack
    users: int = 0


_running: dict[Path, _Shared] = {}
_guard = threading.Lock()


@contextmanager
def running(root: Path, region: str = "") -> Iterator[str]:
    """Run the project's embedded workspace, in a region if one is given; gives its URL.

    Environments of one project share it, also when they are asked side by side: it
    starts with the first and ends with the last.
    """
    root = root.resolve()
    with _guard:
        shared = _running.get(root)
        if shared is None:
            stack = ExitStack()
            shared = _running[root] = _Shared(stack.enter_context(_alone(root, region)), stack)
        shared.users += 1
    try:
        yield shared.url
    finally:
        with _guard:
            shared.users -= 1
            if not shared.users:
                del _running[root]
                shared.stack.close()


@contextmanager
def _alone(root: Path, region: str) -> Iterator[str]:
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
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        (state.parent / "lock").touch()
    except OSError as failure:
        problem = f"cannot keep the embedded workspace in {state.parent}: {failure.strerror}"
        hint = "give the project a folder that may be written to"
        raise ProjectInvalid(error("emulator-state", problem, hint)) from failure
    with _exclusive(state.parent / "lock"):
        try:
            with emulator.running(state, clock="real", region=region) as url:
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
