"""The gateway in front of an endpoint: guardrails, limits, logging and fallback."""

from __future__ import annotations

from typing import Literal

from provisioner.spec.base import ApiObject, List
from provisioner.spec.entities import Count


class Pii(ApiObject):
    """What happens to personal data."""

    behavior: Literal["BLOCK", "MASK", "NONE"] | None = None
    """Block the request, mask the data, or do nothing."""


class GuardrailParameters(ApiObject):
    """Guardrails of one direction."""

    safety: bool | None = None
    """Whether unsafe content is refused."""
    pii: Pii | None = None
    """What happens to personal data."""
    invalid_keywords: List[str] | None = None
    """Words that may not occur."""
    valid_topics: List[str] | None = None
    """Topics that are allowed."""


class Guardrails(ApiObject):
    """Guardrails of requests and answers."""

    input: GuardrailParameters | None = None
    """For requests."""
    output: GuardrailParameters | None = None
    """For answers."""


class RateLimit(ApiObject):
    """How often, or with how many tokens, the endpoint may be asked."""

    renewal_period: Literal["minute"]
    """Period after which the limit starts anew."""
    key: Literal["endpoint", "user", "user_group", "service_principal"] | None = None
    """Who shares the limit; `endpoint`, which is all together, when it is not written."""
    principal: str | None = None
    """Mail address, group or application id that the limit is for."""
    calls: Count | None = None
    """Requests in a period; 0 stops them."""
    tokens: Count | None = None
    """Tokens in a period; 0 stops requests."""


class UsageTrackingConfig(ApiObject):
    """Usage in the system tables."""

    enabled: bool | None = None
    """Whether usage is tracked."""


class InferenceTableConfig(ApiObject):
    """Requests and answers in a table."""

    enabled: bool | None = None
    """Whether payloads are logged."""
    catalog_name: str | None = None
    """Catalog of the table."""
    schema_name: str | None = None
    """Schema of the table."""
    table_name_prefix: str | None = None
    """Start of the table's name."""


class FallbackConfig(ApiObject):
    """Whether the next served entity is asked when one fails."""

    enabled: bool
    """Whether the fallback is on; it follows the order of the served entities."""


class AiGatewayConfig(ApiObject):
    """The gateway in front of an endpoint."""

    guardrails: Guardrails | None = None
    """What requests and answers may hold."""
    rate_limits: List[RateLimit] | None = None
    """How much the endpoint may be used."""
    usage_tracking_config: UsageTrackingConfig | None = None
    """Usage in the system tables."""
    inference_table_config: InferenceTableConfig | None = None
    """Requests and answers in a table."""
    fallback_config: FallbackConfig | None = None
    """What happens when a served entity fails."""
