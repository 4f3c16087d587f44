"""``provisioner rollback`` and ``restore``: back to what the record remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

import click

from provisioner.cli import options, output
from provisioner.cli.applying.carry_out import approve, execute, exit_code, judge
from provisioner.cli.applying.earlier import again, without_what_came
from provisioner.cli.environment.opening import connected
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Settings
from provisioner.errors import ExitCode, Problem, Refused, did_you_mean, warning
from provisioner.fields import Document
from provisioner.plan.traffic import entities_of
from provisioner.policy import Permits
from provisioner.record import Entry
from provisioner.report import terminal


@dataclass(frozen=True)
class _Way:
    """How to bring an endpoint back."""

    environment: str
    name: str
    auto_approve: bool
    no_wait: bool


def _options(command: Callable[[Settings, _Way], ExitCode]) -> Callable[..., Any]:
    """The options of both commands, handed on as one value."""

    def with_options(settings: Settings, **values: Any) -> ExitCode:
        return command(settings, _Way(**values))

    handed_on: Callable[..., Any] = update_wrapper(with_options, command)
    handed_on = click.pass_obj(handed_on)
    handed_on = click.option(
        "--no-wait", is_flag=True, help="Return when all calls were accepted."
    )(handed_on)
    handed_on = click.option("--auto-approve", is_flag=True, help="Do not ask.")(handed_on)
    handed_on = click.argument("name")(handed_on)
    return options.environment(handed_on)


@click.command("rollback", short_help="Return an endpoint to what was applied before.")
@_options
def rollback(settings: Settings, way: _Way) -> ExitCode:
    """Return endpoint NAME to what was applied before; the YAML is not touched.

    In the middle of a rollout that is what was applied before the rollout. The next apply
    brings back what the YAML says, unless it is changed too.
    """
    with connected(settings, way.environment) as session:
        entry = session.record.endpoints.get(way.name)
        if entry is not None and _is_rolling(session, way.name, entry):
            return _bring_back(session, way, entry, entry.document)
        if entry is None or not entry.history:
            raise _nothing_earlier(session, way.name)
        return _bring_back(session, way, entry, without_what_came(entry.history[0], entry.document))


@click.command("restore", short_help="Make a retired endpoint again.")
@_options
def restore(settings: Settings, way: _Way) -> ExitCode:
    """Make the retired endpoint NAME again, as it was; it gets a new id."""
    with connected(settings, way.environment) as session:
        entry = session.record.retired.get(way.name)
        if entry is None:
            known = ", ".join(sorted(session.record.retired)) or "none"
            raise Refused(
                f"cannot restore {way.name}: it is not among the retired endpoints",
                f"remembered are: {known}",
            )
        return _bring_back(session, way, entry, entry.document)


def _nothing_earlier(session: Session, name: str) -> Refused:
    """Why there is no way back: the name is wrong, or the endpoint was applied once at most."""
    declared = [endpoint.name for endpoint in session.loaded.endpoints]
    known = {*declared, *session.record.endpoints, *session.record.retired}
    if name in session.record.retired:
        return Refused(
            f"cannot roll back {name}: it is retired",
            f"provisioner restore {name} -e {session.target.environment}",
        )
    if name in known or session.workspace.read(name) is not None:
        return Refused(f"cannot roll back {name}: nothing earlier is remembered of it")
    hint = did_you_mean(name, known, "it is not declared, remembered or there")
    return Refused(f"cannot roll back {name}: there is no such endpoint", hint)


def _undeclared(session: Session, name: str) -> Iterator[Problem]:
    """What becomes of an endpoint that no file declares."""
    here = f"{name} -e {session.target.environment}"
    if all(endpoint.name != name for endpoint in session.loaded.endpoints):
        yield warning(
            "brought-back-undeclared",
            f"no file declares {name}: the next plan is to retire it again",
            f"provisioner import {here} writes its file, provisioner release {here} lets it go",
        )


def _is_rolling(session: Session, name: str, entry: Entry) -> bool:
    """Whether something serves beside what was applied last: that apply is not through."""
    live = session.workspace.read(name)
    applied = entities_of(entry.document).keys()
    return live is not None and bool(applied) and applied < entities_of(live.document).keys()


def _bring_back(session: Session, way: _Way, entry: Entry, document: Document) -> ExitCode:
    plan = session.compare_with([again(way.name, entry, document)])
    output.answer(terminal.plan(plan, facts=session.loaded.facts))
    if not plan.has_changes:
        return ExitCode.OK
    output.show_problems(_undeclared(session, way.name))
    judge(plan)
    approve(plan, session, Permits(), asked=not way.auto_approve)
    outcome = execute(plan, session, wait=not way.no_wait)
    output.answer("")
    output.answer(terminal.outcome(outcome))
    return exit_code(outcome)
