"""What is told of calls: one line each for those who ask, and never a body."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from requests import Response

from provisioner.redaction import Redactor
from provisioner.workspace.sdk import ApiClient

Teller = Callable[[str], None]
"""Takes one line about a call."""


_NO_METADATA = "Failed to automatically resolve config from host metadata"
"""What the SDK warns of and goes on without; a host that is not there is told by the next call."""


_SDK = "databricks.sdk"
_known: WeakSet[Redactor] = WeakSet()
"""What the connections of this process know of secrets."""


def _tells_no_secrets(record: logging.LogRecord) -> bool:
    """Whether a line of the SDK's loggers may pass, which it does without secrets."""
    if record.levelno <= logging.DEBUG or str(record.msg).startswith(_NO_METADATA):
        return False
    text = record.getMessage()
    for redact in tuple(_known):
        text = redact(text)
    record.msg, record.args, record.exc_info = text, None, None
    return True


def silence_bodies(redact: Redactor) -> None:
    """Let the SDK's loggers tell nothing of requests, whoever switched them on.

    At DEBUG one prints bodies and masks only fields named ``string_value``,
    ``bytes_value``, ``token_value``, ``value`` and ``content`` (databricks-sdk 0.156,
    logger/round_trip_logger.py): no ``*_plaintext``, no environment variables. Others print
    refusals, which may repeat what was sent.
    """
    _known.add(redact)
    for name in tuple(logging.root.manager.loggerDict):
        if name == _SDK or name.startswith(f"{_SDK}."):
            # A filter is for what its own logger is given, not for what comes from below.
            logging.getLogger(name).addFilter(_tells_no_secrets)


def tell_calls(client: ApiClient, tell: Teller) -> None:
    """Tell every answer as it comes: method, path, status and milliseconds."""

    def answered(response: Response, *_: Any, **__: Any) -> None:
        request, milliseconds = response.request, response.elapsed.total_seconds() * 1000
        path = request.path_url
        tell(f"{request.method} {path} {response.status_code} {milliseconds:.0f} ms")

    # The SDK shows its answers nowhere else (0.156, _base_client.py).
    session = client._api_client._session  # noqa: SLF001
    session.hooks["response"].append(answered)
