"""Which endpoints of an environment people mean by ``--only`` and ``--exclude``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from provisioner.cli import output
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Selection
from provisioner.errors import Problem, did_you_mean, warning


def meant(selection: Selection, session: Session) -> Selection:
    """The selection, with every glob also as one of names with the environment's prefix.

    A glob that matches nothing that is declared, remembered or live is told: it is a slip.
    """
    prefix = session.loaded.spec.name_prefix
    full = replace(
        selection,
        only=_both(selection.only, prefix),
        exclude=_both(selection.exclude, prefix),
    )
    output.show_problems(_slips(selection, prefix, session))
    return full


def _both(globs: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    return globs + tuple(prefix + glob for glob in globs if prefix)


def _slips(selection: Selection, prefix: str, session: Session) -> Iterator[Problem]:
    known = {endpoint.name for endpoint in session.loaded.endpoints}
    known |= session.record.endpoints.keys() | {summary["name"] for summary in session.listed}
    for glob in (*selection.only, *selection.exclude):
        either = _both((glob,), prefix)
        if not any(fnmatchcase(name, one) for name in known for one in either):
            summary = f"`{glob}` matches no endpoint of {session.loaded.environment}"
            hint = did_you_mean(glob, sorted(known), "`provisioner status` lists what is ours")
            yield warning("selection-empty", summary, hint)
