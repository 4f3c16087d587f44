"""The plan: what to do with each endpoint, decided in full.

One step is exactly one API call; applying a plan decides nothing any more.
"""

from provisioner.plan.build import build
from provisioner.plan.desired import desired
from provisioner.plan.model import (
    EMBEDDED,
    PENDING,
    Action,
    Change,
    Desired,
    EndpointPlan,
    Impact,
    Plan,
    Step,
    Target,
    WorkspaceRef,
    summarise,
)

__all__ = [
    "EMBEDDED",
    "PENDING",
    "Action",
    "Change",
    "Desired",
    "EndpointPlan",
    "Impact",
    "Plan",
    "Step",
    "Target",
    "WorkspaceRef",
    "build",
    "desired",
    "summarise",
]
