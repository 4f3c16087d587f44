"""``provisioner emulator``: the embedded workspace on its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from provisioner.cli import output
from provisioner.cli.environment import embedded
from provisioner.cli.environment.opening import project_root
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode, ProjectInvalid, error

_URL = click.option(
    "--url", metavar="URL", help="A running emulator, instead of the project's own."
)


@click.group("emulator")
def command() -> None:
    """Serve, reset, seed or export an emulated workspace."""


@command.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    metavar="PORT",
    help="Port to listen on; 0 = any free one.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that keeps the workspace; without it nothing is kept.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "instant", "manual"]),
    default="real",
    show_default=True,
    help="How time goes by for builds.",
)
@click.option(
    "--region", default="", help="Region that the workspace is in, as us-east-1 or westeurope."
)
def serve(host: str, port: int, state: Path | None, clock: Any, region: str) -> ExitCode:
    """Serve an emulated workspace over HTTP until it is stopped."""
    from provisioner import emulator

    try:
        emulator.serve(
            host=host,
            port=port,
            state=state,
            clock=clock,
            region=region,
            announce=lambda url: output.answer(f"listening on {url}"),
        )
    except emulator.StateUnusable as failure:
        raise ProjectInvalid(error("emulator-state", str(failure))) from failure
    except OSError as failure:
        raise click.ClickException(f"cannot listen on {host}:{port}: {failure}") from failure
    return ExitCode.OK


@command.command()
@_URL
@click.pass_obj
def reset(settings: Settings, url: str | None) -> ExitCode:
    """Return a workspace to its first day."""
    if url:
        _ask(url, "POST", "reset")
        return ExitCode.OK
    state = embedded.state_file(project_root(settings))
    if state.exists():
        state.unlink(missing_ok=True)
        output.note(f"removed {state}")
    else:
        output.note(f"nothing to remove: there is no {state}")
    return ExitCode.OK


@command.command()
@click.argument("file", type=click.File("rb"))
@_URL
@click.pass_obj
def seed(settings: Settings, file: Any, url: str | None) -> ExitCode:
    """Put the content of FILE, an export or a part of one, into a workspace."""
    try:
        document = json.load(file)
    except ValueError as failure:
        raise ProjectInvalid(
            error(
                "not-a-document", f"{file.name} is no JSON: {failure}", "export one to see its form"
            )
        ) from failure
    if url:
        _ask(url, "POST", "seed", document)
        return ExitCode.OK
    with embedded.running(project_root(settings)) as own:
        _ask(own, "POST", "seed", document)
    return ExitCode.OK


@command.command()
@_URL
@click.pass_obj
def export(settings: Settings, url: str | None) -> ExitCode:
    """Print a whole workspace as one JSON document, its secrets included."""
    if url:
        output.answer(_ask(url, "GET", "export"))
        return ExitCode.OK
    with embedded.running(project_root(settings)) as own:
        output.answer(_ask(own, "GET", "export"))
    return ExitCode.OK


def _ask(url: str, method: str, what: str, body: Any = None) -> str:
    import requests

    try:
        answer = requests.request(
            method, f"{url.rstrip('/')}/__emulator/{what}", json=body, timeout=30
        )
    except requests.RequestException as failure:
        raise click.ClickException(f"cannot reach an emulator at {url}") from failure
    if not answer.ok:
        raise click.ClickException(f"the emulator refused: {answer.text}")
    return answer.text
