"""The words and symbols for what happens: the same in every form of a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from provisioner.diff import Cause, Effect, Reason
from provisioner.plan import Action, Change, Impact
from provisioner.plan.drift import Health, Sync
from provisioner.plan.outcome import Result
from provisioner.report.problems import printable


class Tone(str, Enum):
    """How something looks; never the only sign of what it means."""

    GRAVE = "grave"
    CHANGE = "change"
    NEW = "new"
    TAKE = "take"
    CALM = "calm"


@dataclass(frozen=True)
class Mark:
    """A symbol that always has its word beside it."""

    symbol: str
    word: str
    tone: Tone


def _mark(symbol: str, value: Enum, tone: Tone) -> Mark:
    return Mark(symbol, str(value.value).replace("_", " "), tone)


ACTIONS = {
    Action.CREATE: _mark("+", Action.CREATE, Tone.NEW),
    Action.UPDATE: _mark("~", Action.UPDATE, Tone.CHANGE),
    Action.REPLACE: _mark("-/+", Action.REPLACE, Tone.GRAVE),
    Action.RETIRE: _mark("-", Action.RETIRE, Tone.GRAVE),
    Action.ADOPT: _mark("~", Action.ADOPT, Tone.TAKE),
    Action.WAIT: _mark("~", Action.WAIT, Tone.CHANGE),
    Action.BLOCKED: _mark("!", Action.BLOCKED, Tone.GRAVE),
    Action.NONE: _mark("=", Action.NONE, Tone.CALM),
}
SYNCS = {
    Sync.IN_SYNC: _mark("=", Sync.IN_SYNC, Tone.CALM),
    Sync.DRIFTED: _mark("~", Sync.DRIFTED, Tone.CHANGE),
    Sync.MISSING: _mark("-", Sync.MISSING, Tone.GRAVE),
    Sync.PENDING: _mark("+", Sync.PENDING, Tone.TAKE),
    Sync.REPLACED_OUTSIDE: _mark("-/+", Sync.REPLACED_OUTSIDE, Tone.GRAVE),
    Sync.UNMANAGED: _mark("?", Sync.UNMANAGED, Tone.CALM),
    Sync.UNREADABLE: _mark("!", Sync.UNREADABLE, Tone.GRAVE),
}
RESULTS = {
    Result.DONE: _mark("=", Result.DONE, Tone.NEW),
    Result.FAILED: _mark("!", Result.FAILED, Tone.GRAVE),
    Result.IN_PROGRESS: _mark("~", Result.IN_PROGRESS, Tone.CHANGE),
    Result.SKIPPED: _mark("=", Result.SKIPPED, Tone.CALM),
    Result.NOT_REACHED: _mark("!", Result.NOT_REACHED, Tone.CHANGE),
    Result.ROLLED_BACK: _mark("!", Result.ROLLED_BACK, Tone.GRAVE),
}
HEALTHS = {
    Health.READY: _mark("=", Health.READY, Tone.NEW),
    Health.NOT_READY: _mark("!", Health.NOT_READY, Tone.GRAVE),
    Health.UPDATING: _mark("~", Health.UPDATING, Tone.CHANGE),
    Health.UPDATE_FAILED: _mark("!", Health.UPDATE_FAILED, Tone.GRAVE),
    Health.STOPPED: _mark("!", Health.STOPPED, Tone.GRAVE),
    Health.ABSENT: _mark("-", Health.ABSENT, Tone.CALM),
    Health.UNKNOWN: _mark("?", Health.UNKNOWN, Tone.CALM),
}
IMPACTS = {
    Impact.NONE: "",
    Impact.METADATA: "serving goes on untouched",
    Impact.REDEPLOY: "rolls out while the old configuration serves",
    Impact.NEW: "",
    Impact.DOWNTIME: "deleted and made anew: other id, no service meanwhile",
    Impact.DELETE: "deleted for good",
}
REASONS = {
    Reason.DECLARED: "",
    Reason.CLEARED: "cleared",
    Reason.REMOVED_FROM_SPEC: "no longer declared",
    Reason.NOT_DECLARED: "not declared",
    Reason.NO_LONGER_MANAGED: "no longer managed, left as it is",
    Reason.IGNORED: "left alone: lifecycle.ignore",
    Reason.SERVER_DECIDES: "left alone: the service decides it",
    Reason.FIXED_AT_CREATION: "fixed at creation",
    Reason.FOLLOWS_ENTITIES: "goes with the served entities",
    Reason.SECRET_CHANGED: "the secret changed, sent again",
}
INTERRUPTED = "Interrupted: what was started is listed here; run apply again to go on."


def value_text(value: Any) -> str:
    """A value on one line: text bare where that is unambiguous, else as JSON."""
    if value is None:
        return "(unset)"
    if isinstance(value, str) and value and value == value.strip() and not _looks_nested(value):
        return printable(value)
    return printable(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _looks_nested(text: str) -> bool:
    return text[0] in "[{\"'(" and not text.startswith("{{")


def split(path: str) -> tuple[str, str]:
    """The block that a path is in and the rest: up to its last member, or its first part."""
    if "]" in path:
        head, _, rest = path.rpartition("]")
        if rest:
            return f"{head}]", rest.lstrip(".")
        head, _, member = path.rpartition("[")
        return head, member.removesuffix("]")
    head, _, rest = path.partition(".")
    return (head, rest) if rest else ("", head)


def is_kept(change: Change) -> bool:
    """Whether a change is only told of, since its value stays and should."""
    return change.effect is Effect.NONE and change.before == change.after


def of_change(change: Change) -> Mark:
    """Symbol and word of one difference."""
    if change.effect is Effect.NONE:
        return Mark("=", "left alone", Tone.CALM)
    if change.effect is Effect.REPLACE:
        return Mark("-/+", "replace", Tone.GRAVE)
    if change.effect is Effect.REMOVE:
        return Mark("-", "remove", Tone.GRAVE)
    if change.before is None:
        return Mark("+", "add", Tone.NEW)
    return Mark("~", "change", Tone.CHANGE)


def notes(change: Change) -> Iterator[str]:
    """Why a difference is there and what comes of it, with the place where it was written."""
    if change.effect is Effect.NONE and change.reason is Reason.FIXED_AT_CREATION:
        yield "cannot be changed in place"
    elif change.effect is Effect.REPLACE:
        yield "fixed at creation"
    elif reason := REASONS[change.reason]:
        yield reason
    outside = change.cause is Cause.DRIFT and change.reason is not Reason.SECRET_CHANGED
    if outside and change.effect is not Effect.NONE:
        yield "changed outside"
    if change.note:
        yield printable(change.note)
    if change.source:
        yield f"{change.source.file}:{change.source.line}"


def plan_verdict(counts: dict[str, int]) -> str:
    """The last line of a plan, which is a contract."""
    return (
        f"Plan: {counts['create']} to create, {counts['update']} to update, "
        f"{counts['replace']} to replace, {counts['retire']} to retire, "
        f"{counts['adopt']} to adopt, {counts['none']} unchanged."
    )


def drift_verdict(counts: dict[str, int]) -> str:
    """The last line of a comparison."""
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    return f"Drift: {', '.join(parts) or 'no endpoints'}."


def status_verdict(counts: dict[str, int]) -> str:
    """The counts of a look at how endpoints are."""
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    return f"Status: {', '.join(parts) or 'no endpoints'}."


def outcome_verdict(counts: dict[str, int]) -> str:
    """The last line of an apply."""
    shown = {name: count for name, count in counts.items() if count or name == "done"}
    unchanged = shown.pop(Result.SKIPPED.value, 0)
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in shown.items()]
    return f"Applied: {', '.join([*parts, f'{unchanged} unchanged'])}."
