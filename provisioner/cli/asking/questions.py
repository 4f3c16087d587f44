"""From the options of ``query`` to a question: files are read and found to be what they should."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from provisioner.errors import ProjectInvalid, error
from provisioner.query import transcript
from provisioner.query.images import image
from provisioner.query.requests import Question
from provisioner.query.transcript import Message


@dataclass(frozen=True)
class Given:
    """What was said on the command line about the question itself."""

    prompt: str | None = None
    system: str | None = None
    image: tuple[Path, ...] = ()
    thinking: int | None = None
    tool: tuple[Path, ...] = ()
    schema: Path | None = None
    input: tuple[str, ...] = ()
    instruction: str | None = None
    max_tokens: int | None = None
    extra: tuple[str, ...] = ()
    stream: bool = False
    transcript: Path | None = None
    keep_reasoning: bool = False
    request: str | None = None
    """A file with the whole body, or ``-``."""


@dataclass(frozen=True)
class Conversation:
    """A question, and the conversation that it is a part of."""

    question: Question
    body: Mapping[str, Any] | None = None
    """The whole body, where that was given instead of a question."""
    file: Path | None = None
    so_far: tuple[Message, ...] = field(default=())


def conversation(given: Given) -> Conversation:
    """Read everything that a question is made of.

    Raises:
        UsageError: options that exclude each other.
        ProjectInvalid: a file that is not what it should be.
    """
    if given.request is not None:
        if others := [name for name in _of_questions(given) if name != "--request"]:
            message = f"--request is the whole body: leave {', '.join(others)} out"
            raise click.UsageError(message)
        body = _json(given.request, "a request")
        if not isinstance(body, dict):
            raise _unusable(given.request, "a request is a JSON object")
        return Conversation(Question(stream=given.stream), body)
    if given.keep_reasoning and not given.transcript:
        raise click.UsageError("--keep-reasoning is about a conversation: name its --transcript.")
    so_far = _transcript(given.transcript) if given.transcript else ()
    before = transcript.system_of(so_far)
    if before is not None and given.system not in {None, before}:
        raise click.UsageError("The transcript begins with other words of the system: --system.")
    prompt = sys.stdin.read() if given.prompt == "-" else given.prompt
    if prompt is not None and not prompt.strip():
        raise click.UsageError("The prompt is empty: nothing is asked, and nothing is paid.")
    question = Question(
        prompt=prompt,
        system=given.system,
        images=tuple(image(path.name, path.read_bytes()) for path in given.image),
        thinking=given.thinking,
        tools=tuple(_tools(given.tool)),
        schema=_schema(given.schema) if given.schema else None,
        inputs=given.input,
        instruction=given.instruction,
        max_tokens=given.max_tokens,
        stream=given.stream,
        extra=dict(map(_pair, given.extra)),
        history=transcript.to_send(so_far, keep_reasoning=given.keep_reasoning),
    )
    return Conversation(question, file=given.transcript, so_far=so_far)


def keep(talk: Conversation, sent: Mapping[str, Any], answer: Message | None) -> None:
    """Write a conversation with what was just said; all of it or nothing."""
    if talk.file is None or answer is None:
        return
    new = list(sent.get("messages") or ())[len(talk.question.history) :]
    if not talk.so_far:
        new = list(sent.get("messages") or ())
    text = transcript.dump([*talk.so_far, *new, answer])
    draft = talk.file.with_name(f".{talk.file.name}.new")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(talk.file)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise _unusable(talk.file, f"it cannot be written: {reason}") from failure


def _of_questions(given: Given) -> Iterator[str]:
    for name in Given.__dataclass_fields__:
        if name != "stream" and getattr(given, name) not in (None, (), False):
            yield f"--{name.replace('_', '-')}"


def _pair(text: str) -> tuple[str, Any]:
    """``key=value``; a value that is JSON is read as that, else it is text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"`{text}` is not KEY=VALUE", param_hint="--extra")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _tools(paths: tuple[Path, ...]) -> Iterator[Mapping[str, Any]]:
    for path in paths:
        found = _json(str(path), "a function")
        for one in found if isinstance(found, list) else [found]:
            if not isinstance(one, dict) or not isinstance(one.get("function", one), dict):
                raise _unusable(path, "a function is a JSON object, or a list of them")
            yield one


def _schema(path: Path) -> Mapping[str, Any]:
    found = _json(str(path), "a schema")
    if not isinstance(found, dict):
        raise _unusable(path, "a schema is a JSON object")
    return found


def _transcript(path: Path) -> tuple[Message, ...]:
    if not path.exists():
        return ()
    try:
        return transcript.parse(path.read_text("utf-8"))
    except (transcript.Unusable, UnicodeDecodeError, OSError) as failure:
        why = str(failure) if isinstance(failure, transcript.Unusable) else "it cannot be read"
        raise _unusable(path, why) from failure


def _json(name: str, what: str) -> Any:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        return json.loads(text)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise _unusable(name, f"it cannot be read: {reason}") from failure
    except ValueError as failure:
        raise _unusable(name, f"{what} is JSON, and this is none") from failure


def _unusable(name: str | Path, why: str) -> ProjectInvalid:
    shown = "standard input" if name == "-" else str(name)
    return ProjectInvalid(error("unusable-file", f"cannot use {shown}: {why}"))
