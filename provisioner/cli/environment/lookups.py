"""Asking a workspace what a plan has to know of models, principals and secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from provisioner.cli import options
from provisioner.errors import AuthenticationFailed, WorkspaceError
from provisioner.plan import Desired
from provisioner.plan.lookups import Facts, capacity_to_ask, scopes_to_read
from provisioner.plan.preflight import Preflight
from provisioner.plan.principals import Matches, names_to_find, principals_to_find
from provisioner.plan.versions import Found, Model, Unclear, versions_to_find
from provisioner.project import Loaded
from provisioner.wire.answers import Live
from provisioner.workspace import directory, secret_scopes
from provisioner.workspace.gateway import Workspace

K = TypeVar("K")
A = TypeVar("A")


@dataclass(frozen=True)
class Lookups:
    """Questions of one plan; what the workspace fails to answer stays open and ends nothing."""

    workspace: Workspace
    loaded: Loaded
    preflight: Preflight = Preflight.EXISTENCE

    def names(self, wanted: Iterable[Desired]) -> Matches:
        """Service principals that are written by name: needed to read the rights."""
        return self._matches(names_to_find(wanted))

    def versions(self, wanted: Iterable[Desired], live: Mapping[str, Live]) -> dict[Model, Found]:
        """Versions of models that are new or written as an alias."""
        models = versions_to_find(wanted, live)
        if self.preflight is Preflight.OFF:
            models = {model for model in models if model[1].startswith("@")}
        answers = self._asked(directory.version, models)
        return {
            model: Unclear(_cause(found)) if isinstance(found, WorkspaceError) else found
            for model, found in answers.items()
        }

    def facts(
        self,
        wanted: Iterable[Desired],
        live: Mapping[str, Live],
        versions: Mapping[Model, Found],
        *,
        refresh_secrets: bool,
    ) -> Facts:
        """What has to be known of principals, capacity and secrets, besides the ``versions``."""
        wanted = tuple(wanted)
        off = self.preflight is Preflight.OFF
        keys = self._asked(
            secret_scopes.keys, scopes_to_read(wanted) if refresh_secrets or not off else ()
        )
        if off:
            return Facts(scopes=_answered(keys), exists=False)
        meant = self._matches(principals_to_find(wanted, live))
        sold = self._asked(directory.throughput, capacity_to_ask(wanted, live, versions))
        return Facts(
            versions=versions,
            throughput=_answered(sold),
            principals=meant,
            scopes=_answered(keys),
            hidden_scopes=frozenset(scope for scope, found in keys.items() if found is None),
            synced=frozenset(self.loaded.spec.secrets),
            unit_step=self.loaded.facts.model_unit_step,
            groups=self._groups(meant),
        )

    def _matches(self, names: Iterable[str]) -> dict[str, tuple[str, ...] | None]:
        return _answered(self._asked(directory.matches, names))

    def _groups(self, meant: Matches) -> tuple[str, ...]:
        """Names of all groups, if one of them was probably meant."""
        if not any(found == () and who.startswith("group:") for who, found in meant.items()):
            return ()
        found = unless_it_fails(partial(directory.group_names, self.workspace))
        return () if isinstance(found, WorkspaceError) else found

    def _asked(
        self, question: Callable[[Workspace, K], A], items: Iterable[K]
    ) -> dict[K, A | WorkspaceError]:
        """The answers of the workspace, asked about all items at once."""
        distinct = sorted(items)  # type: ignore[type-var]
        calls = [partial(question, self.workspace, item) for item in distinct]
        return dict(zip(distinct, all_answers(self.workspace, calls), strict=True))


def all_answers(workspace: Workspace, calls: Iterable[Callable[[], A]]) -> list[A | WorkspaceError]:
    """Answers that are asked for at once, or why there are none.

    When calls have failed for as long as one may be repeated, the others are not made: a
    service that is down would be waited for once for each of them.
    """
    failures: list[WorkspaceError] = []
    end = time.monotonic() + options.patience()

    def ask(call: Callable[[], A]) -> A | WorkspaceError:
        if failures and time.monotonic() > end:
            return failures[0]
        found = unless_it_fails(call)
        if isinstance(found, WorkspaceError):
            failures.append(found)
        return found

    return workspace.in_parallel(ask, calls)


def unless_it_fails(call: Callable[[], A]) -> A | WorkspaceError:
    """An answer that is worth knowing and no more, or why there is none.

    Raises:
        AuthenticationFailed: nothing can be asked at all.
    """
    try:
        return call()
    except AuthenticationFailed:
        raise
    except WorkspaceError as failure:
        return failure


def _answered(answers: Mapping[K, A | WorkspaceError | None]) -> dict[K, A | None]:
    return {
        item: None if isinstance(found, WorkspaceError) else found
        for item, found in answers.items()
    }


def _cause(failure: WorkspaceError) -> str:
    """What the workspace said, without what was asked of it."""
    return str(failure).partition(": ")[2] or str(failure)
