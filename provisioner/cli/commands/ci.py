"""``provisioner ci``: what pipelines need besides the commands that people use."""

from __future__ import annotations

import json
import os
import re
import sys
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli import options, output, selecting
from provisioner.cli.environment.secret_values import secrets_by_name
from provisioner.cli.options import Settings
from provisioner.cli.saving import write_whole
from provisioner.cli.selecting import MAX_SHARDS, Shard
from provisioner.errors import ExitCode, ForgeError
from provisioner.redaction import Redactor

if TYPE_CHECKING:
    from provisioner.forge import Forge, Place

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_LABEL = "provisioner"


@click.group("ci", short_help="Helpers for pipelines: matrix, comments, issues.")
def command() -> None:
    """Helpers for pipelines on GitHub and GitLab.

    Where they run, and with which token, is read from the variables of the pipeline:
    GITHUB_REPOSITORY, GITHUB_TOKEN ..., or CI_PROJECT_ID, GITLAB_TOKEN ...
    """


@command.command("matrix", short_help="Print the jobs of a pipeline's matrix.")
@options.environments_or_all
@click.option("--live", is_flag=True, help="Without environments whose workspace is built in.")
@click.option(
    "--per-shard",
    type=click.IntRange(min=1),
    metavar="N",
    help="Part larger environments into shards of about N endpoints.",
)
@click.pass_obj
def matrix(
    settings: Settings,
    environments: tuple[str, ...],
    live: bool,  # noqa: FBT001 - an option
    per_shard: int | None,
) -> ExitCode:
    """Print one line of JSON for `strategy.matrix`: a job for each environment and shard.

    In the order of -e; without it in the order of their names, those that are
    protected last.
    """
    from provisioner.project import find_root, open_project

    project = open_project(settings.project or find_root(Path.cwd()))
    named = options.named(environments or (options.ALL,), project.environments)
    loaded = [project.load(name) for name in named]
    if not environments or options.ALL in environments:
        loaded.sort(key=lambda found: found.spec.protected)
    jobs: list[dict[str, Any]] = []
    for found in loaded:
        if not (live and found.spec.workspace.emulator):
            count = ceil(len(found.endpoints) / per_shard) if per_shard else 1
            jobs += ({"environment": found.environment, "shard": s} for s in _shards(count))
    if len(jobs) > MAX_SHARDS:
        raise click.UsageError(
            f"{len(jobs)} jobs, a matrix may have {MAX_SHARDS}; use a larger --per-shard"
        )
    output.answer(json.dumps({"include": jobs}))
    return ExitCode.OK


def _shards(count: int) -> list[str]:
    return [str(Shard(number, count)) for number in range(1, count + 1)] if count > 1 else [""]


def _key(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _KEY.fullmatch(value):
        raise click.BadParameter("letters, digits and . _ / - only, up to 200")
    return value


_key_option = click.option(
    "--key", required=True, callback=_key, metavar="KEY", help="What it is for; one each."
)
_body_option = click.option(
    "--body",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Its text, in Markdown; - reads stdin.",
)


@command.command("comment", short_help="Write one comment, or change it in place.")
@_key_option
@_body_option
@click.option(
    "--failed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Instead of --body: say that a command failed, with what it wrote.",
)
@click.option(
    "--change",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Pull or merge request.  [default: the one of this pipeline]",
)
@click.option("--update-only", is_flag=True, help="Write none where there is none yet.")
def comment(
    key: str,
    body: Path | None,
    failed: Path | None,
    change: int | None,
    update_only: bool,  # noqa: FBT001 - an option
) -> ExitCode:
    """Have one comment with this text on a pull or merge request.

    The comment for KEY is found again by a hidden mark, among those of the token's
    own account, and changed in place; nothing is sent when it says so already.
    """
    from provisioner.forge import put_comment

    if (body is None) == (failed is None):
        raise click.UsageError("Give one of --body and --failed.")
    forge, place = _forge()
    number = change or place.change
    if number is None:
        raise click.UsageError("This pipeline is not for a pull or merge request; use --change.")
    text = _text(body, forge) if body else _failure(failed, key, forge)
    done, url = put_comment(forge, number, key, text, options.patience(), update_only=update_only)
    output.answer(f"comment {done.value}{': ' if url else ''}{url}")
    return ExitCode.OK


@command.command("issue", short_help="Open, change, close or reopen one issue.")
@_key_option
@click.option("--title", metavar="TEXT", help="Its title.")
@_body_option
@click.option("--close", is_flag=True, help="Have no open issue for KEY.")
@click.option("--label", default=_LABEL, show_default=True, help="Label by which it is found.")
def issue(
    key: str,
    title: str | None,
    body: Path | None,
    close: bool,  # noqa: FBT001 - an option
    label: str,
) -> ExitCode:
    """Have one open issue with this title and text, or with --close none.

    The issue for KEY is found by its label and a hidden mark, among those of the
    token's own account; one that was closed is opened again.
    """
    from provisioner.forge import close_issue, put_issue

    if not close and (title is None or body is None):
        raise click.UsageError("Give --title and --body, or --close.")
    forge, _ = _forge()
    text = _text(body, forge) if body else ""
    if close:
        done, url = close_issue(forge, label, key, text)
    else:
        done, url = put_issue(forge, label, key, title or "", text, options.patience())
    output.answer(f"issue {done.value}{': ' if url else ''}{url}")
    return ExitCode.OK


@command.command("fetch-plan", short_help="Get the plan that was reviewed.")
@options.environment
@selecting.shard
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where to write it.",
)
@click.option("--commit", metavar="SHA", help="Merge commit.  [default: the pipeline's]")
def fetch_plan(environment: str, shard: Shard | None, to: Path, commit: str | None) -> ExitCode:
    """Get the plan that the pipeline of a pull or merge request stored.

    The one of its last commit, for the request whose merge made this commit. Exits
    with 5 when there is none.
    """
    forge, place = _forge()
    sha = commit or place.commit
    if not sha:
        raise click.UsageError("The pipeline names no commit; use --commit.")
    content = forge.reviewed_plan(sha, artifact(environment, shard))
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(to, content)
    except OSError as failure:
        problem = f"cannot write {failure.filename}: {failure.strerror}"
        raise click.ClickException(problem) from failure
    output.answer(f"reviewed plan saved to {to}")
    return ExitCode.OK


def artifact(environment: str, shard: Shard | None) -> str:
    """Name under which pipelines keep the plan of an environment, or of one shard of it."""
    part = f"-{shard.number}-of-{shard.count}" if shard and shard.count > 1 else ""
    return f"plan-{environment}{part}"


def _forge() -> tuple[Forge, Place]:
    from provisioner.forge import connect, find_place

    place = find_place(os.environ)
    return connect(place, options.patience(), output.note), place


def _text(path: Path, forge: Forge) -> str:
    text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8", "replace")
    limit = forge.comment_limit - 500  # for the mark, which is counted, too
    if not text.strip():
        raise click.UsageError(f"{path} is empty.")
    if len(text) > limit:
        raise ForgeError(
            f"the text has {len(text)} characters, the forge takes {limit}",
            "make it with a smaller --limit, which leaves details out",
        )
    return text


def _failure(path: Path | None, key: str, forge: Forge) -> str:
    from provisioner.report.failure import failed_run

    # A log may come from other programs, too, and who reads a comment did not see the job.
    hide = Redactor(secrets_by_name(os.environ))
    log = hide(path.read_text("utf-8", "replace")) if path else ""
    return failed_run(key, log, forge.comment_limit - 500)
