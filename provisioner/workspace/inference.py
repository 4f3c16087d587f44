"""Asking models, which costs money and time: no question is repeated in silence.

The SDK's own client would repeat it after errors, so this goes past it, with its credentials.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import requests.auth

from provisioner import __version__
from provisioner.wire.inference import Answer
from provisioner.workspace.gateway import Workspace

_CONNECT = 15.0
"""Seconds to reach the workspace at all."""


def ask(
    workspace: Workspace,
    path: str,
    body: Mapping[str, Any],
    *,
    timeout: float,
    patience: float = 0.0,
) -> Answer:
    """Send one question and return whatever comes back, also a refusal or nothing.

    ``timeout`` is in seconds, for the whole answer. A question that is turned away unread, with
    429 and a Retry-After of at most ``patience`` seconds, is sent a second time, not a third.
    """
    answer = _once(workspace, path, body, timeout)
    pause = answer.retry_after
    if answer.status == 429 and pause is not None and pause <= patience:
        time.sleep(pause)
        answer = _once(workspace, path, body, timeout, tries=2)
    return answer


def _once(
    workspace: Workspace, path: str, body: Mapping[str, Any], timeout: float, tries: int = 1
) -> Answer:
    with workspace.slot():
        # Not before there is a place: waiting for one is not the model's fault.
        started = time.monotonic()
        try:
            with _post(workspace, path, body, timeout) as response:
                content = _within(response, started + timeout)
                took = time.monotonic() - started
                body = _read(content if response.ok else _redacted(workspace, content))
                return Answer(response.status_code, body, _headers(response), took, tries=tries)
        except requests.Timeout:
            return Answer(0, seconds=time.monotonic() - started, lost="timeout", tries=tries)
        except requests.RequestException:
            return Answer(0, seconds=time.monotonic() - started, lost="connection", tries=tries)


def stream(
    workspace: Workspace, path: str, body: Mapping[str, Any], *, timeout: float
) -> Iterator[Mapping[str, Any] | Answer]:
    """Send one question and give the parts of its answer as they come, then how it ended.

    The last item is an `Answer` without the body of the parts; a refusal has its own. ``timeout``
    is the longest wait for a part, in seconds.
    """
    started = time.monotonic()
    try:
        with _post(workspace, path, body, timeout) as response:
            status, headers = response.status_code, _headers(response)
            if "text/event-stream" not in headers.get("content-type", ""):
                body = _read(_redacted(workspace, response.content))
                yield Answer(status, body, headers, time.monotonic() - started)
                return
            finished = False
            for line in response.iter_lines(chunk_size=1024):
                data = line.decode("utf-8", "replace").removeprefix("data:").strip()
                finished |= data == "[DONE]"
                if line.startswith(b"data:") and not finished:
                    part = _read(data.encode())
                    if isinstance(part, Mapping):
                        yield part
            lost = "" if finished else "connection"
            took = time.monotonic() - started
            yield Answer(status if finished else 0, None, headers, took, lost)
    except requests.Timeout:
        yield Answer(0, seconds=time.monotonic() - started, lost="timeout")
    except requests.RequestException:
        yield Answer(0, seconds=time.monotonic() - started, lost="connection")


class _Signed(requests.auth.AuthBase):
    """Puts the caller's headers onto a request."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._signature = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._signature)
        return request


def _post(
    workspace: Workspace, path: str, body: Mapping[str, Any], timeout: float
) -> requests.Response:
    return requests.post(
        f"{workspace.host}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": f"provisioner/{__version__}"},
        # As `auth` and not among the headers, which a .netrc would overrule.
        auth=_Signed(workspace.signature()),
        timeout=(min(_CONNECT, timeout), timeout),
        stream=True,
        allow_redirects=False,
    )


def _within(response: requests.Response, deadline: float) -> bytes:
    """The whole content, unless it trickles in for longer than there is time."""
    content = b""
    for part in response.iter_content(65536):
        content += part
        if time.monotonic() > deadline:
            raise requests.Timeout
    return content


def _redacted(workspace: Workspace, content: bytes) -> bytes:
    """A refusal without secrets: whoever refuses a key may repeat it."""
    return workspace.redact(content.decode("utf-8", "replace")).encode()


def _headers(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")
