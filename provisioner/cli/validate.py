"""``provisioner validate``."""

from __future__ import annotations

import click

from provisioner import rules
from provisioner.cli import output
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode, Problem, ProjectInvalid
from provisioner.project import Project, find_root, open_project


@click.command("validate")
@click.option(
    "-e",
    "--environment",
    envvar="PROVISIONER_ENVIRONMENT",
    metavar="ENV",
    help="Environment; all of them when it is not given.  [env: PROVISIONER_ENVIRONMENT]",
)
@click.pass_obj
def command(settings: Settings, environment: str | None) -> ExitCode:
    """Find everything that can be known to be wrong, without a workspace."""
    from pathlib import Path

    project = open_project(settings.project or find_root(Path.cwd()))
    names = (environment,) if environment else project.environments
    problems: set[Problem] = set()
    for name in names:
        found, count = _problems(project, name)
        problems |= set(found)
        output.answer(f"{name}: {_verdict(found, count)}")
    output.show_problems(sorted(problems, key=Problem.sort_key))
    return ExitCode.INVALID if any(found.is_error for found in problems) else ExitCode.OK


def _problems(project: Project, environment: str) -> tuple[tuple[Problem, ...], int]:
    try:
        loaded = project.load(environment, rules.check)
    except ProjectInvalid as failure:
        return failure.problems(), 0
    return loaded.problems, len(loaded.endpoints)


def _verdict(problems: tuple[Problem, ...], endpoints: int) -> str:
    errors = sum(problem.is_error for problem in problems)
    warnings = len(problems) - errors
    if errors:
        return f"{errors} error{'s' * (errors != 1)}"
    noted = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    return f"{endpoints} endpoint{'s' * (endpoints != 1)} valid{noted}"
