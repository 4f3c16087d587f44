"""Running the programs that a project names as sources of secrets."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a program may take; it has nobody to ask."""
_SIDE_BY_SIDE = 8
_TAIL = 4096
"""Bytes that are kept of what a program says about itself."""


@dataclass(frozen=True)
class Answer:
    """How a program ended."""

    output: bytes = b""
    """What it wrote, up to the limit and one byte more."""
    problem: str = ""
    """Why there is no answer, in words; empty = it ended well."""
    said: bytes = b""
    """The end of what it wrote to stderr."""


def run_all(
    commands: Iterable[tuple[str, ...]], folder: Path, most: int
) -> dict[tuple[str, ...], Answer]:
    """Run each command once, some side by side, in ``folder``; read at most ``most`` bytes."""
    waiting = list(dict.fromkeys(commands))
    found: dict[tuple[str, ...], Answer] = {}
    for start in range(0, len(waiting), _SIDE_BY_SIDE):
        running = [_Program(command, folder) for command in waiting[start : start + _SIDE_BY_SIDE]]
        try:
            found |= {program.command: program.answer(most) for program in running}
        finally:
            for program in running:
                program.end()
    return found


class _Program:
    """One program, in a group of its own so that it ends with all that it started."""

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self.command = command
        self._late = False
        self._said = bytearray()
        self._problem = ""
        try:
            # The project says which program, and no shell looks at the words.
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as failure:
            self._process = None
            self._problem = f"cannot be run: {getattr(failure, 'strerror', None) or failure}"
            return
        self._timer = threading.Timer(PATIENCE, self._stop)
        self._timer.start()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def answer(self, most: int) -> Answer:
        """Wait for its end and tell how it went."""
        process = self._process
        if process is None or process.stdout is None:
            return Answer(problem=self._problem)
        output = process.stdout.read(most + 1)
        if len(output) <= most:
            code = process.wait()
            self._listener.join(1.0)
            if self._late:
                self._problem = f"did not end in {PATIENCE:g} seconds"
            elif code:
                self._problem = f"ended with {code}"
        return Answer(output, self._problem, bytes(self._said[-_TAIL:]))

    def end(self) -> None:
        """Leave nothing running."""
        if self._process is None:
            return
        self._timer.cancel()
        self._kill()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _stop(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return  # it has ended already

    def _listen(self) -> None:
        stream = self._process.stderr if self._process else None
        while stream and (part := stream.read1(_TAIL)):  # type: ignore[attr-defined]
            self._said += part
            del self._said[: -2 * _TAIL]
