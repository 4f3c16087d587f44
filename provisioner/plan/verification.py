"""What a verification found: whether each served entity answers, and else why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from provisioner import __version__
from provisioner.errors import Where
from provisioner.plan.model import FORMAT_VERSION, WorkspaceRef


class Cause(str, Enum):
    """Why a served entity is fine, or is not."""

    OK = "ok"
    CALLER_LACKS_RIGHT = "caller_lacks_right"
    PROVIDER_REJECTED_KEY = "provider_rejected_key"
    RATE_LIMITED = "rate_limited"
    COLD_START = "cold_start"
    """Compute was scaled to zero and did not come up in time."""
    PROVIDER_DOWN = "provider_down"
    MODEL_FAILED = "model_failed"
    """The model, or the service around it, broke while it answered."""
    WRONG_SHAPE = "wrong_shape"
    """An answer that is none of its task: parts are missing or of other types."""
    UNEXPECTED = "unexpected"
    """A whole answer that is not what the check expects."""
    NOT_READY = "not_ready"
    SLOW = "slow"
    REQUEST_REFUSED = "request_refused"
    MISSING = "missing"
    """There is no such endpoint or served entity, or it is not this environment's."""
    NO_ANSWER = "no_answer"
    """The connection broke; whether the model was asked is not known."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """One check of one served entity."""

    check: str
    entity: str
    """Empty when it never came to asking one."""
    cause: Cause
    message: str
    """What happened, in one line."""
    hint: str = ""
    """What to do about it."""
    said: str = ""
    """The words of the service or of the provider about a refusal, on one line."""
    status: int = 0
    """HTTP status; 0 = nothing was asked, or no answer came."""
    seconds: float = 0.0
    """How long the answer took."""
    tokens: int | None = None
    """Tokens that the answer says it cost."""
    tries: int = 0
    """How often the question was sent; 0 = nothing was asked."""

    @property
    def ok(self) -> bool:
        """Whether the check is passed."""
        return self.cause is Cause.OK


@dataclass(frozen=True)
class EndpointVerified:
    """All checks of one endpoint."""

    name: str
    verdicts: tuple[Verdict, ...]
    """By served entity, then by check; empty when nothing is to be checked."""
    rollback: bool = False
    """Whether a check that failed asks for the earlier configuration."""
    source: Where | None = None
    """Where the endpoint is declared."""

    @property
    def ok(self) -> bool:
        """Whether every check is passed."""
        return all(verdict.ok for verdict in self.verdicts)


@dataclass(frozen=True)
class Verification:
    """Everything that a verification found."""

    environment: str
    project: str
    workspace: WorkspaceRef
    endpoints: tuple[EndpointVerified, ...]
    """Sorted by name."""
    summary: dict[str, int]
    """Checks by cause, those that occur."""
    requests: int
    """How many questions were sent to models."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def ok(self) -> bool:
        """Whether every check of every endpoint is passed."""
        return all(endpoint.ok for endpoint in self.endpoints)


def summarise(endpoints: Iterable[EndpointVerified]) -> tuple[dict[str, int], int]:
    """How many checks have each cause, and how many questions were sent."""
    verdicts = [verdict for endpoint in endpoints for verdict in endpoint.verdicts]
    counts = {
        cause.value: number
        for cause in Cause
        if (number := sum(verdict.cause is cause for verdict in verdicts))
    }
    return counts, sum(verdict.tries for verdict in verdicts)
