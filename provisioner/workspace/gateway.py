"""One connection to a workspace: endpoints, permissions, identity and files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from provisioner import __version__
from provisioner.catalog import Catalog, catalog
from provisioner.errors import (
    AlreadyExists,
    AnswerLost,
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    WorkspaceError,
)
from provisioner.redaction import Redactor
from provisioner.wire.answers import Live, live_endpoint
from provisioner.wire.document import is_application_id, principal
from provisioner.wire.requests import ENDPOINTS, PERMISSIONS, is_operation
from provisioner.workspace.failures import translated
from provisioner.workspace.logs import Teller, silence_bodies, tell_calls
from provisioner.workspace.pacing import Pace
from provisioner.workspace.query_tokens import QueryTokens
from provisioner.workspace.retries import RetryClock
from provisioner.workspace.sdk import ApiClient, Config
from provisioner.workspace.settle import settle
from provisioner.workspace.sign_in import (
    given,
    kept_for_a_while,
    no_password_in,
    not_configured,
    secrets_of,
    tried,
)
from provisioner.workspace.throttle import Throttle
from provisioner.workspace.unexpected import checked, refuse_pages

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

_ORG_ID = "x-databricks-org-id"
_FIRST_CONTACT = 5
"""Seconds in which the SDK may ask a host about itself, which it can do without."""


@dataclass(frozen=True)
class Access:
    """Where a workspace is and how to sign in; empty = as the SDK finds it.

    The SDK's unified authentication applies: environment variables, then profiles.
    """

    host: str = ""
    profile: str = ""
    auth_type: str = ""
    token: str = ""
    """Only for the embedded workspace, where it counts as one of OAuth."""
    paced: bool = True
    """Keep to the documented number of creations and updates in a while."""


@dataclass(frozen=True)
class Identity:
    """Who the workspace takes us for."""

    name: str
    principal: str
    """Key of the caller's own permission row."""
    workspace_id: str
    groups: frozenset[str] = frozenset()


class Workspace:
    """A signed-in connection; safe to use from several threads."""

    def __init__(
        self,
        config: Config,
        clock: RetryClock,
        throttle: Throttle,
        pace: Pace | None,
        facts: Catalog,
        redact: Redactor,
    ) -> None:
        self.host = str(config.host)
        self._clock = clock
        self._pace = pace
        self._facts = facts
        self.auth_type = str(config.auth_type)
        # From the workspace's own /.well-known/databricks-config, which the SDK asks for.
        self.cloud = config.cloud.value if config.cloud else ""
        """AWS, AZURE or GCP; empty = the workspace does not tell."""
        self._config = config
        self._api = ApiClient(config)
        self._throttle = throttle
        self._caller = ""
        self._query_tokens = QueryTokens(config)
        self.redact = redact
        """Hides, in what the service says, the secrets that it was told."""

    @classmethod
    def connect(
        cls,
        access: Access,
        *,
        parallelism: int = 10,
        patience: int = 60,
        tell: Teller | None = None,
        waits: Teller = lambda _line: None,
        facts: Catalog | None = None,
        redact: Redactor | None = None,
    ) -> Workspace:
        """Sign in. ``patience`` is for how many seconds calls are retried.

        ``tell`` gets one line for each answer of the service, ``waits`` one for each long wait.
        ``facts`` say how many calls it takes and what its failures mean, the shipped ones if not
        given. ``redact`` knows secrets already; those that sign in are added.

        Raises:
            AuthenticationFailed: no credentials, or more than one kind of them and no choice.
        """
        throttle = Throttle(parallelism)
        clock = RetryClock(throttle, min(patience, _FIRST_CONTACT), waits)
        redact = redact or Redactor()
        silence_bodies(redact)
        no_password_in(access.host)
        try:
            with translated("cannot sign in", redact=redact):
                config = Config(
                    clock=clock,
                    host=access.host or None,
                    profile=access.profile or None,
                    auth_type=access.auth_type or None,
                    token=access.token or None,
                    credentials_strategy=given(access.token) if access.token else None,
                    product="provisioner",
                    product_version=__version__,
                    retry_timeout_seconds=min(patience, _FIRST_CONTACT),
                    max_connection_pools=parallelism,
                    # One more, for what is written down while all others hang.
                    max_connections_per_pool=parallelism + 1,
                )
        except ValueError as failure:
            raise not_configured(
                redact(str(failure)), access.profile, access.auth_type
            ) from failure
        no_password_in(str(config.host))  # that of a profile
        redact.add(secrets_of(config))
        config.retry_timeout_seconds = clock.patience = patience
        # For OIDC in pipelines the SDK (0.156) fetches two tokens for every single call.
        signed = tried(config.authenticate, str(config.auth_type), redact)
        config.authenticate = kept_for_a_while(signed)  # type: ignore[method-assign]
        known = facts or catalog()
        limit = known.operations
        pace = Pace(limit.calls, limit.seconds) if access.paced else None
        workspace = cls(config, clock, throttle, pace, known, redact)
        if tell:
            tell_calls(workspace._api, tell)
        refuse_pages(workspace._api)
        return workspace

    def _do(self, method: str, path: str, **more: Any) -> Any:
        """One call of the SDK; from the first answer on the workspace is known to be there."""
        self._clock.started(writes=method != "GET")
        answer = checked(self._api, method, path, **more)
        self._clock.reached()
        return answer

    def identity(self) -> Identity:
        """Who we are, and the id of the workspace."""
        try:
            with self._translated(f"cannot sign in to {self.host}"):
                answer: Any = self._do(
                    "GET", "/api/2.0/preview/scim/v2/Me", response_headers=[_ORG_ID]
                )
        except (AuthenticationFailed, NotFound, PermissionDenied) as failure:
            failure.hint = failure.hint or (
                f"check the credentials for {self.auth_type}, and that this is their workspace"
            )
            raise
        name = str(answer.get("userName") or "")
        # For a service principal userName is its application id (SDK, scim Me).
        kind = "service_principal" if is_application_id(name) else "user"
        self._caller = principal(kind, name)
        groups = frozenset(str(group.get("display")) for group in answer.get("groups") or [])
        return Identity(name, self._caller, str(answer.get(_ORG_ID) or ""), groups)

    def stop(self) -> None:
        """Begin no further call, and repeat none: nobody waits for the answers."""
        self._throttle.stop()

    def forget_calls(self) -> None:
        """Make room for further calls though others hang: nobody waits for those any more."""
        self._throttle.forget()

    def in_parallel(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply ``function`` to all items at once; the first error is raised."""
        with ThreadPoolExecutor(self._throttle.most) as pool:
            return list(pool.map(function, items))

    def at_once(
        self, first: Callable[[], A], second: Callable[[], B], third: Callable[[], C]
    ) -> tuple[A, B, C]:
        """Call three independent functions at once."""
        with ThreadPoolExecutor(3) as pool:
            runs = pool.submit(first), pool.submit(second), pool.submit(third)
            return runs[0].result(), runs[1].result(), runs[2].result()

    def list_endpoints(self) -> list[dict[str, Any]]:
        """Summaries of all endpoints that the caller may see."""
        with self._translated("cannot list serving endpoints"):
            answer: Any = self._do("GET", ENDPOINTS)
        return list(answer.get("endpoints") or [])

    def read(self, name: str, rows: Collection[str] | None = None) -> Live | None:
        """One endpoint, or ``None`` if there is none.

        ``rows`` are the principals whose permissions are declared; ``None`` = the
        permissions are not managed and not read.
        """
        try:
            answer = self.call("GET", f"{ENDPOINTS}/{name}", doing=f"cannot read endpoint {name}")
            permissions = None
            if rows is not None and answer.get("id"):
                doing = f"cannot read the permissions of {name}"
                permissions = self.call("GET", f"{PERMISSIONS}/{answer['id']}", doing=doing)
        except NotFound:
            return None
        live = live_endpoint(answer, permissions, self._caller, rows or ())
        said = tuple((entity, self.redact(message)) for entity, message in live.failures)
        return replace(live, failures=said) if said else live

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, doing: str
    ) -> dict[str, Any]:
        """Make one API call and return its raw answer; ``doing`` opens the error message.

        Raises:
            AnswerLost: a write may or may not have taken place.
        """
        if self._pace and is_operation(method, path):
            self._pace.wait_for_turn()
        try:
            with self._throttle.slot(), self._translated(doing, writes=method != "GET"):
                # A bodiless GET must not carry a content type, hence None and not {}.
                answer = self._do(method, path, body=None if body is None else dict(body))
        except (AlreadyExists, Conflict) as failure:
            if self._clock.repeated:
                raise AnswerLost(str(failure)) from failure
            raise
        return dict(answer)

    def slot(self) -> AbstractContextManager[None]:
        """Hold one of the places for calls, as every call does."""
        return self._throttle.slot()

    def signature(self) -> dict[str, str]:
        """Headers that say who the caller is; they hold a secret and go into requests only.

        Raises:
            AuthenticationFailed: the credentials cannot be had.
        """
        try:
            with self._translated(f"cannot sign in to {self.host}"):
                return dict(self._config.authenticate())
        except ValueError as failure:
            raise AuthenticationFailed(f"cannot sign in to {self.host}") from failure

    def query_token(self, authorization: str) -> str:
        """A token to ask a route-optimized endpoint with, kept as long as it is good.

        Raises:
            NoQueryToken: the caller did not sign in with OAuth, or gets none.
        """
        token = self._query_tokens.get(authorization)
        self.redact.add([token])
        return token

    def settle(
        self, name: str, version: int, timeout: float, sleep: Callable[[float], None]
    ) -> Live:
        """Wait until configuration ``version`` serves; see :func:`settle.settle`."""
        return settle(
            name,
            self.read,
            version=version,
            timeout=timeout,
            sleep=sleep,
            log=self.build_log,
            cause=self._facts.cause_of,
        )

    def build_log(self, name: str, entity: str) -> str:
        """The build log of a served entity; empty where there is none."""
        path = f"{ENDPOINTS}/{name}/served-models/{entity}/build-logs"
        try:
            answer = self.call("GET", path, doing=f"cannot read the build log of {entity}")
        except WorkspaceError:
            # External models have none; a second error would hide the first.
            return ""
        return self.redact(str(answer.get("logs") or ""))

    def _translated(self, doing: str, *, writes: bool = False) -> AbstractContextManager[None]:
        return translated(doing, writes=writes, redact=self.redact)

    def metrics(self, name: str) -> str:
        """An endpoint's metrics as Prometheus text.

        Raises:
            NotFound: it has none, which endpoints of some kinds do not.
        """
        with self._throttle.slot(), self._translated(f"cannot read the metrics of {name}"):
            answer: Any = self._do(
                "GET",
                f"{ENDPOINTS}/{name}/metrics",
                headers={"Accept": "text/plain"},
                raw=True,
            )
            with answer["contents"] as stream:
                return str(stream.read().decode("utf-8", "replace"))

    def read_file(self, path: str) -> bytes | None:
        """A file of the workspace's own file store, or ``None``."""
        try:
            with self._translated(f"cannot read {path}"):
                answer: Any = self._do(
                    "GET",
                    "/api/2.0/workspace/export",
                    query={"path": path, "direct_download": "true"},
                    raw=True,
                )
                with answer["contents"] as stream:
                    return bytes(stream.read())
        except NotFound:
            return None

    def create_file(self, path: str, content: bytes) -> bool:
        """Put a file into the file store unless there is one; False = there was one."""
        try:
            self._import(path, content, overwrite=False)
        except AlreadyExists:
            return False
        return True

    def write_file(self, path: str, content: bytes) -> None:
        """Put a file into the workspace's file store, with the folders above it."""
        self._import(path, content, overwrite=True)

    def delete_file(self, path: str) -> None:
        """Delete a file of the file store; one that is not there is fine."""
        try:
            body = {"path": path}
            self.call("POST", "/api/2.0/workspace/delete", body, doing=f"cannot delete {path}")
        except NotFound:
            pass

    def _import(self, path: str, content: bytes, *, overwrite: bool) -> None:
        try:
            self._send(path, content, overwrite=overwrite)
        except NotFound:
            folder = path.rsplit("/", 1)[0]
            doing = f"cannot create the folder {folder}"
            self.call("POST", "/api/2.0/workspace/mkdirs", {"path": folder}, doing=doing)
            self._send(path, content, overwrite=overwrite)

    def _send(self, path: str, content: bytes, *, overwrite: bool) -> None:
        with self._translated(f"cannot write {path}", writes=True):
            self._do(
                "POST",
                f"/api/2.0/workspace-files/import-file/{quote(path.lstrip('/'), safe='')}",
                query={"overwrite": str(overwrite).lower()},
                headers={"Content-Type": "application/octet-stream"},
                data=content,
            )
