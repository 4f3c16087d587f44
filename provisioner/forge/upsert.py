"""One comment or issue for one purpose: found by a hidden mark, changed in place.

Only what the token's own account wrote is touched, so that nobody can have a
comment of theirs taken over, or keep ours from being written, by copying the mark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from provisioner.errors import ForgeBusy, ForgeError
from provisioner.forge.contract import Forge, Issue, Note

_TRIES = 4

Item = TypeVar("Item", Note, Issue)
Answer = TypeVar("Answer")


class Done(str, Enum):
    """What was sent."""

    CREATED = "created"
    UPDATED = "updated"
    REOPENED = "reopened"
    CLOSED = "closed"
    UNCHANGED = "unchanged"
    """Nothing: it says so already."""
    LEFT = "left"
    """Nothing: there is none, and none was wanted."""


@dataclass(frozen=True)
class _Mark:
    key: str

    def __str__(self) -> str:
        return f"<!-- provisioner: {self.key} -->"

    def on(self, body: str) -> str:
        return f"{self}\n{body.strip()}\n"

    def find(self, forge: Forge, items: Iterable[Item]) -> Item | None:
        """The oldest of our own items with the mark."""
        marked = [item for item in items if _plain(item.body).partition("\n")[0] == str(self)]
        me = forge.me() if marked else ""
        own = (item for item in marked if item.author == me)
        return min(own, key=_age, default=None)


def put_comment(
    forge: Forge, change: int, key: str, text: str, patience: float, *, update_only: bool = False
) -> tuple[Done, str]:
    """Make a comment on a pull or merge request say ``text``; gives its address, too."""
    mark = _Mark(key)
    body = mark.on(text)

    def attempt() -> tuple[Done, str]:
        found = mark.find(forge, forge.comments(change))
        if found is None:
            if update_only:
                return Done.LEFT, ""
            return Done.CREATED, _ours(forge.add_comment(change, body), forge).url
        if _plain(found.body) == _plain(body):
            return Done.UNCHANGED, found.url
        forge.edit_comment(change, found, body)
        return Done.UPDATED, found.url

    return _again(attempt, patience)


def put_issue(
    forge: Forge, label: str, key: str, title: str, text: str, patience: float
) -> tuple[Done, str]:
    """Have an open issue with this title and text; gives its address, too."""
    mark = _Mark(key)
    body = mark.on(text)

    def attempt() -> tuple[Done, str]:
        found = mark.find(forge, forge.issues(label))
        if found is None:
            return Done.CREATED, _ours(forge.add_issue(label, title, body), forge).url
        same = (found.title, _plain(found.body)) == (title, _plain(body))
        if same and found.is_open:
            return Done.UNCHANGED, found.url
        forge.edit_issue(replace(found, title=title, body=body, is_open=True))
        return Done.UPDATED if found.is_open else Done.REOPENED, found.url

    return _again(attempt, patience)


def close_issue(forge: Forge, label: str, key: str, text: str) -> tuple[Done, str]:
    """Have no open issue; ``text`` replaces the text of the one that is closed, if given."""
    mark = _Mark(key)
    found = mark.find(forge, forge.issues(label))
    if found is None:
        return Done.LEFT, ""
    if not found.is_open:
        return Done.UNCHANGED, found.url
    forge.edit_issue(replace(found, body=mark.on(text) if text else found.body, is_open=False))
    return Done.CLOSED, found.url


def _ours(made: Item, forge: Forge) -> Item:
    """What was just written, if it will be found again as ours.

    Raises:
        ForgeError: the token belongs to somebody whose name it may not tell.
    """
    if made.author != (me := forge.me()):
        raise ForgeError(
            f"{made.url or 'it'} was written by {made.author}, and looked for as {me}",
            "use the token of the job, or of a person; those of other apps cannot say who they are",
        )
    return made


def _again(attempt: Callable[[], Answer], patience: float) -> Answer:
    """Look and write until a creation is known to have worked; each try looks again first."""
    for number in range(1, _TRIES):
        try:
            return attempt()
        except ForgeBusy:
            time.sleep(patience / 60 * 2**number)
    return attempt()


def _plain(text: str) -> str:
    """A text as forges give it back: they may change the ends of lines."""
    return text.replace("\r\n", "\n").strip()


def _age(item: Note | Issue) -> int:
    return item.id if isinstance(item, Note) else item.number
