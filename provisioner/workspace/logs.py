"""What is told of calls: one line each for those who ask, and never a body."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from requests import Response

from provisioner.workspace.sdk import ApiClient

Teller = Callable[[str], None]
"""Takes one line about a call."""


_NO_METADATA = "Failed to automatically resolve config from host metadata"
"""What the SDK warns of and goes on without; a host that is not there is told by the next call."""


def _tells_no_bodies(record: logging.LogRecord) -> bool:
    """Whether a line of the SDK's logger may pass."""
    return record.levelno > logging.DEBUG and not str(record.msg).startswith(_NO_METADATA)


def silence_bodies() -> None:
    """Let the SDK's logger tell nothing of requests, whoever switched it on.

    At DEBUG it prints bodies and masks only fields named ``string_value``,
    ``bytes_value``, ``token_value``, ``value`` and ``content`` (databricks-sdk 0.156,
    logger/round_trip_logger.py): no ``*_plaintext``, no environment variables.
    """
    logging.getLogger("databricks.sdk").addFilter(_tells_no_bodies)


def tell_calls(client: ApiClient, tell: Teller) -> None:
    """Tell every answer as it comes: method, path, status and milliseconds."""

    def answered(response: Response, *_: Any, **__: Any) -> None:
        request, milliseconds = response.request, response.elapsed.total_seconds() * 1000
        path = request.path_url
        tell(f"{request.method} {path} {response.status_code} {milliseconds:.0f} ms")

    # The SDK shows its answers nowhere else (0.156, _base_client.py).
    session = client._api_client._session  # noqa: SLF001
    session.hooks["response"].append(answered)
