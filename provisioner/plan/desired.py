"""From a declared endpoint to what a plan compares with the workspace."""

from __future__ import annotations

from collections.abc import Callable

from provisioner.diff import Reason, Scope
from provisioner.errors import Where
from provisioner.plan.model import Desired
from provisioner.spec import EndpointSpec, Kind, kind_of
from provisioner.wire.document import desired_document, principal

DEFAULT_TIMEOUT = 3600.0
"""Seconds; builds of large models take the better part of an hour."""

_SCALE_TO_ZERO = "config.served_entities[].scale_to_zero_enabled"
_SERVER_SCALES = {Kind.THROUGHPUT, Kind.MODEL_UNITS}


def desired(
    spec: EndpointSpec, owner: str, locate: Callable[[str], Where | None] = lambda _: None
) -> Desired:
    """What is wanted of one endpoint; ``locate`` tells where a document path was written."""
    kind = kind_of(spec)
    ignore = dict.fromkeys(spec.lifecycle.ignore, Reason.IGNORED)
    if kind in _SERVER_SCALES:
        # The service answers false whatever was sent (terraform-provider-databricks 5467).
        ignore[_SCALE_TO_ZERO] = Reason.SERVER_DECIDES
    granted = spec.permissions
    rows = (
        None if granted is None else {principal(*row.principal): row.level for row in granted.rows}
    )
    return Desired(
        name=spec.name,
        kind=kind.value,
        document=desired_document(
            spec.api_data(),
            "" if kind is Kind.GOVERNED else owner,
            permissions=rows,
            protect=spec.lifecycle.protect,
        ),
        scope=Scope(
            exact_permissions=granted is not None and granted.mode == "exact",
            replace_inert=spec.lifecycle.on_immutable_change == "replace",
            ignore=ignore,
        ),
        adopt=spec.lifecycle.adopt,
        protect=spec.lifecycle.protect,
        governed=kind is Kind.GOVERNED,
        if_missing=spec.lifecycle.if_missing,
        create_timeout=float(spec.lifecycle.timeouts.create or DEFAULT_TIMEOUT),
        update_timeout=float(spec.lifecycle.timeouts.update or DEFAULT_TIMEOUT),
        rollout=spec.rollout,
        written={principal(*row.principal): ":".join(row.principal) for row in granted.rows}
        if granted
        else {},
        locate=locate,
    )
