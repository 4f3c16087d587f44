"""How an apply goes: a live table on a terminal, one line per change of state elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, cast

from provisioner.apply import Progress
from provisioner.cli import output
from provisioner.cli.applying import events
from provisioner.report.problems import printable

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

Report = Callable[[Progress], None]


@contextmanager
def shown() -> Iterator[Report]:
    """Give a function that shows what it is told, for as long as the block lasts."""
    record = events.current().progress
    with _table() if sys.stderr.isatty() else nullcontext(_line) as show:

        def report(progress: Progress) -> None:
            record(progress)
            show(progress)

        yield report


def _line(progress: Progress) -> None:
    output.note(f"{progress.name}: {printable(progress.text)}")


@contextmanager
def _table() -> Iterator[Report]:
    from rich.console import Console
    from rich.live import Live

    board = _Board()
    file = cast("IO[str]", output.Enduring())
    console = Console(file=file, no_color=output.is_plain(), highlight=False)
    with Live(board, console=console, refresh_per_second=8):
        yield board.tell


class _Board:
    """What every endpoint does right now, and for how long."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._now: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def tell(self, progress: Progress) -> None:
        """Take note of what an endpoint does now."""
        with self._lock:
            self._now[progress.name] = (progress.text, time.monotonic())

    def __rich__(self) -> ConsoleRenderable:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        with self._lock:
            for name, (text, since) in sorted(self._now.items()):
                seconds = time.monotonic() - since
                waiting = text.startswith("waiting")
                age = f"{seconds:.0f} s" if waiting else ""
                table.add_row(Text(name), Text(printable(text)), Text(age, style="dim"))
        return table
