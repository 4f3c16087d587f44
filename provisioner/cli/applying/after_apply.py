"""``apply --verify``: ask what was changed, and go back where a check says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provisioner.cli import output
from provisioner.cli.applying.carry_out import execute, exit_code, judge
from provisioner.cli.applying.earlier import again, without_what_came
from provisioner.cli.asking.verifying import verify
from provisioner.cli.environment.session import Session
from provisioner.errors import ExitCode, ProvisionerError
from provisioner.plan import Action, Desired, EndpointPlan, Plan
from provisioner.plan.outcome import Outcome, Result
from provisioner.plan.verification import EndpointVerified
from provisioner.report import terminal

_CHANGED = {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT, Action.WAIT}


def verified(plan: Plan, outcome: Outcome, session: Session, parallelism: int) -> Outcome:
    """The outcome with what checks say of the endpoints that were made or changed.

    An endpoint whose failed check says `on_failure: rollback` gets the configuration again that
    was recorded before this apply.
    """
    changed = {
        one.name
        for one in outcome.endpoints
        if one.action in _CHANGED and one.result is Result.DONE
    }
    if not changed or outcome.interrupted:
        return outcome
    endpoints = [one for one in session.loaded.endpoints if one.name in changed]
    found = verify(session, endpoints, parallelism)
    asking = [endpoint for endpoint in found.endpoints if endpoint.rollback and not endpoint.ok]
    back = tuple(_rolled_back(plan, asking, session, parallelism))
    return replace(outcome, verification=found, rolled_back=back)


def code(outcome: Outcome) -> ExitCode:
    """How an apply ends: as it went, then as the checks say of what it changed."""
    applied = exit_code(outcome)
    if applied is not ExitCode.OK or outcome.verification is None or outcome.verification.ok:
        return applied
    failed = {endpoint.name for endpoint in outcome.verification.endpoints if not endpoint.ok}
    left = failed - set(outcome.rolled_back)
    return ExitCode.VERIFY_FAILED if left else ExitCode.ROLLED_BACK


def _rolled_back(
    plan: Plan, asking: Iterable[EndpointVerified], session: Session, parallelism: int
) -> Iterator[str]:
    """Return endpoints to what was recorded before, and name those that have it again."""
    entries = {entry.name: entry for entry in plan.endpoints}
    wanted = []
    for endpoint in asking:
        want, why = _earlier(entries[endpoint.name], session)
        if want is None:
            output.note(f"{endpoint.name}: not rolled back: {why}")
        else:
            wanted.append(want)
    if not wanted:
        return
    # What this apply made of the record is what the way back starts from.
    now = replace(session, record=session.memory.load() or session.record)
    try:
        way_back = now.compare_with(wanted)
        output.note("A check failed that asks for a rollback.")
        output.note(terminal.plan(way_back, facts=session.loaded.facts))
        judge(way_back)
        outcome = execute(way_back, now, parallelism, wait=True)
    except ProvisionerError as failure:
        output.show_problems(failure.problems())
        return
    output.note(terminal.outcome(outcome))
    for one in outcome.endpoints:
        if one.result is Result.DONE:
            yield one.name


def _earlier(entry: EndpointPlan, session: Session) -> tuple[Desired | None, str]:
    """What an endpoint was before this apply, or why that is not to be had."""
    if entry.action is Action.CREATE:
        return None, "it was made just now, there is nothing to go back to"
    if entry.action is Action.REPLACE:
        return None, "it was made anew, the earlier one is deleted"
    before = session.record.endpoints.get(entry.name)
    if before is None or not before.document:
        return None, "nothing earlier is remembered of it"
    document = without_what_came(before.document, entry.declared or {})
    return again(entry.name, before, document), ""
