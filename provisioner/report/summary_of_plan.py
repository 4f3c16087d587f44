"""A plan as a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from provisioner.catalog import Catalog, catalog
from provisioner.diff import Effect, Reason
from provisioner.plan import EMBEDDED, PENDING, Action, Change, EndpointPlan, Impact, Plan
from provisioner.plan.capacity import capacity_changes
from provisioner.report import rollout, words
from provisioner.report.sketch import sketch
from provisioner.report.summary import Count, Fact, Item, Line, Summary, counted, gravest_first

_COUNTS = {
    Action.RETIRE: "to retire",
    Action.REPLACE: "to replace",
    Action.BLOCKED: "blocked",
    Action.UPDATE: "to update",
    Action.ADOPT: "to adopt",
    Action.WAIT: "to wait for",
    Action.CREATE: "to create",
    Action.NONE: "unchanged",
}
"""The gravest first."""
_DELETES = {Action.RETIRE: Impact.DELETE, Action.REPLACE: Impact.DOWNTIME}
_ORDER = [words.ACTIONS[action].word for action in _COUNTS]


def summary(plan: Plan, *, every_field: bool = False, facts: Catalog | None = None) -> Summary:
    """Everything to tell of a plan; ``every_field`` also of endpoints that are made.

    ``facts`` are the shipped ones if not given.
    """
    items = [_item(entry, every_field=every_field) for entry in plan.endpoints]
    counts = tuple(
        Count(plan.summary[action.value], told, words.ACTIONS[action])
        for action, told in _COUNTS.items()
    )
    if pending := plan.summary.get(PENDING):
        counts += (Count(pending, PENDING, words.ACTIONS[Action.WAIT]),)
    return Summary(
        kind="plan",
        title="Plan for",
        environment=plan.environment,
        project=plan.project,
        host=plan.workspace.host,
        workspace_id=plan.workspace.workspace_id,
        counts=counts,
        verdict=words.plan_verdict(plan.summary),
        items=gravest_first(items, _ORDER),
        alarm=_alarm(plan, items),
        remarks=(*_capacity(plan), *pace(plan, facts)),
        problems=plan.problems,
        reference=plan.fingerprint,
    )


def _alarm(plan: Plan, items: Sequence[Item]) -> str:
    """What is destroyed, counted."""
    counts: Mapping[str, int] = plan.summary
    gone = {words.ACTIONS[action].word for action in _DELETES}
    less = sum(bool(item.grave) and item.mark.word not in gone for item in items)
    parts = [
        f"{counts[action.value]} {_COUNTS[action]}" for action in _DELETES if counts[action.value]
    ]
    if less:
        parts.append(counted(less, "endpoint loses values", "endpoints lose values"))
    return f"Destructive: {', '.join(parts)}" if parts else ""


def _item(entry: EndpointPlan, *, every_field: bool) -> Item:
    create = entry.action is Action.CREATE and not every_field
    return Item(
        name=entry.name,
        mark=words.ACTIONS[entry.action],
        about=tuple(filter(None, (entry.kind.replace("_", " "), words.IMPACTS[entry.impact]))),
        grave=_grave(entry),
        notes=tuple(_notes(entry)),
        lines=() if create else lines(entry.changes, causes=entry.action is not Action.CREATE),
        facts=tuple(Fact(*pair) for pair in sketch(entry.declared or {})) if create else (),
        quiet=entry.action is Action.NONE and not entry.changes and not entry.pending,
    )


def _grave(entry: EndpointPlan) -> str:
    if entry.action in _DELETES:
        return words.IMPACTS[_DELETES[entry.action]]
    removed = [change.path for change in entry.changes if change.effect is Effect.REMOVE]
    if not removed or entry.action is Action.BLOCKED:
        return ""
    found = Counter(map(_member, removed))
    single = {_member(path): path for path in removed}
    listed = (
        f"{count} values of {place}" if count > 1 else single[place]
        for place, count in found.items()
    )
    return f"removes {', '.join(listed)}"


def _member(path: str) -> str:
    """The named thing that a path is about, or the path."""
    head, bracket, _ = path.partition("]")
    return f"{head}{bracket}"


def _notes(entry: EndpointPlan) -> Iterator[str]:
    if entry.pending:
        yield f"pending: {entry.pending}"
    if entry.blocked_by:
        yield f"blocked: {entry.blocked_by}"
    if entry.permit:
        yield f"needs `{entry.permit} {entry.name}`"
    yield from map(str.strip, rollout.steps(entry))


def lines(changes: Sequence[Change], *, causes: bool) -> tuple[Line, ...]:
    """Changes as before and after, by the block they are in."""
    ordered = sorted(changes, key=lambda change: words.split(change.path))
    return tuple(_line(change, causes=causes) for change in ordered)


def _line(change: Change, *, causes: bool) -> Line:
    block, name = words.split(change.path)
    before: str | None = words.value_text(change.before)
    after: str | None = words.value_text(change.after)
    if words.is_kept(change) and isinstance(change.before, dict):
        before = after = ""
    if change.before is None or change.reason is Reason.SECRET_CHANGED:
        before = None
    return Line(
        mark=words.of_change(change),
        block=block,
        name=name,
        before=before,
        after=None if change.after is None else after,
        notes=tuple(words.notes(change)) if causes else (),
    )


def _capacity(plan: Plan) -> Iterator[str]:
    for change in capacity_changes(plan.endpoints):
        factor = f" ({change.factor:.3g}x)" if change.factor is not None else ""
        name = f"{change.endpoint}[{change.entity}]"
        yield f"capacity: {name} {change.unit} {change.before} -> {change.after}{factor}"


def pace(plan: Plan, facts: Catalog | None) -> Iterator[str]:
    """How long the calls will take where the service limits them."""
    limit = (facts or catalog()).operations
    if plan.operations > limit.calls and plan.workspace.host != EMBEDDED:
        rounds = (plan.operations - 1) // limit.calls
        yield (
            f"About {rounds * limit.seconds / 60:.0f} minutes: the service takes {limit.calls} "
            f"creations and updates in {limit.seconds / 60:.0f} minutes."
        )
