"""Putting a check's question to its entity, as often as that is said to be done, and no more."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from provisioner.catalog import Catalog
from provisioner.plan.verification import Verdict
from provisioner.query import Check, asks_again, is_starting, judge
from provisioner.wire.inference import Answer
from provisioner.workspace.gateway import Workspace
from provisioner.workspace.inference import ask

PATIENCE = 20.0
"""The longest Retry-After, in seconds, that a question turned away with 429 is sent again after."""
_PAUSE = 5.0
"""Seconds between two questions to compute that is coming up, unless the service names some."""


def prove(
    workspace: Workspace,
    check: Check,
    stop: threading.Event | None = None,
    facts: Catalog | None = None,
) -> Verdict:
    """Ask, and judge the answer.

    One question is sent. A second one after 429 with a short Retry-After; again and again for
    compute that the service says is starting, until the check's time for that is up; and one more
    to compute that answered late since it had to start, to see how it answers when it is up.
    """
    halted = stop or threading.Event()
    deadline = time.monotonic() + check.cold_start
    answer = _ask(workspace, check, check.timeout)
    tries = answer.tries
    while check.entity.scale_to_zero and is_starting(answer, facts):
        pause = answer.retry_after or _PAUSE
        left = deadline - time.monotonic() - pause
        if left <= 0 or halted.wait(pause):
            break
        answer = _ask(workspace, check, left)
        tries += answer.tries
    started = _with(answer, tries, check.cold_start - (deadline - time.monotonic()))
    if asks_again(check, started) and not halted.is_set():
        verdict = judge(check, _ask(workspace, check, check.latency), started, facts)
    else:
        verdict = judge(check, started, facts=facts)
    # What was answered is quoted where it is not as expected.
    return replace(verdict, message=workspace.redact(verdict.message))


def _ask(workspace: Workspace, check: Check, timeout: float) -> Answer:
    return ask(workspace, check.place, check.body, timeout=timeout, patience=PATIENCE)


def _with(answer: Answer, tries: int, seconds: float) -> Answer:
    """An answer with all tries that led to it; and, if there were several, all their time."""
    if tries == answer.tries:
        return answer
    return Answer(answer.status, answer.body, answer.headers, seconds, answer.lost, tries)
