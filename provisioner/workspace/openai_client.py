"""Asking through the OpenAI client that users of endpoints have; comes with the extra `query`."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from provisioner.catalog import Task
from provisioner.wire.inference import Answer
from provisioner.workspace.gateway import Workspace


def is_installed() -> bool:
    """Whether the package is there; it is not imported."""
    return find_spec("openai") is not None


def ask(
    workspace: Workspace, endpoint: str, task: Task, body: Mapping[str, Any], *, timeout: float
) -> Answer:
    """Send one question, once, and return whatever comes back."""
    import openai

    create = _method(workspace, task, timeout, raw=True)
    started = time.monotonic()
    try:
        response = create(**_arguments(create, endpoint, task, body)).http_response
    except openai.OpenAIError as failure:
        return _refused(workspace, failure, time.monotonic() - started)
    took = time.monotonic() - started
    return Answer(response.status_code, _read(response.text), _headers(response), took)


def stream(
    workspace: Workspace, endpoint: str, task: Task, body: Mapping[str, Any], *, timeout: float
) -> Iterator[Mapping[str, Any] | Answer]:
    """Send one question and give the parts of its answer as they come, then how it ended."""
    import openai

    create = _method(workspace, task, timeout, raw=False)
    started = time.monotonic()
    try:
        with create(**_arguments(create, endpoint, task, body)) as parts:
            for part in parts:
                if hasattr(part, "model_dump"):  # what is no object is given as it came
                    yield part.model_dump(mode="json", exclude_unset=True, warnings=False)
            headers = _headers(parts.response)
        yield Answer(200, None, headers, time.monotonic() - started)
    except openai.OpenAIError as failure:
        yield _refused(workspace, failure, time.monotonic() - started)
    except Exception as failure:
        # What breaks in the middle of a stream comes from the layer below, as it is.
        # So does what a line holds that is no JSON (openai 2, _streaming.py).
        if not isinstance(failure, ValueError) and not type(failure).__module__.startswith("http"):
            raise
        yield Answer(0, seconds=time.monotonic() - started, lost="connection")


def _method(workspace: Workspace, task: Task, timeout: float, *, raw: bool) -> Callable[..., Any]:
    import openai

    signature = workspace.signature()
    client = openai.OpenAI(
        base_url=f"{workspace.host}/serving-endpoints",
        api_key=signature.pop("Authorization", "").removeprefix("Bearer "),
        default_headers=signature,
        timeout=timeout,
        max_retries=0,
    )
    tasks = {
        "chat": client.chat.completions,
        "completions": client.completions,
        "embeddings": client.embeddings,
    }
    resource: Any = tasks[task]
    method: Callable[..., Any] = (resource.with_raw_response if raw else resource).create
    return method


def _arguments(
    create: Callable[..., Any], endpoint: str, task: Task, body: Mapping[str, Any]
) -> dict[str, Any]:
    """What the client knows as arguments; the rest goes into `extra_body`, as users write it."""
    known = inspect.signature(create).parameters
    arguments = {key: value for key, value in body.items() if key in known}
    extra = {key: value for key, value in body.items() if key not in known}
    if task == "embeddings":
        # Left to itself the client asks for base64.
        arguments.setdefault("encoding_format", "float")
    return {**arguments, "model": endpoint, **({"extra_body": extra} if extra else {})}


def _refused(workspace: Workspace, failure: Any, seconds: float) -> Answer:
    import openai

    if isinstance(failure, openai.APIStatusError):
        response = failure.response
        body = workspace.redact.within(_read(response.text))
        return Answer(response.status_code, body, _headers(response), seconds)
    lost = "timeout" if isinstance(failure, openai.APITimeoutError) else "connection"
    return Answer(0, seconds=seconds, lost=lost)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
