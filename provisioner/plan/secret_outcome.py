"""What a sync of secrets did and did not do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner import __version__
from provisioner.plan.model import FORMAT_VERSION, WorkspaceRef
from provisioner.plan.outcome import Result
from provisioner.plan.secret_sync import SyncPlan


@dataclass(frozen=True)
class SyncStep:
    """One call, and what became of it."""

    name: str
    """`SCOPE/KEY` of a secret, or the name of a scope."""
    call: str
    result: Result
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True)
class SyncOutcome:
    """Everything that a sync did and did not do."""

    environment: str
    project: str
    workspace: WorkspaceRef
    fingerprint: str
    """Of the plan that was carried out."""
    steps: tuple[SyncStep, ...]
    summary: dict[str, int]
    interrupted: bool = False
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__


def sync_outcome(plan: SyncPlan, steps: Iterable[SyncStep], *, interrupted: bool) -> SyncOutcome:
    """The outcome of a plan, by what became of its calls."""
    made = tuple(steps)
    counts = {result.value: 0 for result in Result}
    counts[Result.SKIPPED.value] = sum(not entry.is_put for entry in plan.secrets)
    for step in made:
        counts[step.result.value] += 1
    return SyncOutcome(
        environment=plan.environment,
        project=plan.project,
        workspace=plan.workspace,
        fingerprint=plan.fingerprint,
        steps=made,
        summary=counts,
        interrupted=interrupted,
    )
