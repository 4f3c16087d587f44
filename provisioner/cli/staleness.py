"""Whether a saved plan still fits the workspace, or was applied already."""

from __future__ import annotations

from provisioner.diff import in_force
from provisioner.plan import Action, EndpointPlan, Plan
from provisioner.wire.answers import ABSENT, Live
from provisioner.workspace.gateway import Workspace


def moved(plan: Plan, workspace: Workspace) -> tuple[list[str], bool]:
    """Endpoints that changed after the plan was made, and whether all are where it leads."""
    acting = [
        entry for entry in plan.endpoints if entry.action not in {Action.NONE, Action.BLOCKED}
    ]
    live = workspace.in_parallel(lambda entry: _read(workspace, entry), acting)
    pairs = list(zip(acting, live, strict=True))
    stale = [entry.name for entry, found in pairs if _fingerprint(found) != entry.live_fingerprint]
    return stale, all(_reached(entry, found) for entry, found in pairs)


def _read(workspace: Workspace, entry: EndpointPlan) -> Live | None:
    return workspace.read(entry.name, entry.permission_rows)


def _fingerprint(live: Live | None) -> str:
    return live.fingerprint() if live else ABSENT


def _reached(entry: EndpointPlan, live: Live | None) -> bool:
    if entry.declared is None or live is None:
        return entry.declared is None and live is None
    return in_force(live.document, entry.wanted())
