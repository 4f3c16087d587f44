"""Asking a workspace, before a plan is shown, what would make its apply fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from provisioner.cli.environment.lookups import all_answers
from provisioner.cli.environment.regions import Judgement, Whereabouts
from provisioner.errors import WorkspaceError
from provisioner.plan import Desired, Plan
from provisioner.plan.preflight import Answers, Unknown, judge, questions
from provisioner.project import Loaded
from provisioner.wire.answers import Live
from provisioner.workspace import directory, secret_scopes
from provisioner.workspace.gateway import Workspace


def look(
    workspace: Workspace,
    known: Answers,
    plan: Plan,
    wanted: Sequence[Desired],
    live: Mapping[str, Live],
    loaded: Loaded,
) -> Judgement:
    """Ask everything at once, only of what a plan changes, and judge the answers.

    ``known`` are the answers that are there already.
    """
    asked = questions(plan, wanted, live, known.caller)
    calls: list[Callable[[], Any]] = [
        *(partial(directory.grants, workspace, one) for one in asked.securables),
        *(partial(directory.account, workspace, one) for one in asked.accounts),
        *(partial(secret_scopes.acl, workspace, one) for one in asked.acls),
    ]
    whereabouts = Whereabouts.of(plan, loaded, workspace.host, live)
    if whereabouts.matters:
        calls.append(partial(directory.region, workspace))
    replies = map(_known, all_answers(workspace, calls))
    answers = replace(
        known,
        securables={one: next(replies) for one in asked.securables},
        accounts={one: next(replies) for one in asked.accounts},
        acls={one: next(replies) for one in asked.acls},
    )
    placed = whereabouts.judged(next(replies)) if whereabouts.matters else Judgement()
    answers = replace(answers, unknown=(*known.unknown, *placed.unknown))
    found = judge(plan, wanted, live, answers, loaded.facts)
    return replace(placed, problems=(*placed.problems, *found))


def _known(reply: Any) -> Any:
    return Unknown.HIDDEN if isinstance(reply, WorkspaceError) else reply
