"""``provisioner validate``."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import click

from provisioner.catalog.sections import OVERRIDE_FILE
from provisioner.cli import output, selecting
from provisioner.cli.environment.judging import judge
from provisioner.cli.options import ALL, Settings, as_of, environments_or_all, named, output_format
from provisioner.errors import ExitCode, Problem, ProjectInvalid
from provisioner.project import Project, find_root, open_project
from provisioner.report import checked as report
from provisioner.report.checked import Checked


@click.command("validate", short_help="Find what is wrong, without a workspace.")
@environments_or_all
@output_format("text", "json", "sarif", "junit", "github")
@as_of
@selecting.changed_since
@click.option("--fix", is_flag=True, help="Write what is certain into the files, after a look.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask.")
@click.pass_obj
def command(
    settings: Settings,
    environments: tuple[str, ...],
    form: str,
    day: date,
    changed_since: str | None,
    *,
    fix: bool,
    yes: bool,
) -> ExitCode:
    """Find everything that can be known to be wrong, without a workspace."""
    root = settings.project or find_root(Path.cwd())
    if fix:
        from provisioner.cli.editing import fixing

        look = partial(_checked, words=environments, day=day)
        fixing.fix(root, lambda project: report.together(look(project)), yes=yes)
    found = _checked(open_project(root), environments, day)
    if changed_since is not None:
        found = _of_changes(found, root, changed_since)
    _show(form, found, _prefix(root))
    failed = any(problem.is_error for checked in found for problem in checked.problems)
    return ExitCode.INVALID if failed else ExitCode.OK


def _checked(project: Project, words: Sequence[str], day: date) -> list[Checked]:
    names = named(words or (ALL,), project.environments)
    return [_environment(project, name, day) for name in names]


def _environment(project: Project, name: str, day: date) -> Checked:
    try:
        loaded = project.load(name, partial(judge, today=day, root=project.root))
    except ProjectInvalid as failure:
        return Checked(name, 0, failure.problems())
    return Checked(name, len(loaded.endpoints), loaded.problems)


def _of_changes(found: Sequence[Checked], root: Path, since: str) -> list[Checked]:
    """Without the warnings and notices in files that did not change; errors stop everybody."""
    from provisioner.cli.environment import changes  # git is asked only here

    files = changes.files(root, since)
    return [
        replace(
            checked,
            problems=tuple(p for p in checked.problems if p.is_error or _is_in(p, files)),
        )
        for checked in found
    ]


def _is_in(problem: Problem, files: Container[str]) -> bool:
    return problem.where is None or problem.where.file in files or OVERRIDE_FILE in files


def _show(form: str, found: Sequence[Checked], prefix: str) -> None:
    told = report.told(found)
    if form == "text":
        for checked in found:
            output.answer(report.verdict(checked))
        output.show_problems(one.text for one in told)
    elif form == "json":
        output.answer(report.to_json(found))
    elif form == "junit":
        from provisioner.report import junit

        output.answer(junit.suites(found))
    elif form == "sarif":
        from provisioner.report import sarif
        from provisioner.rules.explained import explanations

        output.answer(sarif.log(told, explanations(), partial(report.below, prefix)))
    else:
        from provisioner.report import github

        if told:
            output.answer(github.commands(report.below(prefix, one.text) for one in told))


def _prefix(root: Path) -> str:
    """The project's folder as seen from here, where pipelines have their repository."""
    here, root = Path.cwd().resolve(), root.resolve()
    inside = root != here and root.is_relative_to(here)
    return root.relative_to(here).as_posix() if inside else ""
