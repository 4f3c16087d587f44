"""Asking served entities on their way into the traffic, as `checks` say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from provisioner.apply import Probe
from provisioner.cli import interrupts
from provisioner.cli.environment.session import Session
from provisioner.wire.requests import ENDPOINTS

if TYPE_CHECKING:
    from provisioner.plan.verification import Verdict


def prober(session: Session) -> Probe:
    """What puts the declared checks of an endpoint to some of its served entities."""
    declared = {endpoint.name: endpoint for endpoint in session.loaded.endpoints}

    def probe(name: str, entities: Sequence[str]) -> list[Verdict]:
        from provisioner.cli.asking.proving import prove  # only rollouts ask
        from provisioner.cli.asking.schema_files import resolved
        from provisioner.query import architectures_of, checks_for, target_of

        endpoint, workspace = declared[name], session.workspace
        doing = f"cannot read endpoint {name}"
        answer = workspace.call("GET", f"{ENDPOINTS}/{name}", doing=doing)
        target = target_of(answer, architectures_of(endpoint.spec), session.loaded.facts)
        checks = checks_for(target, resolved(endpoint, session.loaded.root))
        wanted = [check for check in checks if check.entity.name in entities]
        return [prove(workspace, check, interrupts.asked) for check in wanted]

    return probe
