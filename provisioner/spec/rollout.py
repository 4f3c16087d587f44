"""How traffic moves to a served entity that has not carried it yet."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from provisioner.spec.base import Duration, List, Written
from provisioner.spec.entities import Count

Percent = Annotated[int, Field(ge=1, le=100)]
"""A part of the endpoint's traffic, in per cent."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, from 0 to 1."""


class Rollout(Written):
    """Traffic moves to new served entities in steps, and back when a limit is broken."""

    steps: List[Percent]
    """Per cent of the traffic that the new served entities have together, rising; what they are
    declared with is always the last step."""
    hold: Duration = 300
    """How long each step is watched before the next one."""
    min_requests: Count = 0
    """Requests that the new served entities must have answered in a step."""
    max_error_share: Share | None = None
    """Part of their answers that may be server errors (5xx), from the endpoint's metrics."""
    max_client_error_share: Share | None = None
    """Part of their answers that may be client errors (4xx), from the endpoint's metrics."""
    max_latency_p99_ms: Annotated[int, Field(ge=1)] | None = None
    """Milliseconds in which 99 of 100 requests must be answered, from the endpoint's metrics."""
    probe_every: Duration | None = None
    """Ask the new served entities the endpoint's `checks` this often while a step is watched."""
    max_failed_probes: Count = 0
    """Checks that may fail while a step is watched."""

    @field_validator("steps")
    @classmethod
    def _rise(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps:
            raise PydanticCustomError("rollout-steps", "must name at least one step")
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise PydanticCustomError("rollout-steps", "must rise from step to step")
        return steps

    @property
    def judges_metrics(self) -> bool:
        """Whether anything is asked of the endpoint's metrics."""
        limits = (self.max_error_share, self.max_client_error_share, self.max_latency_p99_ms)
        return self.min_requests > 0 or any(limit is not None for limit in limits)
