"""The gateway: limits, guardrails and fallback."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.judged import OWN_PREFIX, Finding, Judged, Resting, Setting
from provisioner.spec import Kind, RateLimit, kind_of

_LIMITS = "ai_gateway.rate_limits"
_FOR_ONE = ("user_group", "service_principal")


def rate_limit_content(endpoint: Judged) -> Iterator[Problem]:
    """A limit limits something, and names a principal when its key asks for one."""
    for index, limit in enumerate(_limits(endpoint)):
        key = limit.key or "endpoint"
        path = f"{_LIMITS}[{index}]"
        if limit.calls is None and limit.tokens is None:
            hint = "write `calls`, `tokens` or both; 0 stops all requests"
            summary = "a rate limit needs `calls` or `tokens`"
            yield error("empty-rate-limit", summary, hint, endpoint.where(path))
        if key in _FOR_ONE and limit.principal is None:
            summary = f"a rate limit for a {key} needs `principal`"
            yield error("rate-limit-principal", summary, where=endpoint.where(path))
        if key == "endpoint" and limit.principal is not None:
            summary = "a rate limit for the whole endpoint cannot have a `principal`"
            hint = "write `key: user`, `user_group` or `service_principal` with it"
            yield error("rate-limit-principal", summary, hint, endpoint.where(path))
        if key == "service_principal" and limit.principal is not None:
            yield from _by_its_id(limit.principal, endpoint, f"{path}.principal")


def _by_its_id(written: str, endpoint: Judged, path: str) -> Iterator[Problem]:
    from provisioner.wire.document import is_application_id  # only who limits one pays for it

    if not is_application_id(written):
        # SDK docstring of AiGatewayRateLimit.principal.
        summary = "a rate limit knows a service principal by its application id"
        hint = "write the id; a plan looks it up"
        yield warning("rate-limit-principal", summary, hint, endpoint.where(path))


def rate_limit_once(endpoint: Judged) -> Iterator[Problem]:
    """Whom a limit is for is limited once."""
    seen: set[tuple[str, str | None]] = set()
    for index, limit in enumerate(_limits(endpoint)):
        target = (limit.key or "endpoint", limit.principal)
        if target in seen:
            where = endpoint.where(f"{_LIMITS}[{index}]")
            summary = f"{' '.join(filter(None, target))} has two rate limits"
            hint = "write `calls` and `tokens` in one"
            yield error("duplicate-rate-limit", summary, hint, where)
        seen.add(target)


def rate_limit_count(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """There are not too many limits."""
    limits = _limits(endpoint)
    groups = sum(limit.key == "user_group" for limit in limits)
    for count, part, what in (
        (len(limits), "", "rate limits"),
        (groups, "groups", "rate limits for groups"),
    ):
        if count and count > (most := setting.facts.limit("rate-limits", part)):
            summary = f"{count} {what} are more than {most:g}"
            hint = "the service may refuse them"
            problem = warning("many-rate-limits", summary, hint, endpoint.where(_LIMITS))
            yield Resting(problem, setting.facts.source_of("rate-limits"))


def fallback_has_a_target(endpoint: Judged) -> Iterator[Problem]:
    """A fallback needs a second external model."""
    gateway = endpoint.spec.ai_gateway
    fallback = gateway.fallback_config if gateway else None
    external = [entity for entity in endpoint.spec.served_entities if entity.external_model]
    if not (fallback and fallback.enabled) or len(external) > 1:
        return
    summary = f"a fallback needs two external models, there are {len(external)}"
    hint = "add one, with 0 per cent of the traffic"
    if (governed := endpoint.spec.governs) is not None:
        if not governed.startswith(OWN_PREFIX):
            return  # what somebody else's endpoint serves is not known here
        summary = "an endpoint that Databricks provides has no external model to fall back to"
        hint = "remove it"
    yield error("fallback-target", summary, hint, endpoint.where("ai_gateway.fallback_config"))


def rate_limit_of_zero(endpoint: Judged) -> Iterator[Problem]:
    """A limit of zero stops all requests, which may not be meant."""
    for index, limit in enumerate(_limits(endpoint)):
        for key in ("calls", "tokens"):
            if getattr(limit, key) == 0:
                whom = " ".join(filter(None, (limit.key or "endpoint", limit.principal)))
                where = endpoint.where(f"{_LIMITS}[{index}].{key}")
                summary = f"`{key}: 0` stops every request of: {whom}"
                hint = "remove the limit if requests should not be limited"
                yield notice("rate-limit-zero", summary, hint, where)


def old_guardrails(endpoint: Judged) -> Iterator[Problem]:
    """Keywords and topics are going away."""
    gateway = endpoint.spec.ai_gateway
    guardrails = gateway.guardrails if gateway else None
    for side in ("input", "output"):
        parameters = getattr(guardrails, side, None)
        for key in ("invalid_keywords", "valid_topics"):
            if getattr(parameters, key, None):
                where = endpoint.where(f"ai_gateway.guardrails.{side}.{key}")
                summary = f"`{key}` is deprecated"
                hint = "`safety` and `pii` stay; check requests in the application, too"
                yield notice("deprecated-guardrail", summary, hint, where)


def gateway_fits_kind(endpoint: Judged) -> Iterator[Problem]:
    """Custom models have inference tables; the rest of the gateway is for the other kinds."""
    gateway = endpoint.spec.ai_gateway
    if gateway is None or kind_of(endpoint.spec) is not Kind.CUSTOM:
        return
    for key in ("guardrails", "rate_limits", "usage_tracking_config"):
        value = getattr(gateway, key)
        if value and getattr(value, "enabled", True):
            summary = f"`{key}` is documented for external and foundation models only"
            hint = "the service may refuse it for custom models and agents"
            where = endpoint.where(f"ai_gateway.{key}")
            yield warning("gateway-kind", summary, hint, where)


def _limits(endpoint: Judged) -> tuple[RateLimit, ...]:
    gateway = endpoint.spec.ai_gateway
    return (gateway.rate_limits if gateway else None) or ()
