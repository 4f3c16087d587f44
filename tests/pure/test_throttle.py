"""Pacing, throttling and retrying: how calls are spread over time."""

from __future__ import annotations

import threading

import pytest
import requests

from provisioner.errors import Unavailable
from provisioner.workspace.pacing import Pace
from provisioner.workspace.retries import RetryClock
from provisioner.workspace.sdk import errors
from provisioner.workspace.throttle import Throttle


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_pace_lets_a_burst_through_and_then_waits_for_the_window() -> None:
    time = FakeTime()
    pace = Pace(3, 300, clock=time, sleep=time.sleep)
    moments = []
    for _ in range(7):
        pace.wait_for_turn()
        moments.append(time.now)
    assert moments == [0, 0, 0, 300, 300, 300, 600]


def test_throttle_halves_on_a_complaint_and_recovers_call_by_call() -> None:
    throttle = Throttle(8)
    throttle.slow_down()
    assert throttle.allowed == 4
    for _ in range(5):
        with throttle.slot():
            pass
    assert throttle.allowed == 5
    for _ in range(10):
        throttle.slow_down()
    assert throttle.allowed == 1


def test_throttle_never_lets_more_through_than_allowed() -> None:
    throttle = Throttle(2)
    active, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(6)

    def call() -> None:
        nonlocal active, most
        barrier.wait()
        with throttle.slot():
            with lock:
                active += 1
                most = max(most, active)
            threading.Event().wait(0.01)
            with lock:
                active -= 1

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_what_was_stopped_begins_no_call_and_repeats_none() -> None:
    throttle = Throttle(1)
    clock = RetryClock(throttle)
    with throttle.slot():
        throttle.stop()
        clock.started(writes=False)
        with pytest.raises(requests.ConnectionError):
            _handle(clock, requests.ConnectionError("gone"))
    with pytest.raises(Unavailable), throttle.slot():
        pytest.fail("a call began")


def test_a_write_is_not_repeated_after_a_broken_connection() -> None:
    clock = RetryClock(Throttle(4))
    clock.started(writes=True)
    with pytest.raises(requests.ConnectionError):
        _handle(clock, requests.ConnectionError("gone"))
    assert not clock.repeated


def test_a_read_is_repeated_after_a_broken_connection() -> None:
    clock = RetryClock(Throttle(4))
    clock.started(writes=False)
    _handle(clock, requests.ConnectionError("gone"))
    assert clock.repeated


def test_a_complaint_of_too_many_calls_slows_everybody_down() -> None:
    throttle = Throttle(4)
    clock = RetryClock(throttle)
    clock.started(writes=True)
    _handle(clock, errors.TooManyRequests("slow down"))
    assert clock.repeated
    assert throttle.allowed == 2


def _handle(clock: RetryClock, failure: Exception) -> None:
    """Sleep as the SDK does: while it handles the error for which it repeats."""
    try:
        raise failure
    except type(failure):
        clock.sleep(0)
