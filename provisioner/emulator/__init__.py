"""An emulated Databricks workspace: a real HTTP server that behaves like the serving API.

A world of its own. It shares nothing with the rest of the tool but the catalog's facts, so that
it cannot share a mistake either. Importing this package is cheap; the server is only imported
when one is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from provisioner.emulator.errors import StateUnusable

__all__ = ["Clock", "StateUnusable", "running", "serve"]

Clock = Literal["real", "instant", "manual"]


@contextmanager
def running(
    state: Path | None = None,
    *,
    clock: Clock = "instant",
    host: str = "127.0.0.1",
    port: int = 0,
    region: str = "",
) -> Iterator[str]:
    """Run a workspace in a thread of this process, for as long as the block lasts.

    Gives its base URL. ``state`` None keeps it in memory; a path keeps it in that file, which
    is created if absent. ``region`` moves the workspace there. Raises `StateUnusable` for a file
    that cannot be read.
    """
    from provisioner.emulator.server import running as run

    with run(state, clock=clock, host=host, port=port, region=region) as url:
        yield url


def serve(
    *,
    host: str,
    port: int,
    state: Path | None,
    clock: Clock,
    region: str = "",
    announce: Callable[[str], None],
) -> None:
    """Serve a workspace until SIGINT or SIGTERM, then return.

    ``announce`` is called with the base URL once requests are answered. Raises `StateUnusable`
    for a state file that cannot be read, and `OSError` where the address cannot be bound.
    """
    from provisioner.emulator.server import serve as run

    run(host=host, port=port, state=state, clock=clock, region=region, announce=announce)
