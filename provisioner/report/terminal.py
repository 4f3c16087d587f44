"""Text for people at a terminal: readable at 80 columns, and without colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from click import style

from provisioner.catalog import Catalog
from provisioner.diff import Reason, leaves
from provisioner.plan import EMBEDDED, PENDING, Action, Change, EndpointPlan, Plan
from provisioner.plan.capacity import capacity_changes
from provisioner.plan.drift import Drift, EndpointDrift, Health, Sync
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result
from provisioner.report import rollout, words
from provisioner.report.problems import page_width, printable, problems
from provisioner.report.sketch import sketch
from provisioner.report.summary_of_plan import pace
from provisioner.report.words import Tone, split, value_text

_COLORS = {
    Tone.GRAVE: "red",
    Tone.CHANGE: "yellow",
    Tone.NEW: "green",
    Tone.TAKE: "cyan",
    Tone.CALM: None,
}


def plan(value: Plan, *, verbose: bool = False, facts: Catalog | None = None) -> str:
    """A plan; the last line is always the count of each action."""
    lines = [_header("Plan", value), ""]
    for entry in value.endpoints:
        if entry.action is not Action.NONE or verbose or entry.changes or entry.pending:
            lines += [*_entry(entry, verbose=verbose), ""]
    lines += [*_capacity(value), *_pace(value, facts)]
    if value.problems:
        lines += [problems(value.problems), ""]
    counts = value.summary
    if counts["create"] and not verbose:
        lines.append(_dim("Every field of a new endpoint: provisioner -v plan"))
    for action, told in (("wait", "to wait for"), ("blocked", "blocked"), (PENDING, "pending")):
        if counts.get(action):
            lines.append(f"{counts[action]} {told}.")
    lines.append(words.plan_verdict(counts))
    return "\n".join(lines)


def _capacity(value: Plan) -> Iterator[str]:
    found = capacity_changes(value.endpoints)
    if not found:
        return
    yield "  Capacity"
    for change in found:
        factor = f" ({change.factor:.3g}x)" if change.factor is not None else ""
        name = f"{change.endpoint}[{change.entity}]"
        yield f"      {name}  {change.unit}  {change.before} -> {change.after}{factor}"
    yield ""


def _pace(value: Plan, facts: Catalog | None) -> Iterator[str]:
    for sentence in pace(value, facts):
        yield from (sentence, "")


def _header(what: str, value: Plan | Drift | Outcome) -> str:
    name = style(value.environment, bold=True)
    return f"{what} for {name} (project {value.project}) on {value.workspace.host}"


def _entry(entry: EndpointPlan, *, verbose: bool) -> Iterator[str]:
    mark = words.ACTIONS[entry.action]
    text = f"{mark.symbol} {mark.word}  {entry.name}"
    title = style(text, fg=_COLORS[mark.tone], bold=True)
    about = ", ".join(filter(None, (entry.kind.replace("_", " "), words.IMPACTS[entry.impact])))
    if len(f"  {text}  {about}") <= page_width():
        yield f"  {title}  {_dim(about)}".rstrip()
    else:
        yield f"  {title}"
        yield f"      {_dim(about)}"
    if entry.pending:
        yield from _wrapped(f"pending: {entry.pending}")
    if entry.blocked_by:
        yield from _wrapped(f"blocked: {entry.blocked_by}")
    if entry.permit:
        yield f"      needs {entry.permit} {entry.name}"
    for line in rollout.steps(entry):
        yield from _wrapped(line, hang=7)
    if entry.action is Action.CREATE and not verbose:
        yield from _sketch(entry)
    else:
        yield from _changes(entry.changes, with_causes=entry.action is not Action.CREATE)


def _sketch(entry: EndpointPlan) -> Iterator[str]:
    """An endpoint to be made, in a few lines; all its fields are shown with -v."""
    pairs = sketch(entry.declared or {})
    width = min(max((len(name) for name, _ in pairs), default=0), 20)
    for name, text in pairs:
        yield from wrap(
            printable(text),
            page_width(),
            initial_indent=f"      {printable(name):<{width}}  ",
            subsequent_indent=" " * (width + 8),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _changes(changes: Sequence[Change], *, with_causes: bool) -> Iterator[str]:
    """Changes by the block they are in, each on one line where it fits."""
    ordered = sorted(changes, key=lambda change: split(change.path))
    for block, group in groupby(ordered, key=lambda change: split(change.path)[0]):
        members = list(group)
        yield f"      {printable(block)}" if block else "      (endpoint)"
        width = max(len(split(change.path)[1]) for change in members)
        for change in members:
            yield from _change(change, min(width, 34), with_cause=with_causes)


def _change(change: Change, width: int, *, with_cause: bool) -> Iterator[str]:
    mark = words.of_change(change)
    name = f"{mark.symbol} {split(change.path)[1]}"
    notes = list(words.notes(change)) if with_cause else []
    note = f"({', '.join(notes)})" if notes else ""
    values = _values(change)
    head = style(printable(f"{name:<{width + 2}}"), fg=_COLORS[mark.tone])
    room = page_width() - 8 - 2 - max(len(name), width + 2)
    if len(values) + (2 + len(note) if note else 0) <= room:
        yield f"        {head}  {values}  {_dim(note)}".rstrip()
    elif len(values) <= room:
        yield f"        {head}  {values}".rstrip()
        yield _dim(f"            {note}")
    else:
        yield f"        {head}".rstrip()
        yield from (f"            {part}" for part in _lines(values))
        if note:
            yield _dim(f"            {note}")


def _lines(values: str) -> list[str]:
    """A value, or two, on as many lines as they need."""
    before, arrow, after = values.partition(" -> ")
    if arrow and len(values) + 12 > page_width():
        return [before, f"-> {after}"]
    return [values]


def _wrapped(text: str, indent: int = 6, hang: int = 2) -> list[str]:
    return wrap(
        printable(text),
        page_width(),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _values(change: Change) -> str:
    if words.is_kept(change):
        return "" if isinstance(change.before, dict) else value_text(change.before)
    if change.before is None or change.reason is Reason.SECRET_CHANGED:
        return value_text(change.after)
    if change.after is None:
        return f"was {value_text(change.before)}"
    return f"{value_text(change.before)} -> {value_text(change.after)}"


def outcome(value: Outcome) -> str:
    """What an apply did, endpoint by endpoint, and the counts."""
    lines = [_header("Applied", value), ""]
    for endpoint in value.endpoints:
        if endpoint.result is not Result.SKIPPED:
            lines += _outcome(endpoint, lasting=value.workspace.host != EMBEDDED)
    if value.interrupted:
        lines.append(words.INTERRUPTED)
    lines += ["", words.outcome_verdict(value.summary)]
    return "\n".join(lines)


def _outcome(endpoint: EndpointOutcome, *, lasting: bool) -> Iterator[str]:
    word = f"{endpoint.result.value.replace('_', ' '):<12}"
    color = _COLORS[words.RESULTS[endpoint.result].tone]
    yield f"  {style(word, fg=color)} {endpoint.action.value:<8} {endpoint.name}"
    if endpoint.result is Result.DONE and endpoint.invocation_url and lasting:
        yield _dim(f"      {endpoint.invocation_url}")
    for line in rollout.watched(endpoint):
        yield from _wrapped(line, hang=7)
    if endpoint.error:
        yield from _wrapped(endpoint.error)
        if endpoint.hint:
            yield from _wrapped(endpoint.hint)
        for line in endpoint.log:
            yield _dim(f"        | {printable(line)}")
        for step in endpoint.steps:
            yield f"        {step.result.value.replace('_', ' '):<12} {step.call}"


def drift(value: Drift, *, verbose: bool = False) -> str:
    """Where the workspace is not what is declared."""
    lines = [_header("Drift", value), ""]
    for endpoint in value.endpoints:
        well = endpoint.config is Sync.IN_SYNC and endpoint.health is Health.READY
        if not well or verbose or endpoint.changes or endpoint.unread:
            lines += [*_drift(endpoint), ""]
    if value.problems:
        lines += [problems(value.problems), ""]
    lines.append(words.drift_verdict(value.summary))
    return "\n".join(lines)


def _drift(endpoint: EndpointDrift) -> Iterator[str]:
    mark = words.SYNCS[endpoint.config]
    title = style(f"{mark.symbol} {mark.word}  {endpoint.name}", fg=_COLORS[mark.tone], bold=True)
    health = endpoint.health.value.replace("_", " ")
    known = endpoint.config not in {Sync.UNMANAGED, Sync.UNREADABLE}
    yield f"  {title}  {_dim(health if known else '')}".rstrip()
    if endpoint.unread:
        yield from _wrapped(f"not compared: {endpoint.unread}")
    for message in endpoint.messages:
        yield f"      {printable(message)}"
    for change in endpoint.changes:
        yield f"      {printable(change.path)}"
        if words.is_kept(change):
            yield _dim(f"          {words.REASONS[change.reason]}")
            continue
        notes = ", ".join(words.notes(change))
        declared, live = value_text(change.after), value_text(change.before)
        yield f"          declared {declared}, live {live}"
        if notes:
            yield _dim(f"          ({notes})")


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows under the names of their columns."""
    cells = [[*columns], *([value_text(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    head, *lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    last = sum(widths[:-1]) + 2 * len(widths[:-1])
    folded = (wrap(line, page_width(), subsequent_indent=" " * last) for line in lines)
    return "\n".join([_dim(head), *(part for parts in folded for part in parts)])


def moved(saved: Plan, fresh: Plan, names: Sequence[str]) -> str:
    """Only the difference: where the workspace is not what a saved plan was made against."""
    then, now = ({entry.name: entry for entry in plan.endpoints} for plan in (saved, fresh))
    lines = []
    for name in names:
        lines.append(f"  {style(f'! moved  {name}', fg='red', bold=True)}")
        old, new = _live_values(then.get(name)), _live_values(now.get(name))
        paths = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
        for path in paths:
            planned, found = value_text(old.get(path)), value_text(new.get(path))
            lines += [
                f"      {printable(path)}",
                f"          planned against {planned}, now {found}",
            ]
        if not paths:
            lines.append("      it was made anew, or a value that is not declared here changed")
    return "\n".join(lines)


def _live_values(entry: EndpointPlan | None) -> dict[str, Any]:
    """What a plan found at every declared path: what differs, and else what is declared."""
    if entry is None:
        return {}
    declared = {path: leaf.value for path, leaf in leaves(entry.declared or {}).items()}
    return declared | {change.path: change.before for change in entry.changes}


def _dim(text: str) -> str:
    return style(text, dim=True) if text else ""
