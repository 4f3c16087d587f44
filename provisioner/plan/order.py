"""Which changes tighten an endpoint and which loosen it.

Limits and guardrails are tightened before traffic moves and loosened after, so
that an interrupted apply never leaves an endpoint more open than either side of
the change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.diff import Difference
from provisioner.fields import pattern_of

_PII = ("NONE", "MASK", "BLOCK")
_LEVELS = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")


def loosens(found: Difference) -> bool:
    """Whether a change allows more than was allowed before."""
    rule = _RULES.get(pattern_of(found.path))
    return rule is not None and rule(found.before, found.after)


def _limit(before: Any, after: Any) -> bool:
    return before is not None and (after is None or after > before)


def _removed(before: Any, after: Any) -> bool:
    """What belongs to a limit or a table goes together with it."""
    return before is not None and after is None


def _switched_off(before: Any, after: Any) -> bool:
    return bool(before) and not after


def _switched_on(before: Any, after: Any) -> bool:
    """Fallback needs the entities that a roll-out may only bring."""
    return _switched_off(after, before)


def _ranked(order: tuple[str, ...]) -> Callable[[Any, Any], bool]:
    def rank(value: Any) -> int:
        return order.index(value) if value in order else -1

    return lambda before, after: rank(after) < rank(before)


def _fewer(before: Any, after: Any) -> bool:
    return not set(before or ()) <= set(after or ())


def _other_topics(before: Any, after: Any) -> bool:
    """No topics at all means any topic."""
    return bool(before) and (not after or not set(after) <= set(before))


def _more_rights(before: Any, after: Any) -> bool:
    return _ranked(_LEVELS)(after, before)


_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "ai_gateway.rate_limits[].calls": _limit,
    "ai_gateway.rate_limits[].tokens": _limit,
    "ai_gateway.rate_limits[].renewal_period": _removed,
    "ai_gateway.inference_table_config.catalog_name": _removed,
    "ai_gateway.inference_table_config.schema_name": _removed,
    "ai_gateway.inference_table_config.table_name_prefix": _removed,
    "ai_gateway.fallback_config.enabled": _switched_on,
    "ai_gateway.inference_table_config.enabled": _switched_off,
    "ai_gateway.usage_tracking_config.enabled": _switched_off,
    "permissions[]": _more_rights,
    **{
        f"ai_gateway.guardrails.{side}.{field}": rule
        for side in ("input", "output")
        for field, rule in (
            ("safety", _switched_off),
            ("pii.behavior", _ranked(_PII)),
            ("invalid_keywords", _fewer),
            ("valid_topics", _other_topics),
        )
    },
}
