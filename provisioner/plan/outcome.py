"""What an apply did and did not do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from provisioner import __version__
from provisioner.plan.gates import Judgement, Seen
from provisioner.plan.model import FORMAT_VERSION, Action, WorkspaceRef
from provisioner.plan.verification import Verification


class Result(str, Enum):
    """How far a step or an endpoint got."""

    DONE = "done"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    SKIPPED = "skipped"
    """There was nothing to do."""
    NOT_REACHED = "not_reached"
    ROLLED_BACK = "rolled_back"
    """A rollout broke one of its limits, and the earlier routes are in force again."""


@dataclass(frozen=True)
class GateOutcome:
    """What became of a step of a rollout after its call."""

    share: int
    """Per cent of the traffic that the watched served entities had."""
    judgement: Judgement
    reason: str = ""
    """Why it broke or is not passed; empty when it is."""
    seen: Seen | None = None
    """What the judgement is made of; ``None`` = nothing was measured."""


@dataclass(frozen=True)
class StepOutcome:
    """One call of the plan."""

    call: str
    result: Result
    error: str | None = None
    gate: GateOutcome | None = None
    """What was watched after it; ``None`` = nothing, or it was not reached."""


@dataclass(frozen=True)
class EndpointOutcome:
    """One endpoint of the plan."""

    name: str
    action: Action
    result: Result
    id: str = ""
    invocation_url: str = ""
    steps: tuple[StepOutcome, ...] = ()
    error: str | None = None
    error_code: str | None = None
    hint: str | None = None
    """What to do about the error, where that is known."""
    log: tuple[str, ...] = ()
    """Last lines of the build logs of a failed update."""
    opening: GateOutcome | None = None
    """What was watched before the first step of a rollout that an earlier run began."""
    restored: dict[str, int] | None = None
    """Routes in force after a breach: per cent of the traffic by served entity."""


@dataclass(frozen=True)
class Outcome:
    """Everything that an apply did and did not do."""

    environment: str
    project: str
    workspace: WorkspaceRef
    fingerprint: str
    """Of the plan that was applied."""
    endpoints: tuple[EndpointOutcome, ...]
    summary: dict[str, int]
    interrupted: bool = False
    verification: Verification | None = None
    """What the checks said of the endpoints that were changed; ``None`` = they were not asked."""
    rolled_back: tuple[str, ...] = ()
    """Endpoints whose checks failed, and which have their earlier configuration again."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__


def summarise(endpoints: Iterable[EndpointOutcome]) -> dict[str, int]:
    """How many endpoints ended in which way."""
    counts = {result.value: 0 for result in Result}
    for endpoint in endpoints:
        counts[endpoint.result.value] += 1
    return counts
