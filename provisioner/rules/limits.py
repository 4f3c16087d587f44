"""Numbers that the service is known, or believed, to hold endpoints to.

Checked 2026-11-22. Where the source is weak, a breach is only a warning.
"""

from __future__ import annotations

DOCUMENTED_ENTITIES = 10
"""Served entities of one endpoint, by the documentation of the API."""

OBSERVED_ENTITIES = 15
"""Served entities that some accounts were seen to have."""

SAFE_NAME_LENGTH = 63
"""No limit is published; names up to this length are safe."""

ENVIRONMENT_VARIABLES = 30
"""Environment variables of one served entity, by the documented limits."""

RATE_LIMITS = 20
"""Rate limits of one endpoint, documented for gateways of the same family."""

GROUP_RATE_LIMITS = 5
"""Rate limits for groups of one endpoint, documented for gateways of the same family."""

WORKLOAD_SIZES = ("Small", "Medium", "Large")
"""Sizes that every workspace has; an account may have others."""

WORKLOAD_TYPES = (
    "CPU",
    "CPU_MEDIUM",
    "CPU_LARGE",
    "GPU_SMALL",
    "GPU_MEDIUM",
    "GPU_LARGE",
    "GPU_XLARGE",
    "GPU_XLARGE_8",
    "MULTIGPU_MEDIUM",
)
"""Types that the SDK knows; clouds differ and new ones appear."""

CONCURRENCY_STEP = 4
"""Provisioned concurrency comes in multiples of this; a GPU replica has four."""

MODEL_CONCURRENCY = 1024
"""Provisioned concurrency of one model, by the documented limits."""

ENDPOINTS = 1000
"""Endpoints of one workspace, by the documented limits."""

TAGS = 20
TAG_KEY_LENGTH = 127
TAG_VALUE_LENGTH = 255
"""Usual limits of tags that costs are told apart by; none is published for endpoints."""

DAYS_BEFORE_RETIREMENT = 90
"""From so many days before a model's end on, there is a warning."""
