"""Waiting for an endpoint: not just until nothing moves, but until it serves what was sent."""

from __future__ import annotations

import time
from collections.abc import Callable

from provisioner.catalog import FailureCause
from provisioner.errors import EndpointFailed, NotFound, StillInProgress
from provisioner.wire.answers import FAILED, Live

_LOG_LINES = 5
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
"""Seconds between two looks: builds take seconds for external models, up to half an hour else."""


def settle(
    name: str,
    read: Callable[[str], Live | None],
    *,
    version: int,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
    log: Callable[[str, str], str] = lambda _endpoint, _entity: "",
    cause: Callable[[str], FailureCause | None] = lambda _message: None,
    clock: Callable[[], float] = time.monotonic,
) -> Live:
    """Wait until configuration ``version`` or a later one serves; ``timeout`` in seconds.

    ``log`` gives the build log of a served entity and ``cause`` what a message is known to mean,
    to explain a failure.

    ``NOT_UPDATING`` alone is no success: an endpoint without a configuration and a
    stopped one show it too, and so does one whose answer is a moment old.

    Raises:
        EndpointFailed: the update failed or was cancelled; says which entity and why.
        StillInProgress: the time is up; nothing was undone, waiting can go on later.
    """
    deadline = clock() + timeout
    pause = _FIRST_PAUSE
    while True:
        live = read(name)
        if live is None:
            raise NotFound(f"cannot wait for {name}: it was deleted meanwhile")
        if live.update in FAILED:
            raise _failure(live, log, cause)
        if not live.updating and _serves(live, version):
            return live
        if clock() + pause > deadline:
            raise StillInProgress(
                f"cannot wait for {name} any longer: it is not ready after {timeout:g} s",
                "nothing was undone; run `apply` again to go on waiting, "
                "or raise lifecycle.timeouts",
            )
        sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _serves(live: Live, version: int) -> bool:
    if "config" not in live.document:
        return version == 0
    return live.ready and live.version >= version


def _failure(
    live: Live, log: Callable[[str, str], str], cause: Callable[[str], FailureCause | None]
) -> EndpointFailed:
    what = "failed" if live.update == "UPDATE_FAILED" else "was cancelled"
    reasons = "; ".join(f"{entity}: {message}" for entity, message in live.failures)
    serving = "the earlier configuration still serves" if live.ready else "nothing serves yet"
    known = cause(reasons)
    lines = tuple(
        f"{entity}: {line}"
        for entity, _ in live.failures
        for line in log(live.name, entity).strip().splitlines()[-_LOG_LINES:]
    )
    return EndpointFailed(
        f"the update of {live.name} {what}: {reasons or 'the service gives no reason'} ({serving})",
        f"{known.cause}: {known.fix}" if known else "",
        lines,
    )
