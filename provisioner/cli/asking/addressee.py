"""Asking one endpoint: who is meant, what is sent, by which client, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import click

from provisioner.cli import output
from provisioner.cli.asking.questions import Conversation
from provisioner.errors import NotFound, ProjectInvalid, Severity, error
from provisioner.plan.asked import Asked, Called, Embedded
from provisioner.plan.verification import Cause, Verdict
from provisioner.project import Loaded
from provisioner.query import Entity, Target, architectures_of, target_of
from provisioner.query.answers import read, wrong_with
from provisioner.query.images import tokens
from provisioner.query.judging import refused
from provisioner.query.request_rules import held_against
from provisioner.query.requests import Question, body_of, smallest, unasked
from provisioner.query.streaming import added, whole
from provisioner.query.vision import images_of
from provisioner.wire.inference import Answer, Place
from provisioner.wire.requests import ENDPOINTS
from provisioner.workspace import inference, openai_client
from provisioner.workspace.gateway import Workspace


@dataclass(frozen=True)
class Addressee:
    """Whom a question goes to."""

    target: Target
    entity: Entity
    """The one that is asked, or the first of those that may answer."""
    chosen: bool = False
    """Whether that one was named, so that the traffic split has no say."""

    @property
    def place(self) -> Place:
        """Where the question goes by REST."""
        return self.target.place(self.entity.name if self.chosen else "")


@dataclass(frozen=True)
class Way:
    """How to ask."""

    client: str
    """auto, rest or openai."""
    timeout: float


def find(loaded: Loaded, workspace: Workspace, name: str, entity: str | None) -> Addressee:
    """The endpoint of a name, declared (with or without the prefix) or only live.

    Raises:
        NotFound: there is none; says where it is declared, if it is.
    """
    declared = loaded.endpoint(name)
    name = declared.name if declared else name
    try:
        answer = workspace.call("GET", f"{ENDPOINTS}/{name}", doing=f"cannot ask {name}")
    except NotFound:
        if declared:
            hint = f"it is declared at {declared.where('')}: provisioner apply makes it"
        else:
            close = get_close_matches(name, [one.name for one in loaded.endpoints], n=1)
            hint = f"did you mean {close[0]}?" if close else "provisioner status lists what is ours"
        raise NotFound(f"cannot ask {name}: there is no such endpoint", hint) from None
    families = architectures_of(declared.spec) if declared else {}
    target = target_of(answer, families, loaded.facts)
    if not target.entities:
        raise NotFound(f"cannot ask {name}: it serves nothing yet", "provisioner status tells more")
    found = target.entity(entity) if entity else target.entities[0]
    if found is None:
        known = ", ".join(one.name for one in target.entities)
        raise click.UsageError(f"{name} serves no `{entity}`; it serves {known}")
    return Addressee(target, found, chosen=bool(entity))


def request_for(
    talk: Conversation, to: Addressee, loaded: Loaded, *, sample: bool
) -> dict[str, Any]:
    """The body of a question, held against the rules of requests; ``sample`` makes one up.

    Raises:
        UsageError: the question does not fit the entity's task.
        ProjectInvalid: the service is known to refuse this request; nothing was sent.
    """
    question = talk.question
    if talk.body is not None:
        body = {**talk.body, **({"stream": True} if question.stream else {})}
    elif missing := unasked(question, to.entity):
        if not sample or question != Question(stream=question.stream):
            raise click.UsageError(f"{missing[0]}: ask with --{missing[1]}.")
        body = smallest(to.entity)
    else:
        body = body_of(question, to.entity)
    problems = held_against(body, to.entity, loaded.facts)
    if talk.body is not None:
        # A body that is given whole is sent as it is: the catalog may be behind the service.
        weaker = {Severity.ERROR: Severity.WARNING}
        problems = tuple(
            replace(one, severity=weaker.get(one.severity, one.severity)) for one in problems
        )
    if any(problem.is_error for problem in problems):
        raise ProjectInvalid(*problems)
    output.show_problems(problems)
    _tell_cost(body)
    return body


def _tell_cost(body: Mapping[str, Any]) -> None:
    """Pictures cost tokens before anything is answered."""
    pictures = [found for _, found in images_of(body) if found is not None]
    if pictures:
        about = sum(tokens(one.width, one.height) for one in pictures)
        several = "s" * (len(pictures) != 1)
        output.note(f"{len(pictures)} picture{several}, about {about} tokens if not scaled down")


def client_for(way: Way, to: Addressee, loaded: Loaded) -> str:
    """Which client asks: REST reaches everything, OpenAI's what the catalog says it does.

    Raises:
        UsageError: OpenAI's was asked for and cannot.
        ProjectInvalid: it is not installed.
    """
    entity, known = to.entity, next(one for one in loaded.facts.clients if one.id == "openai")
    why = ""
    if to.target.direct:
        why = "a route-optimized endpoint"
    elif to.chosen:
        why = "one served entity past the traffic split"
    elif entity.task is None or entity.mode == "custom_model":
        why = "a model with a request of its own"
    elif known.can_call(entity.task, entity.mode, to.target.name) is False:
        why = f"{entity.task} of a model that is paid by token"
    if way.client == "rest" or (way.client == "auto" and (why or not openai_client.is_installed())):
        return "rest"
    if why:
        raise click.UsageError(f"The OpenAI client cannot reach {why}; leave --client out.")
    if not openai_client.is_installed():
        raise ProjectInvalid(
            error(
                "extra-missing",
                "--client openai needs a package that is not installed: openai",
                "pip install 'endpoint-provisioner[query]'",
            )
        )
    return "openai"


def ask(
    workspace: Workspace, to: Addressee, body: Mapping[str, Any], client: str, way: Way
) -> Asked:
    """Send one question, once, and read what came."""
    task = to.entity.task
    if client == "openai" and task is not None:
        found = openai_client.ask(workspace, to.target.name, task, body, timeout=way.timeout)
    else:
        found = inference.ask(workspace, to.place, body, timeout=way.timeout)
    return outcome(workspace, to, found, client)


def stream(
    workspace: Workspace,
    to: Addressee,
    body: Mapping[str, Any],
    client: str,
    way: Way,
    show: Callable[[str], None],
) -> Asked:
    """Send one question and show its answer as it comes."""
    task, parts = to.entity.task, []
    items: Iterator[Mapping[str, Any] | Answer]
    if client == "openai" and task is not None:
        items = openai_client.stream(workspace, to.target.name, task, body, timeout=way.timeout)
    else:
        items = inference.stream(workspace, to.place, body, timeout=way.timeout)
    ended = Answer(0, lost="connection")
    for item in items:
        if isinstance(item, Answer):
            ended = item
        else:
            parts.append(item)
            show(added(item, task))
    if parts and ended.ok:
        ended = replace(ended, body=whole(parts, task))
    return outcome(workspace, to, ended, client)


def outcome(workspace: Workspace, to: Addressee, found: Answer, client: str) -> Asked:
    """What came, read as an answer of the entity's task."""
    base = Asked(
        to.target.name, found.entity, client, found.status, round(found.seconds, 3), body=found.body
    )
    if not found.ok:
        return _without_answer(base, to, found)
    if wrong := wrong_with(found.body, to.entity.task):
        # It may be a refusal all the same, from something that stands before a provider.
        base = replace(base, body=workspace.redact.within(found.body))
        return replace(base, cause=Cause.WRONG_SHAPE.value, error=workspace.redact(wrong))
    said = read(found.body, to.entity.task)
    usage = said.usage
    return replace(
        base,
        text=said.text if to.entity.task else "",
        reasoning=said.reasoning,
        tool_calls=tuple(Called(call.name, call.arguments) for call in said.tool_calls),
        embeddings=tuple(
            Embedded(len(vector), round(norm, 6))
            for vector, norm in zip(said.vectors, said.norms, strict=True)
        ),
        finish=said.finish,
        other_texts=said.others,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        total_tokens=usage.total,
        reasoning_tokens=usage.reasoning,
    )


def _without_answer(base: Asked, to: Addressee, found: Answer) -> Asked:
    if found.lost == "timeout":
        cold = to.entity.scale_to_zero
        cause = Cause.COLD_START if cold else Cause.SLOW
        hint = "its compute may be coming up: ask again" if cold else "raise --timeout"
        error_text = f"no answer within {found.seconds:.0f} s"
        return replace(base, cause=cause.value, error=error_text, hint=hint)
    if found.lost:
        error_text = "the connection broke before the end of the answer"
        hint = "what was lost may have been paid for; nothing was sent again"
        return replace(base, cause=Cause.NO_ANSWER.value, error=error_text, hint=hint)
    verdict = refused(found, Verdict("", to.entity.name, Cause.OK, ""))
    said = f" ({verdict.said})" if verdict.said else ""
    return replace(
        base, cause=verdict.cause.value, error=f"{verdict.message}{said}", hint=verdict.hint
    )
