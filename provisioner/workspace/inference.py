"""Asking models, which costs money and time: no question is repeated in silence.

The SDK's own client would repeat it after errors, so this goes past it, with its credentials.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import requests
import requests.auth

from provisioner import __version__
from provisioner.wire.inference import Answer, Place
from provisioner.workspace.gateway import Workspace
from provisioner.workspace.query_tokens import NoQueryToken

_CONNECT = 15.0
"""Seconds to reach the workspace at all."""


def ask(
    workspace: Workspace,
    place: Place,
    body: Mapping[str, Any],
    *,
    timeout: float,
    patience: float = 0.0,
) -> Answer:
    """Send one question and return whatever comes back, also a refusal or nothing.

    ``timeout`` is in seconds, for the whole answer. A question that is turned away unread, with
    429 and a Retry-After of at most ``patience`` seconds, is sent a second time, not a third.
    """
    answer = _once(workspace, place, body, timeout)
    pause = answer.retry_after
    if answer.status == 429 and pause is not None and pause <= patience:
        time.sleep(pause)
        answer = _once(workspace, place, body, timeout, tries=2)
    return answer


def _once(
    workspace: Workspace, place: Place, body: Mapping[str, Any], timeout: float, tries: int = 1
) -> Answer:
    with workspace.slot():
        try:
            signed = _signed(workspace, place)
        except NoQueryToken as failure:
            return _unsigned(workspace, failure)
        # Not before there is a place: waiting for one is not the model's fault.
        started = time.monotonic()
        try:
            with _post(workspace, place, signed, body, timeout) as response:
                content = _within(response, started + timeout)
                took = time.monotonic() - started
                body = _read(content)
                # Whoever refuses a key may repeat it.
                body = body if response.ok else workspace.redact.within(body)
                return Answer(response.status_code, body, _headers(response), took, tries=tries)
        except requests.Timeout:
            return Answer(0, seconds=time.monotonic() - started, lost="timeout", tries=tries)
        except requests.RequestException:
            return Answer(0, seconds=time.monotonic() - started, lost="connection", tries=tries)


def stream(
    workspace: Workspace, place: Place, body: Mapping[str, Any], *, timeout: float
) -> Iterator[Mapping[str, Any] | Answer]:
    """Send one question and give the parts of its answer as they come, then how it ended.

    The last item is an `Answer` without the body of the parts; a refusal has its own. ``timeout``
    is the longest wait for a part, in seconds.
    """
    try:
        signed = _signed(workspace, place)
    except NoQueryToken as failure:
        yield _unsigned(workspace, failure)
        return
    started = time.monotonic()
    try:
        with _post(workspace, place, signed, body, timeout) as response:
            status, headers = response.status_code, _headers(response)
            if "text/event-stream" not in headers.get("content-type", ""):
                body = workspace.redact.within(_read(response.content))
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


def _signed(workspace: Workspace, place: Place) -> _Signed:
    if place.authorization:
        return _Signed({"Authorization": f"Bearer {workspace.query_token(place.authorization)}"})
    return _Signed(workspace.signature())


def _unsigned(workspace: Workspace, failure: NoQueryToken) -> Answer:
    """What could not even be sent, in the words of the one who would have refused it."""
    message = workspace.redact(str(failure))
    return Answer(401, {"error_code": "UNAUTHENTICATED", "message": message})


def _post(
    workspace: Workspace, place: Place, signed: _Signed, body: Mapping[str, Any], timeout: float
) -> requests.Response:
    return requests.post(
        urljoin(workspace.host, place.path),
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": f"provisioner/{__version__}"},
        # As `auth` and not among the headers, which a .netrc would overrule.
        auth=signed,
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


def _headers(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")
