"""``provisioner release``."""

from __future__ import annotations

import click

from provisioner.cli import options, output
from provisioner.cli.applying.carry_out import approve, execute, exit_code, judge
from provisioner.cli.environment.opening import connected
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode, Refused
from provisioner.fields import Document
from provisioner.plan import Desired
from provisioner.policy import Permits
from provisioner.record import Record
from provisioner.report import terminal
from provisioner.wire.document import OWNER_TAG, PROTECT_TAG
from provisioner.wire.requests import update_tags


@click.command("release", short_help="Stop managing an endpoint; it stays.")
@options.environment
@click.argument("name")
@click.option("--restore", is_flag=True, help="Give a governed endpoint back as it was found.")
@click.option("--auto-approve", is_flag=True, help="Do not ask before restoring.")
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    name: str,
    restore: bool,  # noqa: FBT001 - an option
    auto_approve: bool,  # noqa: FBT001 - an option
) -> ExitCode:
    """Stop managing endpoint NAME; it stays as it is, only our tags leave it.

    Take its block out of the YAML as well, or the next plan takes it up again.
    """
    with connected(settings, environment) as session:
        entry = session.record.endpoints.get(name)
        if entry is not None and entry.found is not None:
            if restore:
                ended = _give_back(session, name, entry.found, asked=not auto_approve)
                if ended is not ExitCode.OK:
                    return ended
        elif restore:
            raise Refused(f"cannot restore {name}: it is not a governed endpoint")
        else:
            _remove_tags(session, name)
        _forget(session, name)
    output.answer(f"{name} is released")
    return ExitCode.OK


def _remove_tags(session: Session, name: str) -> None:
    live = session.workspace.read(name)
    if live is None or live.owner != session.target.owner:
        whose = f"it is managed by {live.owner}" if live and live.owner else "nobody manages it"
        missing = "there is no such endpoint"
        raise Refused(f"cannot release {name}: {whose if live else missing}")
    tags = (tag for tag in (OWNER_TAG, PROTECT_TAG) if tag in live.document["tags"])
    request = update_tags(name, dict.fromkeys(tags))
    doing = f"cannot release {name}"
    session.workspace.call(request.method, request.path, request.body, doing=doing)


def _give_back(session: Session, name: str, found: Document, *, asked: bool) -> ExitCode:
    plan = session.compare_with([Desired(name, "governed", {"name": name, **found}, governed=True)])
    output.answer(terminal.plan(plan, facts=session.loaded.facts))
    if not plan.has_changes:
        return ExitCode.OK
    judge(plan)
    approve(plan, session, Permits(), asked=asked)
    outcome = execute(plan, session, wait=True)
    output.answer(terminal.outcome(outcome))
    return exit_code(outcome)


def _forget(session: Session, name: str) -> None:
    record: Record | None = session.memory.load()
    if record and (problem := session.memory.save(record.forget(name))):
        output.show_problems([problem])
