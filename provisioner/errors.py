"""Problems, exceptions and exit codes.

ProvisionerError
├── ProjectInvalid        what a person wrote cannot be used                     exit 4
├── Refused               a permit, policy, protection or owner says no          exit 5
│   └── NoReviewedPlan    no plan of the merged request is kept                  exit 5
├── StalePlan             the workspace moved after the plan was made            exit 12
├── RolledBack            a rollout broke a limit; earlier routes are in force   exit 6
├── RecordUnusable        the memory of earlier applies cannot be read           (a warning)
│   ├── NoRecord          something else is in its place                         (a warning)
│   └── RecordNewer       a newer tool wrote it                                  (a warning)
├── Bug                   this tool is wrong                                     exit 70
├── ForgeError            GitHub or GitLab answered with an error                exit 1
│   ├── ForgeDenied       the token may not do this, or it does not exist        exit 3
│   └── ForgeBusy         no answer; whether it took effect is unknown
└── WorkspaceError        the service, or the way to it, answered with an error  exit 1
    ├── AuthenticationFailed   no usable credentials                             exit 3
    ├── PermissionDenied       the caller lacks a right                          exit 3
    ├── NotFound               the object does not exist
    ├── AlreadyExists          the name is taken
    ├── Conflict               another update is in progress
    ├── InvalidRequest         the service refused the content
    ├── LimitExceeded          a quota or a rate limit
    ├── Unavailable            the service could not answer; reading again may work
    ├── UnexpectedAnswer       the answer cannot be read
    ├── AnswerLost             the call was sent, its outcome is unknown
    ├── EndpointFailed         the endpoint's update failed
    └── StillInProgress        waiting ended before the endpoint settled         exit 9

Branch on these types, never on message text. A message reads
``cannot <verb> <object>: <doing>: <cause>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import Any, ClassVar, NamedTuple

from provisioner.redaction import without_keys


class ExitCode(IntEnum):
    """The published exit codes of every command."""

    OK = 0
    FAILED = 1
    CHANGES = 2
    AUTH = 3
    INVALID = 4
    REFUSED = 5
    ROLLED_BACK = 6
    VERIFY_FAILED = 7
    PARTIAL = 8
    TIMED_OUT = 9
    UNHEALTHY = 10
    STALE = 12
    USAGE = 64
    BUG = 70
    INTERRUPTED = 130

    @classmethod
    def worst(cls, codes: Iterable[int]) -> ExitCode:
        """The code of a run with several; what leaves least known comes first."""
        found = set(codes)
        return next((code for code in _WORST_FIRST if code in found), cls.OK)


_WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.USAGE,
    ExitCode.FAILED,
    ExitCode.AUTH,
    ExitCode.INVALID,
    ExitCode.REFUSED,
    ExitCode.STALE,
    ExitCode.PARTIAL,
    ExitCode.ROLLED_BACK,
    ExitCode.TIMED_OUT,
    ExitCode.VERIFY_FAILED,
    ExitCode.CHANGES,
    ExitCode.UNHEALTHY,
)
"""Every code but that of success."""


class Severity(str, Enum):
    """How much a problem weighs: only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Where(NamedTuple):
    """A place in a file; ``line`` and ``column`` count from 1."""

    file: str
    """Path relative to the project's folder, with forward slashes."""
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """In JSON a place is an object and not a list: names are part of the format."""
        from pydantic_core import core_schema  # only documents in JSON need it

        texts, numbers = core_schema.str_schema(), core_schema.int_schema()
        kinds = {"file": texts, "line": numbers, "column": numbers}
        place = core_schema.typed_dict_schema(
            {key: core_schema.typed_dict_field(kind) for key, kind in kinds.items()}
        )
        return core_schema.no_info_after_validator_function(
            lambda place: cls(**place),
            place,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls._asdict, return_schema=place
            ),
        )


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, where, and what to do about it.

    A message may repeat what somebody wrote, also a key that stands in the wrong place.
    What looks like a secret is hidden here, so that no message has to think of it.
    """

    severity: Severity
    code: str
    """Stable kebab-case name, the same in every output and release."""
    summary: str
    hint: str = ""
    where: Where | None = None
    endpoint: str = field(default="", kw_only=True)
    """Name of the endpoint that it is about, where it is about one."""

    def __post_init__(self) -> None:
        for name in ("summary", "hint", "endpoint"):
            object.__setattr__(self, name, without_keys(getattr(self, name)))

    @property
    def is_error(self) -> bool:
        """Whether this problem alone stops the command."""
        return self.severity is Severity.ERROR

    def sort_key(self) -> tuple[bool, Where, str, str, str]:
        """Order of printing: by place, problems without a place last."""
        where = self.where or Where("", 0, 0)
        return (self.where is None, where, self.code, self.summary, self.endpoint)


def error(code: str, summary: str, hint: str = "", where: Where | None = None) -> Problem:
    """A problem that stops the command."""
    return Problem(Severity.ERROR, code, summary, hint, where)


def warning(code: str, summary: str, hint: str = "", where: Where | None = None) -> Problem:
    """A problem that is shown and does not stop the command."""
    return Problem(Severity.WARNING, code, summary, hint, where)


def notice(code: str, summary: str, hint: str = "", where: Where | None = None) -> Problem:
    """A problem that is only worth knowing."""
    return Problem(Severity.NOTICE, code, summary, hint, where)


def about(endpoint: str, problem: Problem) -> Problem:
    """The same problem, with the endpoint that it is about."""
    return replace(problem, endpoint=endpoint)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, prefix: str = "") -> str:
    """A hint: the one of the known names that was probably meant, else ``otherwise``.

    A ``prefix`` that all of them have makes none of them likelier.
    """
    from difflib import get_close_matches  # only mistakes need it

    names = [name.removeprefix(prefix) for name in known]
    close = get_close_matches(word.removeprefix(prefix), names, n=1)
    return f"did you mean `{prefix}{close[0]}`?" if close else otherwise


@dataclass(frozen=True)
class Fixable(Problem):
    """A problem that goes away when one word of a file is replaced, or one key taken out."""

    old: str = ""
    """The key or the value at ``where``, as it is understood."""
    new: str = ""
    """What should stand there; empty = the key goes, with its value."""


def fixable(problem: Problem, old: str, new: str) -> Fixable:
    """The same problem, with the edit that takes it away."""
    p = problem
    return Fixable(p.severity, p.code, p.summary, p.hint, p.where, old, new, endpoint=p.endpoint)


def removable(problem: Problem, key: str) -> Fixable:
    """The same problem, with the edit that takes the key away."""
    return fixable(problem, key, "")


class ProvisionerError(Exception):
    """Base of everything that this tool raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    code: ClassVar[str] = "failed"
    """Code of the problem that is printed for this exception."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(without_keys(message))
        self.hint = without_keys(hint)

    def problems(self) -> tuple[Problem, ...]:
        """What to print."""
        return (error(self.code, str(self), self.hint),)


class ProjectInvalid(ProvisionerError):
    """The project's files cannot be used; carries every problem found."""

    exit_code = ExitCode.INVALID
    code = "project-invalid"

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.summary for problem in problems))
        self._problems = tuple(sorted(problems, key=Problem.sort_key))

    def problems(self) -> tuple[Problem, ...]:
        """Every problem, in the order of the files."""
        return self._problems


class Refused(ProvisionerError):
    """A permit is missing, or a policy, a protection or an owner forbids it."""

    exit_code = ExitCode.REFUSED
    code = "refused"


class NoReviewedPlan(Refused):
    """The pipeline of the merged request kept no plan that could be applied."""

    code = "no-reviewed-plan"

    def __init__(self, message: str, hint: str = "") -> None:
        again = "start the workflow `apply` by hand: it makes a plan now, for approval"
        super().__init__(message, f"{hint}; {again}" if hint else again)


class ForgeError(ProvisionerError):
    """GitHub or GitLab, or the way to it, answered with an error."""

    code = "forge-error"


class ForgeDenied(ForgeError):
    """The token may not do this, or what it is about does not exist."""

    exit_code = ExitCode.AUTH
    code = "forge-denied"


class ForgeBusy(ForgeError):
    """There was no answer; whether the call took effect is unknown."""

    code = "forge-busy"


class StalePlan(ProvisionerError):
    """The workspace is no longer what the plan was made against."""

    exit_code = ExitCode.STALE
    code = "stale-plan"


class RolledBack(ProvisionerError):
    """A rollout broke one of its limits, and the earlier routes are in force again."""

    exit_code = ExitCode.ROLLED_BACK
    code = "rolled-back"


class Bug(ProvisionerError):
    """Something in this tool is wrong; what it was at does not stop the rest."""

    exit_code = ExitCode.BUG
    code = "bug"


class RecordUnusable(ProvisionerError):
    """The record cannot be read; plans are made without it."""

    code = "record-unusable"


class RecordNewer(RecordUnusable):
    """A newer tool wrote the record; it is not written over."""


class NoRecord(RecordUnusable):
    """Something else is in the record's place; it is not written over."""


class WorkspaceError(ProvisionerError):
    """The service, or the way to it, answered with an error."""

    code = "workspace-error"


class AuthenticationFailed(WorkspaceError):
    """No usable credentials."""

    exit_code = ExitCode.AUTH
    code = "authentication-failed"


class PermissionDenied(WorkspaceError):
    """The caller lacks a right."""

    exit_code = ExitCode.AUTH
    code = "permission-denied"


class NotFound(WorkspaceError):
    """The object does not exist."""

    code = "not-found"


class AlreadyExists(WorkspaceError):
    """The name is taken."""

    code = "already-exists"


class Conflict(WorkspaceError):
    """Another update of the same endpoint is in progress."""

    code = "update-in-progress"


class InvalidRequest(WorkspaceError):
    """The service refused the content of the call."""

    code = "invalid-request"


class LimitExceeded(WorkspaceError):
    """A quota or a rate limit of the workspace is used up."""

    code = "limit-exceeded"


class Unavailable(WorkspaceError):
    """The service could not answer; a read may be repeated."""

    code = "service-unavailable"


class UnexpectedAnswer(WorkspaceError):
    """What answered is not the API, or the answer has a shape that cannot be read."""

    code = "unexpected-answer"


class AnswerLost(WorkspaceError):
    """The call was sent and its outcome is unknown."""

    code = "answer-lost"


class EndpointFailed(WorkspaceError):
    """The endpoint's update failed; the message names entities and causes."""

    code = "endpoint-failed"

    def __init__(self, message: str, hint: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.log = tuple(map(without_keys, log))
        """The last lines of the build logs, each with its served entity."""


class StillInProgress(WorkspaceError):
    """Waiting ended before the endpoint settled; nothing was undone."""

    exit_code = ExitCode.TIMED_OUT
    code = "still-in-progress"
