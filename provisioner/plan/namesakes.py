"""Endpoints that bear this environment's owner tag and may be another project's."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from provisioner.errors import Problem, warning
from provisioner.plan.listing import listed
from provisioner.plan.model import Action, Plan

_HINT = (
    "the name of a project is the owner of its endpoints: give each project of a workspace "
    "its own before anything is retired"
)


def namesakes(
    plan: Plan, declared: Collection[str], remembered: Collection[str]
) -> Iterator[Problem]:
    """What is to be retired although this project may never have had it.

    ``declared`` are all endpoints of the environment, ``remembered`` those of its record,
    which projects of one name share. What is said is true of them whoever they belong to.
    """
    retired = [one.name for one in plan.endpoints if one.action is Action.RETIRE]
    owner = f"{plan.project}/{plan.environment}"
    unknown = [name for name in retired if name not in remembered]
    if unknown:
        yield warning(
            "owner-shared",
            f"neither a file nor the record knows {listed(unknown)}, with the owner tag {owner}: "
            f"another project may be called {plan.project}, too",
            _HINT,
        )
    elif declared and retired and not set(declared) & set(remembered):
        yield warning(
            "owner-shared",
            f"nothing that is declared here was applied before, and what was is to be retired: "
            f"{listed(retired)}; another project may be called {plan.project}, too",
            _HINT,
        )
