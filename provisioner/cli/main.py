"""The group of commands, loaded one by one, and the boundary where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from provisioner import __version__
from provisioner.cli import interrupts, output
from provisioner.cli.bugs import report_bug
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode, ProvisionerError, did_you_mean

_COMMANDS = {
    "init": "init",
    "validate": "validate",
    "plan": "plan",
    "apply": "apply",
    "drift": "drift",
    "import": "import_",
    "status": "status",
    "wait": "wait",
    "verify": "verify",
    "query": "query",
    "rollback": "earlier:rollback",
    "restore": "earlier:restore",
    "release": "release",
    "secrets": "secrets",
    "snippet": "snippet",
    "show": "show",
    "catalog": "catalog",
    "schema": "schema",
    "explain": "explain",
    "ci": "ci",
    "emulator": "emulator",
}
"""Command name to its module, and the name in it where that is not ``command``."""


class _LazyGroup(click.Group):
    """Imports a command's module only when that command runs or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as failure:
            hint = did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(f"No such command '{args[0]}'. {hint}".strip(), ctx) from failure

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module_name, _, attribute = _COMMANDS[cmd_name].partition(":")
        module = importlib.import_module(f"provisioner.cli.commands.{module_name}")
        command: click.Command = getattr(module, attribute or "command")
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the project.  [default: found upward from here]",
)
@click.option(
    "-v",
    "--verbose",
    count=True,
    help="Say more: unchanged endpoints, every field; twice: also every call.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the output; NO_COLOR is honoured.",
)
@click.version_option(__version__, prog_name="provisioner")
@click.pass_context
def group(ctx: click.Context, project: Path | None, verbose: int, color: str) -> None:
    """Infrastructure as code for Databricks Model Serving endpoints."""
    ctx.color = {"always": True, "never": False}.get(color)
    if ctx.color is None and os.environ.get("NO_COLOR"):
        ctx.color = False
    output.use_color(ctx.color)
    output.use_terminal_width()
    output.tell_calls(verbose > 1)
    ctx.obj = Settings(project=project, verbosity=verbose)


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never raises, never shows a traceback."""
    output.use_color(None)
    try:
        with interrupts.remembered():
            result = group.main(
                args=list(arguments), prog_name="provisioner", standalone_mode=False
            )
        return int(result or ExitCode.OK)
    except click.ClickException as failure:
        with output.unhindered():
            failure.show()
        return ExitCode.USAGE if isinstance(failure, click.UsageError) else ExitCode.FAILED
    except ProvisionerError as failure:
        output.show_problems(failure.problems())
        return failure.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.note("interrupted")
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of the answer has gone, which click (8.5) turns into an exit.
        return ExitCode.INTERRUPTED if interrupts.asked.is_set() else ExitCode.FAILED
    except Exception as failure:
        if getattr(failure, "errno", None) in output.FULL:
            # Help and versions are printed by click.
            output.give_up(sys.stdout)
            output.show_problems(output.not_written(failure).problems())
            return ExitCode.FAILED
        report_bug(failure)
        return ExitCode.BUG
