"""``provisioner rollback`` and ``restore``: back to what the record remembers."""

from __future__ import annotations

import click

from provisioner.cli import options, output
from provisioner.cli.carry_out import approve, execute, exit_code, judge
from provisioner.cli.options import Settings
from provisioner.cli.session import Session, connected
from provisioner.errors import ExitCode, Refused
from provisioner.fields import Document
from provisioner.plan import Desired
from provisioner.plan.desired import DEFAULT_TIMEOUT
from provisioner.policy import Permits
from provisioner.report import terminal

_AUTO_APPROVE = click.option("--auto-approve", is_flag=True, help="Do not ask.")
_NO_WAIT = click.option("--no-wait", is_flag=True, help="Return when all calls were accepted.")


@click.command("rollback")
@options.environment
@click.argument("name")
@_AUTO_APPROVE
@_NO_WAIT
@click.pass_obj
def rollback(
    settings: Settings,
    environment: str,
    name: str,
    auto_approve: bool,  # noqa: FBT001 - an option
    no_wait: bool,  # noqa: FBT001 - an option
) -> ExitCode:
    """Return endpoint NAME to what was applied before; the YAML is not touched.

    The next apply brings back what the YAML says, unless it is changed too.
    """
    with connected(settings, environment) as session:
        entry = session.record.endpoints.get(name)
        if entry is None or not entry.history:
            raise Refused(f"cannot roll back {name}: nothing earlier is remembered of it")
        return _bring_back(session, name, entry.history[0], auto_approve, no_wait)


@click.command("restore")
@options.environment
@click.argument("name")
@_AUTO_APPROVE
@_NO_WAIT
@click.pass_obj
def restore(
    settings: Settings,
    environment: str,
    name: str,
    auto_approve: bool,  # noqa: FBT001 - an option
    no_wait: bool,  # noqa: FBT001 - an option
) -> ExitCode:
    """Make the retired endpoint NAME again, as it was; it gets a new id."""
    with connected(settings, environment) as session:
        entry = session.record.retired.get(name)
        if entry is None:
            known = ", ".join(sorted(session.record.retired)) or "none"
            raise Refused(
                f"cannot restore {name}: it is not among the retired endpoints",
                f"remembered are: {known}",
            )
        return _bring_back(session, name, entry.document, auto_approve, no_wait)


def _bring_back(
    session: Session,
    name: str,
    document: Document,
    auto_approve: bool,  # noqa: FBT001 - passed on
    no_wait: bool,  # noqa: FBT001 - passed on
) -> ExitCode:
    want = Desired(
        name, "", document, create_timeout=DEFAULT_TIMEOUT, update_timeout=DEFAULT_TIMEOUT
    )
    plan = session.compare_with([want])
    output.answer(terminal.plan(plan))
    if not plan.has_changes:
        return ExitCode.OK
    judge(plan)
    approve(plan, session, Permits(), asked=not auto_approve)
    outcome = execute(plan, session, wait=not no_wait)
    output.answer("")
    output.answer(terminal.outcome(outcome))
    return exit_code(outcome)
