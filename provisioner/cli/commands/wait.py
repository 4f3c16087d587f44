"""``provisioner wait``."""

from __future__ import annotations

import time

import click

from provisioner.cli import options, output
from provisioner.cli.environment.meant import meant
from provisioner.cli.environment.opening import connected
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.unread import Unread, code_of
from provisioner.cli.options import Selection, Settings
from provisioner.errors import (
    EndpointFailed,
    ExitCode,
    NotFound,
    ProvisionerError,
    StillInProgress,
    error,
)
from provisioner.plan.desired import DEFAULT_TIMEOUT
from provisioner.wire.answers import Live


@click.command("wait", short_help="Wait until endpoints serve what was applied.")
@options.environment
@click.argument("names", nargs=-1, metavar="[GLOB]...")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=DEFAULT_TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="For how long.",
)
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    names: tuple[str, ...],
    timeout: float,
    parallelism: int,
) -> ExitCode:
    """Wait until this project's endpoints serve what was applied to them."""
    with connected(settings, environment, parallelism) as session:
        unread = Unread()
        live, gone = session.managed(meant(Selection(names), session), unread)
        if names and not (live or gone or unread.endpoints):
            raise NotFound(f"nothing to wait for: no endpoint of ours is {' or '.join(names)}")
        ended = session.workspace.in_parallel(lambda found: _settled(session, found, timeout), live)
    missed = [error(why.code, why.why) for why in unread.endpoints.values()]
    missed += [error(NotFound.code, f"{name} is not there any more") for name in gone]
    output.show_problems(missed)
    return ExitCode.worst([*ended, code_of(problem.code for problem in missed)])


def _settled(session: Session, found: Live, timeout: float) -> ExitCode:
    version = max(found.version, found.pending_version)
    try:
        session.workspace.settle(found.name, version, timeout, time.sleep)
    except StillInProgress as failure:
        output.show_problems(failure.problems())
        return ExitCode.TIMED_OUT
    except ProvisionerError as failure:
        log = "\n".join(failure.log) if isinstance(failure, EndpointFailed) else ""
        output.show_problems([error(failure.code, str(failure), failure.hint or log)])
        return ExitCode.FAILED
    output.note(f"{found.name}: ready")
    return ExitCode.OK
