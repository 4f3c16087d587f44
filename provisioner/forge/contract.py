"""What GitHub and GitLab have in common, as far as it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Note:
    """A comment on a pull or merge request."""

    id: int
    author: str
    body: str
    url: str


@dataclass(frozen=True)
class Issue:
    """An issue."""

    number: int
    author: str
    title: str
    body: str
    is_open: bool
    url: str


class Forge(Protocol):
    """The calls that are made; every method raises ``ForgeError``."""

    comment_limit: int
    """Characters that a comment or an issue may have."""

    def me(self) -> str:
        """Who the token belongs to, as authors of comments are named."""

    def comments(self, change: int) -> Iterator[Note]:
        """Comments on a pull or merge request, the oldest first."""

    def add_comment(self, change: int, body: str) -> Note:
        """Write a comment. Raises ``ForgeBusy`` when it is not known to be there."""

    def edit_comment(self, change: int, note: Note, body: str) -> None:
        """Give a comment another text."""

    def issues(self, label: str) -> Iterator[Issue]:
        """Issues with a label, open and closed."""

    def add_issue(self, label: str, title: str, body: str) -> Issue:
        """Open an issue. Raises ``ForgeBusy`` when it is not known to be there."""

    def edit_issue(self, issue: Issue) -> None:
        """Make an issue what is given."""

    def reviewed_plan(self, commit: str, artifact: str) -> bytes:
        """``plan.json`` in an artifact that the pipeline of a merged request stored.

        ``commit`` is the one that the merge made. Raises ``NoReviewedPlan``.
        """
