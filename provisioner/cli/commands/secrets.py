"""``provisioner secrets``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial

import click

from provisioner import __version__
from provisioner.cli import options, output
from provisioner.cli.commands import secret_sync
from provisioner.cli.environment.meant import meant
from provisioner.cli.environment.opening import connected
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.unread import Unread, code_of
from provisioner.cli.options import Selection, Settings
from provisioner.errors import ExitCode, error
from provisioner.plan.model import Target
from provisioner.plan.secrets import State, Status, assess, graph
from provisioner.report import terminal
from provisioner.workspace import secret_scopes


@click.group("secrets")
def command() -> None:
    """See which endpoints use which secret, and put values into scopes."""


command.add_command(secret_sync.command)


@command.command()
@options.environment
@options.selection()
@options.output_format("text", "json")
@click.pass_obj
def status(
    settings: Settings,
    environment: str,
    selection: Selection,
    form: str,
) -> ExitCode:
    """Tell which secrets endpoints use, and which are missing or newer than they are.

    Only names and times are read, never a value. Exits with 10 when a secret is
    missing or an endpoint is older than one, and with 3 or 1 when an endpoint could
    not be read.
    """
    with connected(settings, environment) as session:
        unread = Unread()
        found = secrets_in_use(session, meant(selection, session), unread)
        whole = selection == Selection() and not unread.endpoints
        unused = _unused(session, found) if whole else None
        target = session.target
    if form == "json":
        output.answer(_json(found, unused, target))
    else:
        output.answer(_text(found, unused or ()))
    missed = [error(withheld.code, withheld.why) for withheld in unread.endpoints.values()]
    output.show_problems(missed)
    well = all(item.state in {State.OK, State.UNKNOWN} for item in found)
    ill = ExitCode.OK if well else ExitCode.UNHEALTHY
    return ExitCode.worst([ill, code_of(problem.code for problem in missed)])


def secrets_in_use(session: Session, selection: Selection, unread: Unread) -> tuple[Status, ...]:
    """The secrets of live and declared endpoints, judged."""
    live, _ = session.managed(selection, unread)
    documents = {found.name: found.document for found in live}
    documents |= {want.name: want.document for want in session.declared(selection)}
    used = graph(documents)
    scopes = sorted({secret.scope for secret in used})
    keys = session.workspace.in_parallel(partial(secret_scopes.keys, session.workspace), scopes)
    return assess(used, dict(zip(scopes, keys, strict=True)), live)


def _unused(session: Session, found: tuple[Status, ...]) -> tuple[str, ...]:
    """What is declared for `secrets sync`, and no endpoint refers to."""
    # Upper and lower case are the same to the service.
    used = {str(item.secret).lower() for item in found}
    return tuple(name for name in session.loaded.spec.secrets if name.lower() not in used)


def _json(found: tuple[Status, ...], unused: tuple[str, ...] | None, target: Target) -> str:
    """Everything for scripts; ``unused`` is None where not all endpoints were looked at."""
    document = {
        "format_version": 1,
        "tool_version": __version__,
        "environment": target.environment,
        "workspace": {
            "host": target.workspace.host,
            "workspace_id": target.workspace.workspace_id,
        },
        "secrets": [_row(item) for item in found],
        "unused": unused,
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


def _row(item: Status) -> dict[str, object]:
    return {
        "secret": str(item.secret),
        "state": item.state.value,
        "changed_at": item.changed_at,
        "uses": [{"endpoint": use.endpoint, "path": use.path} for use in item.uses],
        "stale_endpoints": list(item.stale),
    }


def _text(found: tuple[Status, ...], unused: Iterable[str]) -> str:
    rows = [
        {
            "state": item.state.value,
            "changed (UTC)": _day(item.changed_at),
            "secret": str(item.secret),
            "used by": ", ".join(dict.fromkeys(use.place for use in item.uses)),
        }
        for item in found
    ]
    lines = [terminal.table(("state", "changed (UTC)", "secret", "used by"), rows)]
    for item in found:
        if item.stale:
            lines.append(f"{item.secret} is newer than {', '.join(item.stale)}")
    lines += [f"{name} is declared, and no endpoint uses it" for name in unused]
    return "\n".join(lines)


def _day(milliseconds: int) -> str:
    if not milliseconds:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")
