"""What a plan is: plain data that can be saved, reviewed and applied elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from provisioner import __version__
from provisioner.diff import Cause, Effect, Reason, Scope
from provisioner.errors import Problem, Where
from provisioner.fields import Document
from provisioner.plan.gates import Gate
from provisioner.spec import Rollout

FORMAT_VERSION = 1
PENDING = "pending"
"""In a summary: endpoints that are left as they are, or not made, until something exists."""
EMBEDDED = "embedded"
"""Host of the workspace inside the command: its real port differs from run to run."""


class Action(str, Enum):
    """What a plan does with one endpoint."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    RETIRE = "retire"
    ADOPT = "adopt"
    WAIT = "wait"
    BLOCKED = "blocked"
    NONE = "none"


class Impact(str, Enum):
    """What the steps mean to those who call the endpoint."""

    NONE = "none"
    METADATA = "metadata"
    """Serving goes on untouched."""
    REDEPLOY = "redeploy"
    """A new configuration is rolled out while the old one serves."""
    NEW = "new_endpoint"
    DOWNTIME = "downtime"
    """Deleted and made anew: other id, other URL, no service in between."""
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One leaf that differs, and what is done about it."""

    path: str
    before: Any
    """``None`` = missing."""
    after: Any
    effect: Effect
    cause: Cause
    reason: Reason
    source: Where | None = None
    note: str = ""
    """What else is worth knowing, such as the alias that a version comes from."""


@dataclass(frozen=True)
class Fill:
    """A place in a body whose value is in the request only; a word stands there for people."""

    at: tuple[str | int, ...]
    """Keys and indexes, from the outside in."""
    env: str = ""
    """Environment variable that has the value; empty = a model's variable is sent on as it is."""


@dataclass(frozen=True)
class Step:
    """One API call; values of secrets are not in it."""

    call: str
    """Method and path; ``{id}`` stands for the id that creation will give."""
    body: dict[str, Any] | None
    changes: tuple[str, ...]
    """Paths of the changes that this call makes."""
    settle_first: bool = False
    """The endpoint must have finished updating before this call."""
    gate: Gate | None = None
    """What has to hold after this call, where it is one of a rollout's."""
    fills: tuple[Fill, ...] = ()
    """All that is not sent as it stands in the body, whatever it looks like."""


class Skipped(str, Enum):
    """Why traffic moves at once although the endpoint declares a rollout."""

    NEW_ENDPOINT = "new_endpoint"
    """It has no earlier traffic."""
    ON_REQUEST = "on_request"
    """By the option ``--no-rollout``."""


class Known(str, Enum):
    """Where the routes come from to which a breach returns."""

    LIVE = "live"
    """They are in force: the rollout has not moved anything yet."""
    APPLIED = "applied"
    """They are those of the last apply, and fit what is in force."""
    ESTIMATED = "estimated"
    """They cannot be known: what is in force was scaled back."""


@dataclass(frozen=True)
class RolloutPlan:
    """How the traffic of one endpoint moves in steps, those of its calls that have a gate."""

    entities: tuple[str, ...] = ()
    """Served entities that get more traffic than they are known to carry well."""
    opening: Gate | None = None
    """What has to hold before the first step, and where there is none, at all: what an
    earlier run has left to be shown."""
    restore: Step | None = None
    """The call after a breach."""
    earlier: Known = Known.LIVE
    """How far the routes of ``restore`` are known to be the earlier ones."""
    in_place: tuple[str, ...] = ()
    """Paths at which the model of a served entity would change under traffic, which cannot be
    divided; nothing else is said then."""
    skipped: Skipped | None = None
    """Nothing else is said then, either."""
    expected_seconds: float = 0.0
    """How long everything should take."""


@dataclass(frozen=True)
class EndpointPlan:
    """Everything about one endpoint."""

    name: str
    action: Action
    impact: Impact
    live_fingerprint: str
    id: str = ""
    """The service's id of the live endpoint; empty = there is none."""
    kind: str = ""
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    permit: str = ""
    """Option of ``apply`` that allows the action; empty = none is needed."""
    blocked_by: str = ""
    """Why nothing can be done, for the action ``blocked``."""
    pending: str = ""
    """What has to exist first; until then the endpoint is left as it is."""
    permission_rows: tuple[str, ...] | None = None
    """Principals whose permissions are declared; ``None`` = permissions were not read."""
    found: dict[str, Any] | None = None
    """What a governed endpoint had at first contact in the fields that are managed now."""
    declared: dict[str, Any] | None = None
    """The declared document, remembered after apply; ``None`` = no longer declared."""
    timeout_seconds: float = 0.0
    rollout: RolloutPlan | None = None
    """How traffic moves; ``None`` = no rollout is declared, or it has nothing to do."""

    def wanted(self) -> dict[str, Any]:
        """The values that apply brings into force, by path."""
        left_alone = {Reason.SERVER_DECIDES, Reason.IGNORED}
        return {
            change.path: change.after
            for change in self.changes
            if change.effect is not Effect.NONE and change.reason not in left_alone
        }

    @property
    def settles(self) -> bool:
        """Whether apply has to wait for the endpoint at the end."""
        return self.action is Action.WAIT or self.impact in {
            Impact.REDEPLOY,
            Impact.NEW,
            Impact.DOWNTIME,
        }


@dataclass(frozen=True)
class WorkspaceRef:
    """Which workspace a plan is for."""

    host: str
    workspace_id: str


@dataclass(frozen=True)
class Plan:
    """The whole difference between a project's environment and its workspace."""

    environment: str
    project: str
    workspace: WorkspaceRef
    endpoints: tuple[EndpointPlan, ...]
    fingerprint: str
    """Digest of meaning: targets, calls and live fingerprints; not time or order."""
    summary: dict[str, int]
    problems: tuple[Problem, ...] = ()
    operations: int = 0
    """How many of its calls count against the workspace's limit of creations and updates."""
    format_version: int = FORMAT_VERSION
    tool_version: str = __version__

    @property
    def owner(self) -> str:
        """Value of the owner tag on this environment's endpoints."""
        return f"{self.project}/{self.environment}"

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything, or is prevented from it."""
        return any(entry.action is not Action.NONE or entry.pending for entry in self.endpoints)

    @property
    def is_refused(self) -> bool:
        """Whether nothing can permit what it would do."""
        return self.has_changes and any(problem.is_error for problem in self.problems)


def summarise(entries: Iterable[EndpointPlan]) -> dict[str, int]:
    """How many endpoints each action has; those that are pending count apart."""
    counts = {**dict.fromkeys((action.value for action in Action), 0), PENDING: 0}
    for entry in entries:
        counts[PENDING if entry.pending else entry.action.value] += 1
    return counts


@dataclass(frozen=True)
class Desired:
    """One endpoint as declared, ready to be compared."""

    name: str
    kind: str
    document: Document
    scope: Scope = field(default_factory=Scope)
    adopt: bool = False
    protect: bool = False
    create_timeout: float = 0.0
    """Seconds to wait for the endpoint to settle."""
    update_timeout: float = 0.0
    governed: bool = False
    """Somebody else's endpoint: never made, configured or deleted."""
    if_missing: str = "fail"
    """What to do when a model version does not exist: fail, skip or wait."""
    pending: str = ""
    """Why nothing can be done for now; the endpoint is left as it is."""
    refresh: frozenset[str] = frozenset()
    """Paths of secret references to send again, since the values behind them changed."""
    rollout: Rollout | None = None
    """How traffic moves to what has not carried it; ``None`` = all at once."""
    no_rollout: bool = False
    """The rollout is left out on request."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What to say with a change, by path: the alias that a version comes from."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Principals of permissions as they were written, by the key of their row."""
    locate: Callable[[str], Where | None] = lambda _path: None
    """Where a document path was written."""


@dataclass(frozen=True)
class Target:
    """Whose plan this is and what it is made for."""

    project: str
    environment: str
    workspace: WorkspaceRef
    caller: str = ""
    """Key of the caller's own permission row."""
    minutes: Mapping[str, float] = field(default_factory=dict)
    """How long a deployment usually takes, by kind, and a move of ``traffic``."""

    @property
    def owner(self) -> str:
        """Value of the owner tag on this environment's endpoints."""
        return f"{self.project}/{self.environment}"
