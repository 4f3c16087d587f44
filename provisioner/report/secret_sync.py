"""A sync of secrets as text for people: names, states and sources, never a value."""

from __future__ import annotations

from collections.abc import Iterator

from click import style

from provisioner.plan import EMBEDDED
from provisioner.plan.outcome import Result
from provisioner.plan.secret_outcome import SyncOutcome
from provisioner.plan.secret_sync import SecretPlan, State, SyncPlan
from provisioner.report.problems import page_width, printable, problems, wrapped

_MARKS = {
    State.NEW: ("+", "green"),
    State.CHANGED: ("~", "yellow"),
    State.CHANGED_OUTSIDE: ("~", "yellow"),
    State.INTERRUPTED: ("~", "yellow"),
    State.UNKNOWN: ("!", "red"),
    State.UNCHANGED: ("=", None),
}
_NOTES = {
    State.CHANGED_OUTSIDE: "somebody put another value",
    State.INTERRUPTED: "an earlier sync was interrupted",
    State.UNKNOWN: "never put from here; what it holds would be lost",
}


def sync_plan(value: SyncPlan, *, verbose: bool = False) -> str:
    """What would be put; the last line is always the count of each state."""
    lines = [_header("Secrets", value), ""]
    for name in value.create_scopes:
        lines.append(f"  {style('+ new', fg='green', bold=True)}  scope {name}")
    shown = [entry for entry in value.secrets if entry.is_put or verbose]
    width = max((len(_word(entry.state)) for entry in shown), default=0)
    longest = min(max((len(entry.secret) for entry in shown), default=0), 40)
    for entry in shown:
        lines += _entry(entry, width, longest)
    if lines[-1]:
        lines.append("")
    if value.problems:
        lines += [problems(value.problems), ""]
    counts = {State(name): count for name, count in value.summary.items()}
    parts = [f"{counts[state]} {_word(state)}" for state in State if counts[state]]
    lines.append(f"Secrets: {', '.join(parts) or 'none'}.")
    return "\n".join(lines)


def _entry(entry: SecretPlan, width: int, longest: int) -> Iterator[str]:
    symbol, color = _MARKS[entry.state]
    word = style(f"{symbol} {_word(entry.state):<{width}}", fg=color, bold=True)
    source = f"from {printable(entry.source)}"
    if len(f"  {symbol} {'':<{width}}  {entry.secret:<{longest}}  {source}") <= page_width():
        yield f"  {word}  {entry.secret:<{longest}}  {style(source, dim=True)}"
    else:
        yield f"  {word}  {entry.secret}"
        yield f"      {style(source, dim=True)}"
    notes = [note for note in (_NOTES.get(entry.state),) if note]
    if entry.permit:
        notes.append(f"needs {entry.permit} {entry.secret}")
    for note in notes:
        yield f"      {note}"


def sync_outcome(value: SyncOutcome) -> str:
    """What was put and what was not, and the counts."""
    lines = [_header("Put", value), ""]
    colors = {Result.DONE: "green", Result.FAILED: "red"}
    for step in value.steps:
        word = style(f"{step.result.value.replace('_', ' '):<12}", fg=colors.get(step.result))
        kind = "scope " if step.call.endswith("scopes/create") else ""
        lines.append(f"  {word} {kind}{step.name}")
        if step.error:
            lines += wrapped(f"      {printable(step.error)}")
    if value.interrupted:
        lines.append("Interrupted: what was put is listed above; run it again to go on.")
    counts = {name: count for name, count in value.summary.items() if count or name == "done"}
    unchanged = counts.pop(Result.SKIPPED.value, 0)
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items()]
    lines += ["", f"Put: {', '.join([*parts, f'{unchanged} unchanged'])}."]
    return "\n".join(lines)


def _word(state: State) -> str:
    return state.value.replace("_", " ")


def _header(what: str, value: SyncPlan | SyncOutcome) -> str:
    host = value.workspace.host
    name = style(value.environment, bold=True)
    place = host if host == EMBEDDED else printable(host)
    return f"{what} for {name} (project {value.project}) on {place}"
