"""``provisioner secrets sync``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from provisioner.apply import Options
from provisioner.apply.secret_sync import sync
from provisioner.cli import interrupts, options, output, saving
from provisioner.cli.applying import progress
from provisioner.cli.applying.carry_out import consent, judge
from provisioner.cli.bugs import report_bug
from provisioner.cli.environment.opening import connected
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Selection, Settings
from provisioner.cli.syncing.secret_sources import gather
from provisioner.errors import (
    AnswerLost,
    AuthenticationFailed,
    Bug,
    ExitCode,
    PermissionDenied,
    ProjectInvalid,
    Refused,
    StalePlan,
    error,
)
from provisioner.plan.outcome import Result
from provisioner.plan.secret_outcome import SyncOutcome
from provisioner.plan.secret_sync import Declared, Remembered, Scope, SyncPlan, sync_plan
from provisioner.plan.secrets import Secret, graph
from provisioner.record import PutSecret, digest
from provisioner.report import machine
from provisioner.report import secret_sync as report
from provisioner.workspace import secret_scopes


@click.command("sync", short_help="Put the values of secrets into their scopes.")
@options.environment
@click.argument(
    "planfile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=False,
    metavar="[PLANFILE]",
)
@options.selection("SCOPE/KEY")
@click.option("--dry-run", is_flag=True, help="Show what would be put, and put nothing.")
@click.option(
    "--out",
    type=saving.OutFile(),
    help="Save what would be put, for review, and put nothing.",
)
@click.option("--auto-approve", is_flag=True, help="Do not ask; permits are still needed.")
@click.option(
    "--adopt", multiple=True, metavar="GLOB", help="Permit to put these over unknown values."
)
@options.output_format("text", "json")
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    planfile: Path | None,
    selection: Selection,
    dry_run: bool,  # noqa: FBT001 - an option
    out: str | None,
    auto_approve: bool,  # noqa: FBT001 - an option
    adopt: tuple[str, ...],
    form: str,
    parallelism: int,
) -> ExitCode:
    """Put what the environment declares under `secrets` into secret scopes.

    Values come from environment variables, files and programs, and go into the
    requests only. What did not change since the last sync is not put again.
    With PLANFILE puts exactly what was reviewed, or nothing.
    """
    with connected(settings, environment, parallelism) as session:
        plan, values = _plan(session, selection)
        if planfile and (already := _still_valid(plan, planfile)):
            output.answer(already)
            return ExitCode.OK
        looks_only = dry_run or out is not None
        as_answer = form == "text" or looks_only
        _show(plan, settings, form if looks_only else "text", as_answer=as_answer)
        if out:
            saving.save(Path(out), f"{machine.dump(plan)}\n".encode())
            output.note(f"saved to {out}")
        if looks_only:
            return ExitCode.OK
        if plan.has_changes:
            judge(plan, "put secrets")
            if not planfile and not consent(
                session, "put secrets", "Put these values?", asked=not auto_approve
            ):
                _refuse_unpermitted(plan, adopt)
        with interrupts.held():
            outcome = _carried_out(plan, values, session, parallelism)
    if form == "json":
        output.answer(machine.dump(outcome))
    elif plan.has_changes:
        output.answer("")
        output.answer(report.sync_outcome(outcome))
    _tell_users(outcome, session)
    return _exit_code(outcome)


def _plan(session: Session, selection: Selection) -> tuple[SyncPlan, Mapping[str, str]]:
    """What is to be put, and the values; everything that is wrong at once.

    Raises:
        ProjectInvalid: a source gives no value that can be put.
    """
    spec = session.loaded.spec
    names = [name for name in spec.secrets if name in selection]
    found = gather(session.loaded, names, os.environ)
    session.workspace.redact.add(found.values.values())
    declared = [
        Declared(
            Secret(*name.split("/", 1)),
            digest(session.record.salt, found.values.get(name, "")),
            str(spec.secrets[name]),
            session.loaded.where(f"secrets[{name}]"),
        )
        for name in names
    ]
    known = {
        name: Remembered(put.digest, put.changed_at, put.landed)
        for name, put in session.record.secrets.items()
    }
    plan = sync_plan(
        session.target,
        declared,
        _scopes(session, sorted({one.secret.scope for one in declared})),
        known,
        spec.create_scopes,
        session.loaded.facts.limit("secrets-in-scope"),
    )
    told = (*session.memory.problems, *found.problems, *plan.problems)
    if any(problem.is_error for problem in found.problems):
        raise ProjectInvalid(*told)
    return replace(plan, problems=told), found.values


def _scopes(session: Session, names: list[str]) -> dict[str, Scope]:
    kinds = secret_scopes.kinds(session.workspace) if names else {}
    there = [name for name in names if name in kinds]
    keys = session.workspace.in_parallel(partial(secret_scopes.keys, session.workspace), there)
    return {name: Scope(kinds[name], found) for name, found in zip(there, keys, strict=True)}


def _show(plan: SyncPlan, settings: Settings, form: str, *, as_answer: bool) -> None:
    show = output.answer if as_answer else output.note
    show(machine.dump(plan) if form == "json" else report.sync_plan(plan, verbose=settings.verbose))


def _still_valid(plan: SyncPlan, planfile: Path) -> str:
    """Empty when a saved plan is what would be put now; else that it was put already.

    Raises:
        Refused: it is a plan for another place.
        StalePlan: something changed after it was made.
    """
    saved = machine.load(planfile.read_bytes(), SyncPlan, str(planfile))
    here, there = (plan.project, plan.environment, plan.workspace), saved.workspace
    if (saved.project, saved.environment, there) != here:
        raise Refused(f"{planfile} is a plan for {saved.environment} on {there.host}")
    if saved.fingerprint == plan.fingerprint:
        return ""
    if not plan.has_changes:
        return "This plan was carried out already; nothing to put."
    output.note(report.sync_plan(plan))
    raise StalePlan(
        "cannot carry out the saved plan: something changed after it was made",
        "above is what would be put now; make a new plan and have it reviewed",
    )


def _refuse_unpermitted(plan: SyncPlan, adopt: tuple[str, ...]) -> None:
    permits = Selection(only=adopt)
    missing = [
        error(
            "needs-permit",
            f"cannot put {entry.secret}: what it holds would be lost, this needs a permit",
            f"run secrets sync with {entry.permit} {entry.secret}",
            entry.where,
        )
        for entry in plan.secrets
        if entry.permit and not (adopt and entry.secret in permits)
    ]
    if missing:
        output.show_problems(missing)
        raise Refused("cannot put secrets: permits are missing", "nothing was changed")


def _carried_out(
    plan: SyncPlan, values: Mapping[str, str], session: Session, parallelism: int
) -> SyncOutcome:
    """Make the calls; what is about to be put is remembered before, so a kill loses nothing."""
    memory, before = session.memory, session.record
    put = [entry.secret for entry in plan.secrets if entry.is_put]
    if put and not memory.salt and (problem := memory.save(before)):
        output.show_problems([problem])
    before = replace(before, salt=memory.salt or before.salt)
    fresh = {name: PutSecret(digest(before.salt, values[name]), landed=False) for name in put}
    ahead = replace(before, secrets={**before.secrets, **fresh})
    if put and (problem := memory.save(ahead)):
        output.show_problems([problem])
    with progress.shown() as tell:
        run = Options(
            values,
            parallelism,
            report=tell,
            stop=interrupts.asked,
            hurry=interrupts.hurried,
            bug=report_bug,
        )
        outcome = sync(plan, session.workspace.call, run)
    if interrupts.hurried.is_set():
        session.workspace.forget_calls()
    record = replace(before, secrets=_remembered(session, fresh, outcome))
    if put and (problem := memory.save(record)):
        output.show_problems([problem])
    return outcome


def _remembered(
    session: Session, fresh: Mapping[str, PutSecret], outcome: SyncOutcome
) -> dict[str, PutSecret]:
    """What is known afterwards: what landed, what was refused, and what may have landed."""
    known = dict(session.record.secrets)
    steps = {step.name: step for step in outcome.steps if step.name in fresh}
    landed = {name for name, step in steps.items() if step.result is Result.DONE}
    scopes = _scopes(session, sorted({name.partition("/")[0] for name in landed}))
    for name, step in steps.items():
        scope, _, key = name.partition("/")
        if name in landed:
            keys = {k.lower(): moment for k, moment in (scopes[scope].keys or {}).items()}
            known[name] = replace(fresh[name], changed_at=keys.get(key.lower(), 0), landed=True)
        elif step.error_code == AnswerLost.code:
            known[name] = fresh[name]
    return known


def _tell_users(outcome: SyncOutcome, session: Session) -> None:
    """Which endpoints use what was put, and will not know of it by themselves."""
    put = {step.name for step in outcome.steps if step.result is Result.DONE}
    documents = {want.name: want.document for want in session.declared(Selection())}
    users = sorted(
        {
            use.endpoint
            for secret, places in graph(documents).items()
            if str(secret) in put
            for use in places
        }
    )
    if users:
        output.note(f"used by {', '.join(users)}: apply --refresh-secrets lets them take it up")


_AUTH_CODES = {AuthenticationFailed.code, PermissionDenied.code}


def _exit_code(outcome: SyncOutcome) -> ExitCode:
    failed = [step for step in outcome.steps if step.result is Result.FAILED]
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if not failed:
        return ExitCode.OK
    codes = {step.error_code for step in failed}
    if Bug.code in codes:
        return ExitCode.BUG
    if any(step.result is Result.DONE for step in outcome.steps):
        return ExitCode.PARTIAL
    return ExitCode.AUTH if codes <= _AUTH_CODES else ExitCode.FAILED
