"""``drift --webhook``: telling somebody who is not at a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import click

from provisioner.cli import output
from provisioner.errors import ExitCode, Problem, warning
from provisioner.plan.drift import Drift
from provisioner.plan.fleet import Fleet
from provisioner.report import webhook

Command = TypeVar("Command", bound=Callable[..., Any])

SECRET = "PROVISIONER_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_SLACK = "hooks.slack.com"
_SECONDS = 10
_TRIES = 3
_AGAIN = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Hook:
    """Where news of drift go; its address may be a secret and is never shown."""

    url: str
    form: str
    """``json`` or ``slack``."""
    always: bool
    key: bytes = b""
    """What the JSON form is signed with."""

    def tell(self, found: Fleet[Drift]) -> ExitCode:
        """Send what was found, if it is news; a failure is only told."""
        if not self.always and not webhook.moved(found):
            return ExitCode.OK
        if problem := self._deliver(found):
            output.show_problems([problem])
            return ExitCode.FAILED
        output.note(f"told {urlsplit(self.url).hostname}")
        return ExitCode.OK

    def _deliver(self, found: Fleet[Drift]) -> Problem | None:
        now = int(time.time())
        if self.form == "slack":
            return _post(self.url, webhook.slack(found), {})
        moment = datetime.fromtimestamp(now, tz=timezone.utc).isoformat()
        body = webhook.document(found, moment)
        return _post(self.url, body, webhook.headers(self.key, f"msg_{uuid4().hex}", now, body))


def _post(url: str, body: bytes, headers: dict[str, str]) -> Problem | None:
    """Send a body; few tries, and no word of the address in what is said of a failure."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    again = Retry(
        _TRIES - 1,
        status_forcelist=_AGAIN,
        allowed_methods=None,
        backoff_factor=0.5,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    with requests.Session() as session:
        session.mount(url, HTTPAdapter(max_retries=again))
        session.auth = lambda request: request  # nothing of a .netrc
        try:
            answer = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8", **headers},
                timeout=_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as failure:
            why = "no answer in time" if isinstance(failure, requests.Timeout) else "no connection"
            return _undelivered(url, why)
    if not 200 <= answer.status_code < 300:
        return _undelivered(url, f"it answered with {answer.status_code}")
    return None


def _undelivered(url: str, why: str) -> Problem:
    return warning(
        "webhook-failed",
        f"cannot tell {urlsplit(url).hostname} of the drift: {why}",
        "the exit code is that of the drift, or 1 where there is none",
    )


def option(command: Command) -> Command:
    """``--webhook`` and what belongs to it, handed on as ``hook``."""

    @wraps(command)
    def with_hook(*arguments: Any, **named: Any) -> Any:
        url, form, when = (named.pop(name) for name in ("webhook", "webhook_form", "notify"))
        hook = _hook(url, form, always=when == "always") if url and when != "never" else None
        return command(*arguments, hook=hook, **named)

    wrapped: Any = with_hook
    for made in reversed(_OPTIONS):
        wrapped = made(wrapped)
    return wrapped  # type: ignore[no-any-return]


_OPTIONS = (
    click.option(
        "--webhook",
        metavar="URL",
        envvar="PROVISIONER_WEBHOOK",
        help="Tell this address of drift; signed.  [env: PROVISIONER_WEBHOOK]",
    ),
    click.option(
        "--webhook-form",
        type=click.Choice(["json", "slack"]),
        default="json",
        show_default=True,
        help="What it is sent.",
    ),
    click.option(
        "--notify",
        type=click.Choice(["changes", "always", "never"]),
        default="changes",
        show_default=True,
        help="When it is told.",
    ),
)


def _hook(url: str, form: str, *, always: bool) -> Hook:
    """The hook of the options.

    Raises:
        click.UsageError: something would go to the wrong place, or unsigned.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"https", "http"}:
        raise click.UsageError("--webhook is no address: it begins with https://")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise click.UsageError("--webhook must begin with https://, so that nobody listens")
    if form == "slack":
        return Hook(url, form, always)
    if host == _SLACK:
        raise click.UsageError("--webhook is Slack's: give --webhook-form slack, too")
    key = webhook.key_of(os.environ.get(SECRET, ""))
    if not key:
        raise click.UsageError(f"--webhook needs a secret to sign with: set {SECRET}")
    return Hook(url, form, always, key)
