"""The SDK's errors as ours; whoever calls the workspace sees only the tree of ``errors``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from provisioner.errors import (
    AlreadyExists,
    AnswerLost,
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    Unavailable,
    UnexpectedAnswer,
    WorkspaceError,
)
from provisioner.workspace.sdk import DatabricksError
from provisioner.workspace.sdk import errors as sdk
from provisioner.workspace.unexpected import NotTheApi, shortened

# Most specific first: several of the SDK's classes are subclasses of one another.
_BY_CLASS: tuple[tuple[type[Exception], type[WorkspaceError]], ...] = (
    (sdk.ResourceAlreadyExists, AlreadyExists),
    (sdk.AlreadyExists, AlreadyExists),
    (sdk.ResourceConflict, Conflict),
    (sdk.Unauthenticated, AuthenticationFailed),
    (sdk.PermissionDenied, PermissionDenied),
    (sdk.ResourceDoesNotExist, NotFound),
    (sdk.TooManyRequests, LimitExceeded),
    (sdk.TemporarilyUnavailable, Unavailable),
)
_QUOTA_CODES = frozenset({"RESOURCE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED"})
_NO_ROOM = "retire what is not used, size it down, or ask Databricks for more; then run it again"
# Seen where a region has no Model Serving (databrickslabs/ucx issue 2082).
_DISABLED = "the workspace's region may not have it: `provisioner catalog regions`"
_NO_PARSER = "This is likely a bug in the Databricks SDK"
_TOO_FAST = "run it again later; where it happens often, with a smaller --parallelism"


@contextmanager
def translated(
    doing: str, *, writes: bool = False, redact: Callable[[str], str] = str
) -> Iterator[None]:
    """Raise our error for the SDK's; ``doing`` is e.g. ``cannot read endpoint chat``.

    With ``writes`` an error that leaves the outcome open becomes :class:`AnswerLost`.
    ``redact`` hides the secrets that the service may have echoed.
    """
    try:
        yield
    except DatabricksError as failure:
        message = f"{doing}: {redact(_message(failure))}"
        raise _kind(failure, writes=writes)(message, _hint(failure)) from failure
    except TimeoutError as failure:
        # The SDK gives up retrying with a bare TimeoutError and the last error as its cause.
        hint = getattr(failure, "hint", "") or _hint(failure.__cause__)
        said = redact(_message(failure.__cause__ or failure))
        raise _after_retries(failure, writes=writes)(
            f"{doing}: {said} ({' '.join(str(failure).split())})", hint
        ) from failure
    except NotTheApi as failure:
        kind = AnswerLost if writes and not failure.refused else UnexpectedAnswer
        raise kind(f"{doing}: {redact(str(failure))}", failure.hint) from failure
    except requests.RequestException as failure:
        lost = AnswerLost if writes else Unavailable
        hint = "check the address, the network and the proxy" if lost is Unavailable else ""
        raise lost(f"{doing}: {redact(_message(failure))}", hint) from failure


def _kind(failure: DatabricksError, *, writes: bool) -> type[WorkspaceError]:
    if failure.error_code in _QUOTA_CODES:
        return LimitExceeded
    for theirs, ours in _BY_CLASS:
        if isinstance(failure, theirs):
            return ours
    if isinstance(failure, sdk.NotFound):
        # A 404 with some other code is a disabled feature, not a missing object.
        return InvalidRequest if failure.error_code else NotFound
    if isinstance(failure, (sdk.BadRequest, sdk.NotImplemented)):
        return InvalidRequest
    return AnswerLost if writes else Unavailable


def _after_retries(failure: TimeoutError, *, writes: bool) -> type[WorkspaceError]:
    last = failure.__cause__
    if isinstance(last, DatabricksError):
        return _kind(last, writes=writes)
    return AnswerLost if writes else Unavailable


def _hint(failure: BaseException | None) -> str:
    if isinstance(failure, DatabricksError) and failure.error_code in _QUOTA_CODES:
        return _NO_ROOM
    if isinstance(failure, DatabricksError) and failure.error_code == "FEATURE_DISABLED":
        return _DISABLED
    return _TOO_FAST if isinstance(failure, sdk.TooManyRequests) else ""


def _message(failure: BaseException) -> str:
    if isinstance(failure, requests.ConnectionError):
        return "no connection to the workspace"
    if isinstance(failure, requests.Timeout):
        return "the workspace did not answer in time"
    # For answers that it cannot parse the SDK appends the whole request, and for
    # refused ones its configuration; neither belongs in front of a user.
    text = str(failure).split("Request log:")[0].split(". Config: ")[0]
    text = " ".join(text.split())
    if _NO_PARSER in text:
        return "the answer is not one of the API: a proxy or a login stands between"
    return shortened(text) or type(failure).__name__
