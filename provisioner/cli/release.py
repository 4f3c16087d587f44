"""``provisioner release``."""

from __future__ import annotations

import click

from provisioner.cli import options, output
from provisioner.cli.options import Settings
from provisioner.cli.session import connected
from provisioner.errors import ExitCode, Refused
from provisioner.wire.document import OWNER_TAG, PROTECT_TAG
from provisioner.wire.requests import update_tags


@click.command("release")
@options.environment
@click.argument("name")
@click.pass_obj
def command(settings: Settings, environment: str, name: str) -> ExitCode:
    """Stop managing endpoint NAME; it stays as it is, only our tags leave it.

    Take its block out of the YAML as well, or the next plan proposes to adopt it.
    """
    with connected(settings, environment) as session:
        live = session.workspace.read(name)
        if live is None or live.owner != session.target.owner:
            whose = f"it is managed by {live.owner}" if live and live.owner else "nobody manages it"
            missing = "there is no such endpoint"
            raise Refused(f"cannot release {name}: {whose if live else missing}")
        tags = (tag for tag in (OWNER_TAG, PROTECT_TAG) if tag in live.document["tags"])
        request = update_tags(name, dict.fromkeys(tags))
        doing = f"cannot release {name}"
        session.workspace.call(request.method, request.path, request.body, doing=doing)
        if problem := session.memory.save(session.record.forget(name)):
            output.show_problems([problem])
    output.answer(f"{name} is released; it stays as it is")
    return ExitCode.OK
