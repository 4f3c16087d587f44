"""Putting secrets: scopes first, then values, each with one call that can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from provisioner.apply.contract import Options, Progress
from provisioner.apply.run import BUG, BUG_HINT, at_once
from provisioner.errors import AlreadyExists, AnswerLost, Bug, ProvisionerError
from provisioner.plan.outcome import Result
from provisioner.plan.secret_outcome import SyncOutcome, SyncStep, sync_outcome
from provisioner.plan.secret_sync import SyncPlan
from provisioner.redaction import Redactor

_SECRETS = "/api/2.0/secrets"
_TRIES = 3
"""To put a value twice, or to make a scope that is there, changes nothing."""

_LEFT = "interrupted twice, so nobody waited for the answer"

Call = Callable[..., dict[str, Any]]
"""Makes one API call; see `contract.Service.call`."""


def sync(plan: SyncPlan, call: Call, options: Options) -> SyncOutcome:
    """Carry out a plan; never raises for what goes wrong with a secret.

    ``options.secrets`` has the values by `SCOPE/KEY`.
    """
    run = _Run(call, options)
    made = _all(run.scope, plan.create_scopes, options)
    failed = {step.name for step in made if step.result is not Result.DONE}
    names = [entry.secret for entry in plan.secrets if entry.is_put]
    put = _all(lambda name: run.secret(name, failed), names, options)
    return sync_outcome(plan, [*made, *put], interrupted=options.stop.is_set())


def _all(
    function: Callable[[str], SyncStep], names: Collection[str], options: Options
) -> list[SyncStep]:
    ended = at_once([partial(function, name) for name in names], options.parallelism, options.hurry)
    return [
        step or SyncStep(name, f"POST {_SECRETS}", Result.FAILED, _LEFT, AnswerLost.code)
        for name, step in zip(names, ended, strict=True)
    ]


class _Run:
    """The calls of one sync."""

    def __init__(self, call: Call, options: Options) -> None:
        self._call = call
        self._options = options
        self._hidden = Redactor(options.secrets.values())

    def scope(self, name: str) -> SyncStep:
        """Make a scope."""
        doing = f"cannot create the secret scope {name}"
        return self._step(name, "scopes/create", {"scope": name}, doing)

    def secret(self, name: str, failed: set[str]) -> SyncStep:
        """Put a value, unless there is no scope for it."""
        scope, _, key = name.partition("/")
        if scope in failed:
            return SyncStep(name, f"POST {_SECRETS}/put", Result.NOT_REACHED)
        body = {"scope": scope, "key": key, "string_value": self._options.secrets[name]}
        return self._step(name, "put", body, f"cannot put the secret {name}")

    def _step(self, name: str, path: str, body: Mapping[str, str], doing: str) -> SyncStep:
        call = f"POST {_SECRETS}/{path}"
        if self._options.stop.is_set():
            return SyncStep(name, call, Result.NOT_REACHED)
        try:
            self._sent(f"{_SECRETS}/{path}", body, doing)
        except ProvisionerError as failure:
            self._options.report(Progress(name, "failed"))
            text = self._hidden(str(failure).removeprefix(f"{doing}: "))
            return SyncStep(name, call, Result.FAILED, f"{doing}: {text}", failure.code)
        except Exception as failure:
            self._options.bug(failure)
            text = f"{doing}: {BUG}; {BUG_HINT}"
            return SyncStep(name, call, Result.FAILED, text, Bug.code)
        self._options.report(Progress(name, "put" if path == "put" else "scope created"))
        return SyncStep(name, call, Result.DONE)

    def _sent(self, path: str, body: Mapping[str, str], doing: str) -> None:
        lost: AnswerLost | None = None
        for _ in range(_TRIES):
            try:
                self._call("POST", path, body, doing=doing)
            except AlreadyExists:
                return  # made by our own first try, or by somebody who was faster
            except AnswerLost as failure:
                lost = failure
            else:
                return
        if lost:
            raise lost
