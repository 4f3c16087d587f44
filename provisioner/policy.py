"""Whether a plan may be applied: permits, ceilings and protections.

The plan is always made and shown in full; this only says yes or no to it. A
judgement that cannot be made refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from provisioner.errors import Problem, error
from provisioner.plan import Action, EndpointPlan, Plan
from provisioner.plan.allowed import not_allowed
from provisioner.plan.model import Skipped
from provisioner.spec import Policy
from provisioner.wire.document import OWNER_TAG

SMALL_PROJECT = 5
"""Up to this many endpoints a share says nothing: one of three is a third."""

_CHANGING = {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT}


@dataclass(frozen=True)
class Permits:
    """What the person at the keyboard, or the pipeline, allows for this one run."""

    retire: tuple[str, ...] = ()
    """Globs of endpoint names."""
    replace: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    no_rollout: tuple[str, ...] = ()

    def allow(self, entry: EndpointPlan) -> bool:
        """Whether the permit that an entry needs is given."""
        globs = {
            "--allow-retire": self.retire,
            "--allow-replace": self.replace,
            "--adopt": self.adopt,
        }
        return any(fnmatchcase(entry.name, glob) for glob in globs.get(entry.permit, ()))


def missing_permits(plan: Plan, permits: Permits) -> tuple[Problem, ...]:
    """Entries whose action needs a permit that was not given."""
    return tuple(
        error(
            "needs-permit",
            f"cannot {entry.action.value} {entry.name}: this needs a permit that names it",
            f"run apply with {entry.permit} {entry.name}",
        )
        for entry in plan.endpoints
        if entry.permit and not permits.allow(entry)
    )


@dataclass(frozen=True)
class Rest:
    """The part of an environment that the plans of other shards are about."""

    endpoints: int = 0
    retiring: tuple[str, ...] = ()
    """Names of those that are no longer declared."""


NO_REST = Rest()


def missing_rollouts(plan: Plan, permits: Permits) -> tuple[Problem, ...]:
    """Entries whose rollout is left out without a permit, for where one is needed."""
    return tuple(
        error(
            "needs-permit",
            f"cannot {entry.action.value} {entry.name} without its rollout: "
            "this needs a permit that names it",
            f"run apply with --allow-no-rollout {entry.name}",
        )
        for entry in plan.endpoints
        if entry.rollout
        and entry.rollout.skipped is Skipped.ON_REQUEST
        and not any(fnmatchcase(entry.name, glob) for glob in permits.no_rollout)
    )


def judge(plan: Plan, policy: Policy, rest: Rest = NO_REST) -> tuple[Problem, ...]:
    """What forbids the plan whatever is permitted: blocked entries and ceilings.

    The ceiling of retirements is one for all shards together.
    """
    return (*_blocked(plan), *_ceilings(plan, policy, rest), *_contents(plan, policy))


def _blocked(plan: Plan) -> Iterator[Problem]:
    for entry in plan.endpoints:
        if entry.action is Action.BLOCKED:
            hint = f"leave it out with --exclude {entry.name} to apply the rest"
            yield error("blocked", f"cannot change {entry.name}: {entry.blocked_by}", hint)


def _ceilings(plan: Plan, policy: Policy, rest: Rest) -> Iterator[Problem]:
    total = sum(entry.action is not Action.CREATE for entry in plan.endpoints)
    retired = _names(plan, {Action.RETIRE, Action.REPLACE})
    changed = _names(plan, {Action.UPDATE, Action.REPLACE, Action.RETIRE, Action.ADOPT})
    if (limit := policy.max_retire) and retired:
        fleet = total + rest.endpoints
        retired += rest.retiring
        if limit.count is not None and len(retired) > limit.count:
            yield _over("max_retire", "retired", retired, fleet, f"at most {limit.count}")
        elif limit.share is not None and _over_share(retired, fleet, limit.share):
            yield _over("max_retire", "retired", retired, fleet, f"at most {limit.share:.0%}")
    share = policy.max_update_share
    if share is not None and changed and _over_share(changed, total, share):
        yield _over("max_update_share", "changed", changed, total, f"at most {share:.0%}")


def _over_share(names: Sequence[str], total: int, share: float) -> bool:
    return total > SMALL_PROJECT and len(names) > share * total


def _over(key: str, what: str, names: Sequence[str], total: int, limit: str) -> Problem:
    share = f"{len(names) / total:.0%}" if total else "all"
    return error(
        "over-ceiling",
        f"{len(names)} of {total} endpoints ({share}) would be {what}, "
        f"policy.{key} allows {limit}: {', '.join(names)}",
        "apply in parts with --only, or change the policy of the environment",
    )


def _names(plan: Plan, actions: set[Action]) -> list[str]:
    return [entry.name for entry in plan.endpoints if entry.action in actions]


def _contents(plan: Plan, policy: Policy) -> Iterator[Problem]:
    for entry in plan.endpoints:
        if entry.declared is not None and entry.action in _CHANGING and entry.kind != "governed":
            yield from _tags(entry, policy.require_tags or ())
            yield from _entities(entry, policy)


def _tags(entry: EndpointPlan, required: Iterable[str]) -> Iterator[Problem]:
    tags = (entry.declared or {}).get("tags") or {}
    missing = [tag for tag in required if tag not in tags and tag != OWNER_TAG]
    if missing:
        summary = (
            f"cannot {entry.action.value} {entry.name}: it lacks the tags {', '.join(missing)}"
        )
        yield error("required-tags", summary, "add them to the endpoint or to `defaults`")


def _entities(entry: EndpointPlan, policy: Policy) -> Iterator[Problem]:
    config: dict[str, Any] = (entry.declared or {}).get("config") or {}
    entities: dict[str, dict[str, Any]] = config.get("served_entities") or {}
    for problem in not_allowed(entities, policy):
        summary = f"cannot {entry.action.value} {entry.name}: {problem.summary}"
        yield replace(problem, summary=summary)
    for name, entity in entities.items():
        for field, limit in (
            ("provisioned_model_units", policy.max_model_units),
            ("max_provisioned_throughput", policy.max_provisioned_throughput),
        ):
            if limit is not None and (entity.get(field) or 0) > limit:
                yield error(
                    "over-capacity",
                    f"cannot {entry.action.value} {entry.name}: {name} asks for {field} "
                    f"{entity[field]}, the policy of this environment allows {limit}",
                )
