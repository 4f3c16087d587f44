"""A command in one environment or in several: asked side by side, told together."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Generic, TypeVar

from provisioner.cli import output
from provisioner.cli.bugs import report_bug
from provisioner.cli.environment.opening import joined, judged, project_root
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Settings, are_several, named, today
from provisioner.errors import ExitCode, Problem, ProjectInvalid, ProvisionerError, error, warning
from provisioner.plan.allowed import POLICY_LISTS
from provisioner.plan.fleet import Fleet, InEnvironment, fleet
from provisioner.project import Loaded, Project, open_project
from provisioner.report import machine, side_by_side
from provisioner.workspace.gateway import Workspace

T = TypeVar("T")

STILL_THERE = ("retired-model", *POLICY_LISTS)
"""For commands that only look: a model that ended today, or that a policy does not allow any
more, is no reason to see nothing."""
AT_ONCE = 8
"""Environments that are asked at the same time, each with its own calls in parallel."""


@dataclass(frozen=True)
class Question(Generic[T]):
    """What a command wants of every environment."""

    look: Callable[[Session], T]
    """Finds the answer of one environment; only reads."""
    code: Callable[[T], ExitCode]
    """How the command ends when there is nothing but this answer."""
    passing: Collection[str] = ()
    """Codes of errors in the project that do not keep it from being answered."""
    day: date = field(default_factory=today)
    """The day to judge dates by."""


@dataclass(frozen=True)
class Face(Generic[T]):
    """How answers are shown; every form of ``-o`` is a key of ``one``."""

    title: str
    """What the answer is, such as `Drift`."""
    one: Mapping[str, Callable[[T], str]]
    together: Mapping[str, Callable[[Fleet[T]], str]] = field(default_factory=dict)
    """Forms that show several environments in a way of their own; JSON needs none."""


def ask(
    settings: Settings, words: Sequence[str], question: Question[T], parallelism: int
) -> Fleet[T]:
    """Ask every environment that ``words`` name.

    With a single one its error is raised. Of several, one that fails does not stop the
    others: why it failed stands in its place.
    """
    project = open_project(project_root(settings))
    names = named(words, project.environments)
    if not are_several(words):
        loaded = judged(project, names[0], question.passing, question.day)
        with joined(loaded, parallelism) as session:
            found = question.look(session)
        return fleet([InEnvironment(names[0], question.code(found), found)])
    if not names:
        hint = "write one, or look whether --project is the right folder"
        raise ProjectInvalid(error("unknown-environment", "there is no environment at all", hint))
    run = _Run(project, question, parallelism)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(run.environment, name) for name in names]
        try:
            together = fleet(map(partial(_answer, code=question.code), names, answers))
        except KeyboardInterrupt:
            run.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    output.show_problems(_shared_credentials(run.loaded))
    return together


def show(found: Fleet[T], words: Sequence[str], form: str, face: Face[T]) -> ExitCode:
    """Print the answers in one form; gives the exit code.

    One environment that was asked for by its name is shown alone.
    """
    if not are_several(words):
        for result in found.results:
            output.answer(face.one[form](result))
    elif form in face.together:
        output.answer(face.together[form](found))
    elif form == "json":
        output.answer(machine.dump(found))
    else:
        output.answer(side_by_side.text(found, face.title, face.one[form]))
    if form != "text":
        # What failed stands in the answer too, but that may go where nobody looks.
        for environment in found.environments:
            if environment.problems:
                output.note(f"{environment.name}:")
                output.show_problems(environment.problems)
    return ExitCode(found.exit_code)


class _Run(Generic[T]):
    """One question on its way to all environments."""

    def __init__(self, project: Project, question: Question[T], parallelism: int) -> None:
        self._project = project
        self._question = question
        self._parallelism = parallelism
        self.loaded: list[Loaded] = []
        self._workspaces: list[Workspace] = []
        self._stopped = False

    def stop(self) -> None:
        """Let those that still ask come to an end: Ctrl-C only reaches the main thread."""
        self._stopped = True
        for workspace in self._workspaces:
            workspace.stop()

    def environment(self, name: str) -> T:
        loaded = judged(self._project, name, self._question.passing, self._question.day)
        self.loaded.append(loaded)
        with joined(loaded, self._parallelism, f"{name}: ") as session:
            self._workspaces.append(session.workspace)
            if self._stopped:
                session.workspace.stop()
            return self._question.look(session)


def _answer(name: str, answer: Future[T], code: Callable[[T], ExitCode]) -> InEnvironment[T]:
    try:
        found = answer.result()
    except ProvisionerError as failure:
        return InEnvironment(name, failure.exit_code, None, failure.problems())
    except Exception as failure:
        # A bug takes its own environment down, not what was found in the others.
        report_bug(failure)
        problem = error("failed", f"a bug: {type(failure).__name__}", "it is told on stderr")
        return InEnvironment(name, ExitCode.BUG, None, (problem,))
    return InEnvironment(name, code(found), found)


def _shared_credentials(loaded: Sequence[Loaded]) -> Iterator[Problem]:
    """What the SDK's variables do to several environments, which all of them see."""
    places = {one.environment: one.spec.workspace for one in loaded}
    places = {name: place for name, place in sorted(places.items()) if not place.emulator}
    host = os.environ.get("DATABRICKS_HOST")
    led = [name for name, place in places.items() if not place.host]
    if host and len(led) > 1:
        yield warning(
            "one-workspace-for-all",
            f"{', '.join(led)} go to the workspace in DATABRICKS_HOST, all of them",
            "the variable wins over profiles: unset it, or write workspace.host for each",
        )
    with_token = {
        place.host or host or f"profile {place.profile}"
        for place in places.values()
        if place.auth_type in {None, "pat"}
    }
    if os.environ.get("DATABRICKS_TOKEN") and len(with_token) > 1:
        yield warning(
            "one-token-for-all",
            f"DATABRICKS_TOKEN is sent to {len(with_token)} workspaces; a token is good for one",
            "unset it and name a workspace.profile for each, or use OAuth",
        )
