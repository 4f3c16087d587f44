"""``provisioner init``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

import click
import yaml

from provisioner.cli import output
from provisioner.errors import ExitCode, Refused

_TEMPLATES = {
    "endpoints/chat.yaml": "chat.yaml",
    "endpoints/llama.yaml": "llama.yaml",
    "environments/_base.yaml": "base.yaml",
    "environments/local.yaml": "local.yaml",
    "environments/prod.yaml": "prod.yaml",
    ".gitignore": "gitignore",
}
"""File of the project to the template that it is made from."""

_PIPELINES = {
    "github": {
        ".github/actions/provisioner/action.yml": "github/action.yml",
        ".github/workflows/apply.yml": "github/apply.yml",
        ".github/workflows/drift.yml": "github/drift.yml",
        ".github/workflows/plan.yml": "github/plan.yml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab-ci.yml"},
    "azure": {"azure-pipelines.yml": "azure-pipelines.yml"},
    "none": {},
}
"""The same for the pipelines of each forge."""

_SCHEMAS: Mapping[str, Literal["endpoint", "environment"]] = {
    "schemas/endpoint.json": "endpoint",
    "schemas/environment.json": "environment",
}

_IGNORE_FILE, _IGNORED = ".gitignore", ".provisioner/"
"""Every fresh repository has this file already, so it is no reason to refuse."""

_NEXT = """\
Next{where}:
  provisioner validate                check everything, offline
  provisioner plan -e local           what would be done
  provisioner apply -e local          do it, in a workspace inside the command
  provisioner drift -e local          is it still so?
Then put your workspace into environments/prod.yaml."""


@click.command("init", short_help="Write a project that runs.")
@click.argument(
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="[DIR]",
)
@click.option(
    "--ci",
    type=click.Choice(list(_PIPELINES)),
    default="github",
    show_default=True,
    help="Whose pipelines to write.",
)
def command(directory: Path, ci: str) -> ExitCode:
    """Write a project that runs: two endpoints, two environments, a pipeline.

    Never overwrites a file.
    """
    templates = {**_TEMPLATES, **_PIPELINES[ci]}
    existing = [name for name in (*templates, *_SCHEMAS) if (directory / name).exists()]
    if clash := [name for name in existing if name != _IGNORE_FILE]:
        raise Refused(
            f"cannot init {directory}: {', '.join(clash)} exist{'s' * (len(clash) == 1)}",
            "nothing was written; choose another folder, move the files away, or write no "
            "pipeline with --ci none",
        )
    contents = _contents(directory, templates)
    if existing:
        del contents[_IGNORE_FILE]
    try:
        for name, text in contents.items():
            _write(directory / name, text)
    except OSError as failure:
        problem = f"cannot write {failure.filename}: {failure.strerror}"
        raise click.ClickException(problem) from failure
    for name in contents:
        output.answer(f"wrote {directory / name}")
    if existing and _IGNORED not in (directory / _IGNORE_FILE).read_text("utf-8"):
        output.note(f"add {_IGNORED} to {directory / _IGNORE_FILE}")
    where = "" if directory == Path() else f", in {directory}"
    output.answer("\n" + _NEXT.format(where=where))
    return ExitCode.OK


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _contents(directory: Path, templates: Mapping[str, str]) -> dict[str, str]:
    """Every file of the new project with its text."""
    from provisioner.cli.commands.schema import of_files  # loads all models

    folder = resources.files("provisioner.cli").joinpath("template")
    written = _project_name(directory)
    # A folder may be called 1e5 or null, which YAML takes for something else.
    plain = written[0].isalpha() and yaml.safe_load(written) == written
    project = written if plain else f'"{written}"'
    contents = {
        name: folder.joinpath(template).read_text("utf-8").replace("@PROJECT@", project)
        for name, template in templates.items()
    }
    for name, kind in _SCHEMAS.items():
        contents[name] = json.dumps(of_files(kind), indent=2, ensure_ascii=False) + "\n"
    return contents


def _project_name(directory: Path) -> str:
    """The folder's name, as far as it can be a project's name."""
    words = re.findall("[a-z0-9]+", directory.resolve().name.lower())
    return "-".join(words) or "my-project"
