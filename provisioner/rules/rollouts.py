"""Rollouts: whether anything could stop them, and whether there is anything to divide."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Judged, served


def something_stops_it(endpoint: Judged) -> Iterator[Problem]:
    """A rollout has a limit, or asks while it goes on."""
    rollout = endpoint.spec.rollout
    if rollout and not rollout.judges_metrics and rollout.probe_every is None:
        summary = "nothing stops this rollout: each step only takes time"
        hint = "set a limit, such as `max_error_share: 0.01`, or `probe_every: 1m`"
        yield warning("rollout-without-limits", summary, hint, endpoint.where("rollout"))


def probes_have_a_question(endpoint: Judged) -> Iterator[Problem]:
    """Where checks are repeated while a step is held, there are some."""
    rollout, checks = endpoint.spec.rollout, endpoint.spec.checks
    if rollout is None or rollout.probe_every is None or checks is None:
        return
    globs = [glob for check in checks for glob in check.entities or ("*",)]
    for _, entity in served(endpoint):
        name = entity.name or ""
        if not any(fnmatchcase(name, glob) for glob in globs):
            summary = f"`probe_every` asks the checks of the endpoint, and none is about `{name}`"
            hint = "write a check for it, or remove `probe_every`"
            yield error("rollout-unasked", summary, hint, endpoint.where("rollout.probe_every"))


def versions_stand_still(endpoint: Judged) -> Iterator[Problem]:
    """The model of a served entity changes only together with its name."""
    if endpoint.spec.rollout is None:
        return
    for path, entity in served(endpoint):
        version = entity.entity_version or ""
        if version.startswith("@"):
            where = endpoint.where(f"{path}.entity_version")
            summary = f"`{version}` moves to other versions under one name, which cannot be divided"
            hint = "write the number of the version, and put it into the name of the served entity"
            yield warning("rollout-alias", summary, hint, where)
