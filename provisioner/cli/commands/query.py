"""``provisioner query``: ask one endpoint, or two to compare them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urljoin

import click

from provisioner.cli import options, output
from provisioner.cli.asking import addressee
from provisioner.cli.asking.addressee import Addressee, Way
from provisioner.cli.asking.questions import Conversation, Given, conversation, keep
from provisioner.cli.asking.verifying import at_once
from provisioner.cli.environment.opening import load, reached
from provisioner.cli.options import Settings
from provisioner.errors import (
    AnswerLost,
    AuthenticationFailed,
    ExitCode,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    Unavailable,
    WorkspaceError,
)
from provisioner.plan.asked import Asked, Compared
from provisioner.plan.verification import Cause
from provisioner.project import Loaded
from provisioner.query.answers import read
from provisioner.report import asked as report
from provisioner.report import machine
from provisioner.workspace.gateway import Workspace

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
_FAILURES: dict[Cause, type[WorkspaceError]] = {
    Cause.CALLER_LACKS_RIGHT: PermissionDenied,
    Cause.RATE_LIMITED: LimitExceeded,
    Cause.REQUEST_REFUSED: InvalidRequest,
    Cause.MISSING: NotFound,
    Cause.NO_ANSWER: AnswerLost,
    Cause.PROVIDER_REJECTED_KEY: WorkspaceError,
    Cause.WRONG_SHAPE: WorkspaceError,
    Cause.UNKNOWN: WorkspaceError,
}
"""What a cause is as an error; all others are something that does not work just now."""


_QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "--prompt": ("The question; - reads it from stdin.", {"metavar": "TEXT"}),
    "--system": ("Instructions before the question.", {"metavar": "TEXT"}),
    "--image": (
        "A picture to look at; repeatable.",
        {"type": _FILE, "multiple": True, "metavar": "FILE"},
    ),
    "--thinking": (
        "Reason first, with at most so many tokens.",
        {"type": click.IntRange(1), "metavar": "TOKENS"},
    ),
    "--tool": (
        "JSON of a function, or of a list of them; repeatable.",
        {"type": _FILE, "multiple": True, "metavar": "FILE"},
    ),
    "--schema": (
        "JSON Schema that the answer is to follow.",
        {"type": _FILE, "metavar": "FILE"},
    ),
    "--input": ("A text to embed; repeatable.", {"multiple": True, "metavar": "TEXT"}),
    "--instruction": (
        "What texts are embedded for, for models that want to know.",
        {"metavar": "TEXT"},
    ),
    "--max-tokens": (
        "The most tokens of the answer.",
        {"type": click.IntRange(1), "metavar": "N"},
    ),
    "--extra": (
        "A further field of the request; repeatable.",
        {"multiple": True, "metavar": "KEY=VALUE"},
    ),
    "--transcript": (
        "Go on with the conversation in this file.",
        {"type": click.Path(path_type=Path, dir_okay=False), "metavar": "FILE"},
    ),
    "--keep-reasoning": ("Send the reasoning of the last answer back.", {"is_flag": True}),
    "--request": (
        "The whole body, as it is; - reads it from stdin.",
        {"type": click.Path(allow_dash=True, dir_okay=False), "metavar": "FILE"},
    ),
    "--stream": ("Show the answer as it comes.", {"is_flag": True}),
}
"""The options that make the question, with their help."""


def _questions(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, (text, more) in reversed(_QUESTIONS.items()):
        command = click.option(name, help=text, **more)(command)
    return command


@click.command("query", short_help="Ask an endpoint.")
@click.argument("name")
@options.environment
@_questions
@click.option("--entity", metavar="NAME", help="Ask this served entity, past the traffic split.")
@click.option("--compare", metavar="OTHER", help="Ask another endpoint or entity the same.")
@click.option(
    "--client",
    type=click.Choice(["auto", "openai", "rest"]),
    default="auto",
    show_default=True,
    help="What to send it with; auto is openai where that is installed and can.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@options.output_format("text", "json")
@click.pass_obj
def command(
    settings: Settings,
    /,
    name: str,
    environment: str,
    entity: str | None,
    compare: str | None,
    client: str,
    timeout: float,
    dry_run: bool,  # noqa: FBT001 - an option
    form: str,
    **given: Any,
) -> ExitCode:
    """Ask the endpoint NAME, declared or only live.

    The answer goes to stdout; reasoning, time and cost to stderr. Requests that the
    service is known to refuse are not sent. Answers cost what they cost.
    """
    if given["stream"] and compare:
        raise click.UsageError("--stream shows one answer; leave --compare out.")
    talk = conversation(Given(**given))
    loaded = load(settings, environment)
    way = Way(client, timeout)
    with reached(loaded) as workspace:
        to = addressee.find(loaded, workspace, name, entity)
        if compare:
            other = _other(loaded, workspace, to, compare)
            return _compare(talk, loaded, workspace, (to, other), way, form)
        body = addressee.request_for(talk, to, loaded, sample=dry_run)
        if dry_run:
            _show_request(workspace.host, to, body, form)
            return ExitCode.OK
        found = _ask(talk, loaded, workspace, to, body, way, form)
    if not found.error:
        keep(talk, body, read(found.body, to.entity.task).message)
    return _tell(found, form, streamed=given["stream"])


def _ask(
    talk: Conversation,
    loaded: Loaded,
    workspace: Workspace,
    to: Addressee,
    body: Mapping[str, Any],
    way: Way,
    form: str,
) -> Asked:
    client = addressee.client_for(way, to, loaded)
    if not talk.question.stream:
        return addressee.ask(workspace, to, body, client, way)
    show = output.piece if form == "text" else _nothing
    found = addressee.stream(
        workspace, to, body, client, way, lambda text: show(report.legible(text))
    )
    show("\n")
    return found


def _nothing(_text: str) -> None:
    return


def _tell(found: Asked, form: str, *, streamed: bool) -> ExitCode:
    if form == "json":
        output.answer(machine.dump(found))
    elif not found.error:
        if found.reasoning:
            output.note(report.reasoning(found))
        if not streamed:
            output.answer(report.answer(found))
        output.note(report.footer(found))
    elif found.cause == Cause.WRONG_SHAPE.value:
        output.answer(report.answer(found))
    if not found.error:
        return ExitCode.OK
    kind = _FAILURES.get(Cause(found.cause), Unavailable)
    if found.status == 401 and kind is PermissionDenied:
        kind = AuthenticationFailed
    raise kind(f"cannot ask {found.endpoint}: {found.error}", found.hint)


def _other(loaded: Loaded, workspace: Workspace, to: Addressee, name: str) -> Addressee:
    """A served entity of the same endpoint, or else an endpoint."""
    same = to.target.entity(name)
    return (
        Addressee(to.target, same, chosen=True)
        if same
        else addressee.find(loaded, workspace, name, None)
    )


def _compare(
    talk: Conversation,
    loaded: Loaded,
    workspace: Workspace,
    both: tuple[Addressee, Addressee],
    way: Way,
    form: str,
) -> ExitCode:
    if talk.file:
        raise click.UsageError("A conversation goes on with one; leave --transcript out.")
    bodies = [addressee.request_for(talk, to, loaded, sample=False) for to in both]
    clients = [addressee.client_for(way, to, loaded) for to in both]
    jobs = list(zip(both, bodies, clients, strict=True))
    answers = at_once(lambda job: addressee.ask(workspace, *job, way), jobs, len(jobs))
    found = Compared(tuple(answers))
    output.answer(machine.dump(found) if form == "json" else report.side_by_side(found))
    return ExitCode.FAILED if any(one.error for one in answers) else ExitCode.OK


def _show_request(host: str, to: Addressee, body: Mapping[str, Any], form: str) -> None:
    """What would be sent, also as a line for a shell; the token stays a variable."""
    url = urljoin(host, to.place.path)
    if form == "json":
        document = {"format_version": 1, "method": "POST", "url": url, "body": body}
        output.answer(json.dumps(document, indent=2, ensure_ascii=False))
        return
    short = json.dumps(body, ensure_ascii=False)
    output.answer(f"POST {url}\n{json.dumps(body, indent=2, ensure_ascii=False)}\n")
    output.answer(
        f"curl --fail-with-body -X POST {quote(url)} \\\n"
        '  -H "Authorization: Bearer $DATABRICKS_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' -d {quote(short)}\n"
    )
    output.answer(f"Page to paste it: {host}/ml/endpoints/{to.target.name}")
    if to.entity.task == "chat":
        output.answer(f"Playground: {host}/ml/playground?endpointName={to.target.name}")
