"""Several writers of one record: whatever the order of their calls, nothing is forgotten.

Writers run in threads of which one at a time may go on. Each stops before every call to the
store, so a list of numbers, which of those that wait goes next, is the whole order of events.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import record
from provisioner.cli.environment.memory import Memory
from provisioner.cli.environment.replacing import DEAD_AFTER, Replacing
from provisioner.record import Entry, Record
from provisioner.workspace.gateway import Workspace

PATH = "/Workspace/Shared/.provisioner/shop/dev.json"
KEPT = "before"
"""An endpoint that nobody touches."""


class Killed(BaseException):
    """What the process would have felt."""


@dataclass
class Files:
    """A file store without any compare-and-set."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read_file(self, path: str) -> bytes | None:
        return self.files.get(path)

    def create_file(self, path: str, content: bytes) -> bool:
        return self.files.setdefault(path, content) is content

    def write_file(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def delete_file(self, path: str) -> None:
        self.files.pop(path, None)

    def remembers(self) -> set[str]:
        """Endpoints in the record."""
        return set(json.loads(self.files[PATH])["endpoints"])


class Writer:
    """One run that remembers an endpoint of its own; a store that asks before every call."""

    def __init__(self, name: str, stage: Stage, first: Record) -> None:
        self.name = name
        self._stage = stage
        self._go = threading.Semaphore(0)
        self.waits_for: str | None = None
        """The call that it is about to make; ``None`` = it has ended."""
        self.wakes_at = 0.0
        self.calls = 0
        self.killed: str | None = None
        self.problem: Any = None
        memory = Memory(cast(Workspace, self), Path(), PATH)
        memory._file = Replacing(self, PATH, lambda: stage.now, self.sleep, print)
        # What it read when it began, maybe long ago.
        memory._content = None if first == Record() else record.dump(first)
        memory._began = first
        self._memory = memory
        self._value = first.applied(name, "1", {"tags": {"by": name}})
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.waits_for = "start"
        self._thread.start()

    def _run(self) -> None:
        self._go.acquire()
        with suppress(Killed):
            self.problem = self._memory.save(self._value)
        self.waits_for = None
        self._stage.parked.release()

    def goes_on(self) -> None:
        """Let it make its call, and wait until it is about to make the next one."""
        self._go.release()
        self._stage.parked.acquire()

    def _parks(self, call: str) -> None:
        self.waits_for = call
        self._stage.parked.release()
        self._go.acquire()
        self._dies("before", call)

    def _dies(self, when: str, call: str) -> None:
        if self._stage.kills(self, when, self.calls):
            self.killed = f"{when} {call}"
            raise Killed

    def _call(self, call: str, what: Callable[[], Any]) -> Any:
        self.calls += 1
        self._parks(call)
        result = what()
        self._dies("after", call)
        if self._stage.stalls(self, self.calls):
            # Its process stands still, after the call and before the next look at the clock,
            # until the others may have given it up.
            self.wakes_at = self._stage.now + DEAD_AFTER
            self._parks("stall")
            self.wakes_at = 0.0
        return result

    def sleep(self, seconds: float) -> None:
        self.wakes_at = self._stage.now + seconds
        self._parks("sleep")
        self._stage.now = max(self._stage.now, self.wakes_at)
        self.wakes_at = 0.0

    def read_file(self, path: str) -> bytes | None:
        return cast("bytes | None", self._call("read", lambda: self._stage.files.read_file(path)))

    def create_file(self, path: str, content: bytes) -> bool:
        return bool(self._call("create", lambda: self._stage.files.create_file(path, content)))

    def write_file(self, path: str, content: bytes) -> None:
        self._call("write", lambda: self._stage.files.write_file(path, content))

    def delete_file(self, path: str) -> None:
        self._call("delete", lambda: self._stage.files.delete_file(path))


class Stage:
    """Plays writers in one order of events."""

    def __init__(
        self,
        names: Iterable[str],
        choices: Iterable[int],
        *,
        kill: tuple[str, int] | None = None,
        stall: int | None = None,
        empty: bool = False,
        since: float = 0.0,
    ) -> None:
        self.files, self.now = Files(), 0.0
        self.parked = threading.Semaphore(0)
        self.taken: list[tuple[int, int]] = []
        """Which of how many went on, at every turn from ``since`` on where there was a choice."""
        self._kill, self._stall, self._since = kill, stall, since
        first = Record()
        if not empty:
            first = Record({KEPT: Entry("0", {})}, salt="s", revision=7)
            self.files.write_file(PATH, record.dump(first))
        self.writers = [Writer(name, self, first) for name in names]
        self.play(self.writers, iter(choices))

    def record(self) -> Record:
        """The record as it is now."""
        content = self.files.read_file(PATH)
        return Record() if content is None else record.parse(content)

    def kills(self, writer: Writer, when: str, number: int) -> bool:
        return writer is self.writers[0] and self._kill == (when, number)

    def stalls(self, writer: Writer, number: int) -> bool:
        return writer is self.writers[0] and self._stall == number

    def play(self, writers: list[Writer], choices: Iterator[int]) -> None:
        """Let writers run to their end."""
        for writer in writers:
            writer.start()
        while alive := [writer for writer in writers if writer.waits_for]:
            awake = [writer for writer in alive if writer.wakes_at <= self.now]
            if not awake:
                # Time passes only when nobody has anything else to do: calls are fast.
                awake = [min(alive, key=lambda one: (one.waits_for == "stall", one.wakes_at))]
            if len(awake) > 1 and self.now >= self._since:
                which = next(choices, 0) % len(awake)
                self.taken.append((which, len(awake)))
            else:
                which = 0
            awake[which].goes_on()


def orders(play: Callable[[list[int]], Stage], depth: int | None = None) -> Iterator[Stage]:
    """Every order of events, each once; or all that differ in their first ``depth`` turns."""
    choices: list[int] | None = []
    while choices is not None:
        stage = play(choices)
        yield stage
        taken = stage.taken[:depth]
        while taken and taken[-1][0] == taken[-1][1] - 1:
            taken.pop()
        choices = [which for which, _ in taken[:-1]] + [taken[-1][0] + 1] if taken else None


def check(stage: Stage) -> None:
    """Everybody's memory is there, and whoever comes next finds nothing in the way."""
    order = (stage.taken, [writer.killed for writer in stage.writers])
    assert not any(writer.problem for writer in stage.writers), order
    living = {writer.name for writer in stage.writers if not writer.killed}
    if len(living) == len(stage.writers):
        assert list(stage.files.files) == [PATH], order
    # Killed between finding that its turn has come and taking it: others do it.
    handed_on = {writer.name for writer in stage.writers if writer.killed in _DECIDED}
    stage.play([Writer("late", stage, stage.record())], iter(()))
    assert stage.files.remembers() >= living | handed_on | {"late"}, order


_DECIDED = {"before write", "after write"}


@pytest.mark.parametrize("empty", [False, True])
def test_two_writers_in_every_order(empty: bool) -> None:
    number = 0
    for stage in orders(lambda choices: Stage("ab", choices, empty=empty)):
        check(stage)
        number += 1
    assert number > 300


_CALLS = [
    pytest.param(number, marks=[] if number in {2, 3} else pytest.mark.exhaustive)
    for number in range(1, 13)
]
"""Alone a writer makes four calls; between the second and the third its turn has come."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", _CALLS)
def test_one_of_two_is_killed_at_any_call(call: int, when: str) -> None:
    for stage in orders(lambda choices: Stage("ab", choices, kill=(when, call))):
        check(stage)


@pytest.mark.parametrize("call", _CALLS)
def test_one_of_two_stands_still_after_any_call(call: int) -> None:
    for since in (0.0, DEAD_AFTER):
        play = partial(Stage, "ab", stall=call, since=since)
        for stage in orders(play, depth=9):
            check(stage)


_CHOICES = st.lists(st.integers(0, 3), max_size=60)
_KILL = st.tuples(st.sampled_from(["before", "after"]), st.integers(0, 20))


@settings(max_examples=100, deadline=None)
@given(
    _CHOICES,
    st.integers(0, 20),
    _KILL,
)
def test_four_writers_in_any_order(choices: list[int], stall: int, kill: tuple[str, int]) -> None:
    check(Stage("abcd", choices, stall=stall, kill=kill))
