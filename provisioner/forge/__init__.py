"""What pipelines need of GitHub and GitLab: comments, issues and reviewed plans."""

from collections.abc import Callable

from provisioner.forge.contract import Forge, Issue, Note
from provisioner.forge.place import Kind, Place, find_place
from provisioner.forge.upsert import Done, close_issue, put_comment, put_issue

__all__ = [
    "Done",
    "Forge",
    "Issue",
    "Kind",
    "Note",
    "Place",
    "close_issue",
    "connect",
    "find_place",
    "put_comment",
    "put_issue",
]


def connect(place: Place, patience: float, tell: Callable[[str], None]) -> Forge:
    """A forge that can be spoken to; ``patience`` is for how many seconds to repeat calls.

    ``tell`` gets a line for each repetition.
    """
    from provisioner.forge.http import Http  # with the library that most commands do not need

    http = Http(place.api, place.token, patience, tell)
    if place.kind is Kind.GITHUB:
        from provisioner.forge.github import GitHub

        return GitHub(http, place.repository)
    from provisioner.forge.gitlab import GitLab

    return GitLab(http, place.repository)
