"""Verifying endpoints: read each, ask its served entities side by side, judge the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from provisioner.cli import interrupts
from provisioner.cli.asking.proving import prove
from provisioner.cli.asking.schema_files import resolved
from provisioner.cli.environment.session import Session
from provisioner.errors import NotFound, PermissionDenied, WorkspaceError
from provisioner.plan.verification import (
    Cause,
    EndpointVerified,
    Verdict,
    Verification,
    summarise,
)
from provisioner.project import Declared
from provisioner.query import Check, Target, architectures_of, checks_for, target_of
from provisioner.query.targets import hindrance
from provisioner.spec import CheckSpec
from provisioner.wire.requests import ENDPOINTS

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Looked:
    """What is to be asked of one endpoint, and what is known without asking."""

    declared: Declared
    checks: tuple[Check, ...] = ()
    known: tuple[Verdict, ...] = ()


def verify(session: Session, endpoints: Iterable[Declared], parallelism: int) -> Verification:
    """Put the checks of endpoints to all of their served entities; writes nothing.

    Raises:
        ProjectInvalid: a check's schema cannot be used; nothing was asked.
    """
    chosen = list(endpoints)
    checks = [resolved(endpoint, session.loaded.root) for endpoint in chosen]
    looked = at_once(partial(_look, session), list(zip(chosen, checks, strict=True)), parallelism)
    questions = [check for one in looked for check in one.checks]
    asking = partial(prove, session.workspace, stop=interrupts.asked, facts=session.loaded.facts)
    answers = at_once(asking, questions, parallelism)
    verdicts = dict(zip(map(id, questions), answers, strict=True))
    found = tuple(
        _verified(one, [verdicts[id(check)] for check in one.checks])
        for one in sorted(looked, key=lambda one: one.declared.name)
    )
    counts, sent = summarise(found)
    target = session.target
    return Verification(target.environment, target.project, target.workspace, found, counts, sent)


def _verified(looked: _Looked, verdicts: list[Verdict]) -> EndpointVerified:
    asking_back = {check.name for check in looked.checks if check.rollback}
    failed = any(not verdict.ok and verdict.check in asking_back for verdict in verdicts)
    # An entity that does not serve fails every check that would have been put to it.
    wanted = any(spec.on_failure == "rollback" for spec in looked.declared.spec.checks or ())
    return EndpointVerified(
        looked.declared.name,
        (*looked.known, *verdicts),
        rollback=failed or (bool(looked.known) and wanted),
        source=looked.declared.where(""),
    )


def _look(session: Session, item: tuple[Declared, Sequence[CheckSpec] | None]) -> _Looked:
    declared, specs = item
    if specs is not None and not specs:
        return _Looked(declared)
    name = declared.name
    try:
        doing = f"cannot read endpoint {name}"
        answer = session.workspace.call("GET", f"{ENDPOINTS}/{name}", doing=doing)
    except NotFound:
        return _known(declared, Cause.MISSING, "there is no such endpoint", _apply(session))
    except PermissionDenied as failure:
        hint = "grant CAN_QUERY on the endpoint to whoever verifies"
        return _known(declared, Cause.CALLER_LACKS_RIGHT, str(failure), hint)
    except WorkspaceError as failure:
        return _known(declared, Cause.UNKNOWN, str(failure), failure.hint)
    target = target_of(answer, architectures_of(declared.spec), session.loaded.facts)
    if declared.spec.governs is None and target.owner != session.target.owner:
        whose = f"belongs to {target.owner}" if target.owner else "is managed by nobody"
        return _known(declared, Cause.MISSING, f"an endpoint of this name {whose}", _apply(session))
    if why := hindrance(target):
        return _known(declared, Cause.NOT_READY, why, "provisioner status and wait tell more")
    missing = tuple(_not_served(target, declared))
    return _Looked(declared, checks_for(target, specs), missing)


def _apply(session: Session) -> str:
    return f"provisioner plan -e {session.loaded.environment} tells what apply would do"


def _known(declared: Declared, cause: Cause, message: str, hint: str) -> _Looked:
    return _Looked(declared, known=(Verdict("", "", cause, message, hint),))


def _not_served(target: Target, declared: Declared) -> Iterable[Verdict]:
    """Served entities that are declared, and of which the serving configuration knows nothing."""
    for entity in declared.spec.served_entities:
        if entity.name and target.entity(entity.name) is None:
            states = {"NOT_UPDATING": "nothing is being rolled out"}
            state = states.get(target.update, target.update.lower().replace("_", " "))
            message = f"is declared and not served ({state})"
            hint = "apply it, or wait until it is rolled out"
            yield Verdict("", entity.name, Cause.NOT_READY, message, hint)


def at_once(function: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
    """Apply a function to all items, ``most`` at the same time; the first error is raised.

    Unlike a pool this is left at once on Ctrl-C: an answer may take minutes.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    for index in range(len(items)):
        waiting.put(index)
    results: dict[int, R] = {}
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            try:
                index = waiting.get_nowait()
            except Empty:
                return
            try:
                results[index] = function(items[index])
            except BaseException as failure:  # raised again below
                errors.append(failure)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(most, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]
