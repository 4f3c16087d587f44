"""``--events``: what happens, written to a file line by line for those who watch a run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from io import RawIOBase
from pathlib import Path
from typing import Any

import click

from provisioner.apply import Progress
from provisioner.cli import output
from provisioner.errors import ExitCode, ProvisionerError, error, warning
from provisioner.plan import Plan
from provisioner.plan.event import Event, Kind
from provisioner.plan.outcome import Outcome, Result
from provisioner.report import machine

_KEY = f"{__name__}.events"


def option(command: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """``--events FILE``; the command finds what to tell it with `current`."""

    @functools.wraps(command)
    def recorded(*arguments: Any, events: Path | None, **named: Any) -> ExitCode:
        if events is None:
            return command(*arguments, **named)
        try:
            file = events.open("wb", buffering=0)
        except OSError as failure:
            raise click.UsageError(f"cannot write --events: {failure.strerror}: {events}") from None
        with file:
            tell = Events(file, named["environment"])
            click.get_current_context().meta[_KEY] = tell
            return tell.around(lambda: command(*arguments, **named))

    return click.option(
        "--events",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write what happens to FILE as it happens, a line of JSON for each event.",
    )(recorded)


def current() -> Events:
    """Where to tell what happens; without ``--events`` it is written nowhere."""
    found: Events | None = click.get_current_context().meta.get(_KEY)
    return found or Events(None, "")


class Events:
    """Writes events, each at once and whole, from any thread."""

    def __init__(self, file: RawIOBase | None, environment: str) -> None:
        self._file = file
        self._environment = environment
        self._number = 0
        self._lock = threading.Lock()

    def around(self, run: Callable[[], ExitCode]) -> ExitCode:
        """Run a command between its first and its last event, which comes in any case."""
        self._tell(Kind.STARTED)
        try:
            code = run()
        except ProvisionerError as failure:
            self._tell(Kind.ENDED, exit_code=failure.exit_code, problems=failure.problems())
            raise
        except (KeyboardInterrupt, click.Abort):
            self._tell(Kind.ENDED, exit_code=ExitCode.INTERRUPTED)
            raise
        except click.UsageError as failure:
            problem = error("usage", failure.format_message())
            self._tell(Kind.ENDED, exit_code=ExitCode.USAGE, problems=(problem,))
            raise
        except BrokenPipeError:
            self._tell(Kind.ENDED, exit_code=ExitCode.FAILED)
            raise
        except BaseException:
            self._tell(Kind.ENDED, exit_code=ExitCode.BUG)
            raise
        self._tell(Kind.ENDED, exit_code=code)
        return code

    def planned(self, plan: Plan) -> None:
        """Tell what is going to be applied."""
        self._tell(Kind.PLANNED, fingerprint=plan.fingerprint, summary=plan.summary)

    def progress(self, progress: Progress) -> None:
        """Tell that an endpoint went on."""
        self._tell(Kind.PROGRESS, endpoint=progress.name, text=progress.text)

    def outcome(self, outcome: Outcome) -> None:
        """Tell how all endpoints ended, and what their checks said."""
        for ended in outcome.endpoints:
            if ended.result is not Result.SKIPPED:
                back = ended.name in outcome.rolled_back
                self._tell(
                    Kind.ENDPOINT,
                    endpoint=ended.name,
                    action=ended.action,
                    result=ended.result,
                    text="rolled back, since its checks failed" if back else ended.error,
                    error_code=ended.error_code,
                )
        for checked in outcome.verification.endpoints if outcome.verification else ():
            passed = sum(verdict.ok for verdict in checked.verdicts)
            self._tell(
                Kind.VERIFIED,
                endpoint=checked.name,
                result=Result.DONE if checked.ok else Result.FAILED,
                text=f"{passed} of {len(checked.verdicts)} checks passed",
            )

    def _tell(self, kind: Kind, **told: Any) -> None:
        if self._file is None:
            return
        with self._lock:
            self._number += 1
            now = datetime.now(tz=timezone.utc).isoformat(timespec="milliseconds")
            event = Event(kind, self._number, now, self._environment, **told)
            try:
                self._file.write(f"{machine.line(event)}\n".encode())
            except OSError as failure:
                # What is being applied matters more than its protocol.
                self._file = None
                words = f"cannot write events any more: {failure.strerror}"
                output.show_problems([warning("events-not-written", words, "the run goes on")])
