"""``drift --accept``: what was changed outside becomes what is declared, in the line that says it.

An edit counts only if, with it, the declared document has the live value at the
accepted places and is the same everywhere else; everything is proved before anything
is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any

from provisioner.cli import output
from provisioner.cli.editing import rewriting
from provisioner.cli.editing.attempt import Attempt
from provisioner.cli.editing.wishes import Wish
from provisioner.cli.environment.opening import joined, judged, project_root
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.several import STILL_THERE
from provisioner.cli.environment.unread import Unread
from provisioner.cli.options import Selection, Settings
from provisioner.diff import leaves
from provisioner.errors import Problem, ProjectInvalid, Refused, Where, error, warning
from provisioner.fields import pattern_of, table
from provisioner.importing import declaration
from provisioner.importing.accepting import ORDER, ORDER_WHY, Act, Edit, Left, edits
from provisioner.plan import EndpointPlan, desired
from provisioner.plan.drift import Sync, sync_of
from provisioner.project import Loaded, open_project
from provisioner.project.rewrite import CannotRewrite
from provisioner.wire.answers import Live
from provisioner.wire.requests import ENDPOINTS

_Documents = Mapping[str, Mapping[str, Any]]
"""Declared documents by the endpoint's name."""


def accept(settings: Settings, environment: str, wish: Wish, parallelism: int) -> None:
    """Write live values of some endpoints into the files, after a look at the difference.

    Raises:
        Refused: there is something to write, and nobody to ask.
    """
    root = project_root(settings)
    draft = Draft(root, environment)
    with joined(draft.loaded, parallelism) as session:
        _unmatched(session, wish)
        unread = Unread()
        plan, live = session.compare(Selection(wish.endpoints), unread=unread)
        for name, withheld in {**unread.endpoints, **unread.permissions}.items():
            draft.leave(name, [Left("", withheld.why)])
        for entry in plan.endpoints:
            _endpoint(draft, session, entry, live.get(entry.name), wish)
    output.show_problems(draft.problems)
    if not draft.texts:
        output.note("nothing to accept")
        return
    _tell_others(draft)
    rewriting.propose(root, draft.texts, "accept", yes=wish.yes)


def _unmatched(session: Session, wish: Wish) -> None:
    known = {endpoint.name for endpoint in session.loaded.endpoints}
    for glob in wish.endpoints:
        if not any(fnmatchcase(name, glob) for name in known):
            summary = f"no declared endpoint matches {glob}"
            raise ProjectInvalid(error("unknown-endpoint", summary, "look at `status`"))


def _endpoint(
    draft: Draft, session: Session, entry: EndpointPlan, live: Live | None, wish: Wish
) -> None:
    ids = {name: one.id for name, one in session.record.endpoints.items()}
    sync = sync_of(entry, live, ids)
    if live is None:
        if sync is Sync.MISSING:
            why = "it is gone: remove its file, or apply makes it again"
            draft.leave(entry.name, [Left("", why)])
        return
    changes = [change for change in entry.changes if wish.covers(change.path)]
    if not changes or entry.name not in draft.documents:
        return
    answer = session.workspace.call(
        "GET", f"{ENDPOINTS}/{entry.name}", doing=f"cannot read endpoint {entry.name}"
    )
    written = declaration(answer, live, entry.name, adopt=False).data
    want = entry.declared or draft.documents[entry.name]
    replaced = sync is Sync.REPLACED_OUTSIDE
    wanted, left = edits(changes, want, live.document, written, all_of_it=replaced)
    draft.places = {change.path: change.source for change in changes}
    draft.leave(entry.name, left)
    for group in together(wanted):
        draft.take(entry.name, group, live)
    if wish.covers(ORDER) and _in_other_order(draft.documents[entry.name], live.document):
        draft.leave(entry.name, [Left(ORDER, ORDER_WHY)])


def _in_other_order(want: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the service falls back in another order than that of the served entities."""
    orders = [(one.get("config") or {}).get("fallback_order") for one in (want, live)]
    return orders[0] is not None and orders[0] != orders[1]


def together(wanted: Iterable[Edit]) -> Iterator[list[Edit]]:
    """Edits by what has to be right together; first what goes, then what comes."""
    order = [Act.REMOVE, Act.SET, Act.ADD]
    ranked = sorted(wanted, key=lambda edit: (edit.block, order.index(edit.act), edit.path))
    for _, group in groupby(ranked, key=lambda edit: edit.block):
        yield list(group)


@dataclass
class Draft:
    """The project as it would be, edit by edit."""

    root: Path
    environment: str
    texts: dict[str, bytes] = field(default_factory=dict)
    """What changed files would hold, by name."""
    places: dict[str, Where | None] = field(default_factory=dict)
    """Where the changed values are declared."""
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = self.project = open_project(self.root)
        self.loaded = judged(self.project, self.environment, STILL_THERE)
        self.documents = _documents(self.loaded)

    def leave(self, name: str, left: Iterable[Left]) -> None:
        """Say what is not accepted, and why."""
        for one in left:
            what = f"{name}: {one.path}" if one.path else name
            where = self.places.get(one.path)
            text = f"{what} is not accepted: {one.why}"
            self.problems.append(warning("not-accepted", text, "it is left to you", where))

    def take(self, name: str, group: Sequence[Edit], live: Live) -> None:
        """Accept what belongs together, or else each that can be accepted alone."""
        why = self._take(name, group, live)
        if not why:
            return
        for edit in group:
            if alone := why if len(group) == 1 else self._take(name, [edit], live):
                self.leave(name, [Left(path, alone) for path in edit.covers])

    def _take(self, name: str, group: Sequence[Edit], live: Live) -> str:
        """Make edits; gives the reason where that is not possible, and then changes nothing."""
        attempt = Attempt(self.root, self.environment, name, dict(self.texts), self.project)
        try:
            for edit in group:
                attempt.make(edit)
            loaded = judged(attempt.project, self.environment, STILL_THERE)
        except CannotRewrite as failure:
            return str(failure)
        except ProjectInvalid as failure:
            return f"the project would be wrong: {failure.problems()[0].summary}"
        documents = _documents(loaded)
        if why := _not_as_wished(name, group, self.documents, documents, live):
            return why
        self.texts, self.project = attempt.texts, attempt.project
        self.loaded, self.documents = loaded, documents
        return ""


def _documents(loaded: Loaded) -> dict[str, Mapping[str, Any]]:
    owner = f"{loaded.spec.project}/{loaded.environment}"
    return {one.name: desired(one.spec, owner).document for one in loaded.endpoints}


def _not_as_wished(
    name: str, group: Sequence[Edit], before: _Documents, after: _Documents, live: Live
) -> str:
    """Why the declared documents are not what they should be with some edits; empty = they are."""
    if any(after.get(other) != document for other, document in before.items() if other != name):
        return "another endpoint would change with it"
    old, new, there = leaves(before[name]), leaves(after.get(name) or {}), leaves(live.document)
    covered = {path for edit in group for path in edit.covers}
    for path in sorted(covered | {path for path in new if _below(path, group)}):
        row = table().get(pattern_of(path))
        found, wanted = new.get(path), there.get(path)
        if not row.same(found and found.value, wanted and wanted.value):
            return f"{path} would still not be the live value"
    for path in sorted((old.keys() | new.keys()) - covered - {ORDER}):
        was, now = old.get(path), new.get(path)
        if (was and was.value) != (now and now.value) and not _below(path, group):
            return f"{path} would change with it"
    return ""


def _below(path: str, group: Iterable[Edit]) -> bool:
    places = [edit.path for edit in group]
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in places)


def _tell_others(draft: Draft) -> None:
    """Say which other environments the changed lines belong to.

    Raises:
        Refused: one of them would be invalid.
    """
    for name in draft.project.environments:
        if name == draft.environment:
            continue
        try:
            before = _documents(judged(draft.before, name, STILL_THERE))
        except ProjectInvalid:
            continue
        try:
            after = _documents(judged(draft.project, name, STILL_THERE))
        except ProjectInvalid as failure:
            summary = failure.problems()[0].summary
            raise Refused(
                f"cannot accept: the lines are also those of {name}, which would be wrong: "
                f"{summary}",
                "accept less with --path, or edit the files by hand",
            ) from failure
        if changed := [one for one, document in after.items() if before.get(one) != document]:
            output.note(f"the same lines declare it in {name}: {', '.join(changed)}")
