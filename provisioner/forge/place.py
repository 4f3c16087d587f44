"""Where a pipeline runs, read from the variables that GitHub and GitLab set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from provisioner.errors import ProjectInvalid, error


class Kind(str, Enum):
    """The forges that are known."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True)
class Place:
    """One repository on one forge, and who we are there."""

    kind: Kind
    api: str
    """Address of the REST API, without a slash at the end."""
    repository: str
    """``owner/name`` on GitHub, the project's number or path on GitLab."""
    token: str = field(repr=False)
    change: int | None
    """Number of the pull or merge request that the pipeline is for."""
    commit: str
    """Commit that the pipeline is for; may be empty."""


_API = "https://api.github.com"
_PULL = re.compile(r"refs/pull/([0-9]+)/(?:merge|head)")


def find_place(environ: Mapping[str, str]) -> Place:
    """The repository whose pipeline this is.

    Raises:
        ProjectInvalid: with the variables that are missing.
    """
    if environ.get("GITLAB_CI"):
        return _gitlab(environ)
    if environ.get("GITHUB_ACTIONS") or environ.get("GITHUB_REPOSITORY"):
        return _github(environ)
    summary = "this is no pipeline of GitHub or GitLab"
    hint = "elsewhere set GITHUB_REPOSITORY (owner/name) and GITHUB_TOKEN"
    raise ProjectInvalid(error("no-forge", summary, hint))


def _github(environ: Mapping[str, str]) -> Place:
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
    _need({"GITHUB_REPOSITORY": environ.get("GITHUB_REPOSITORY", ""), "GITHUB_TOKEN": token})
    pull = _PULL.fullmatch(environ.get("GITHUB_REF", ""))
    return Place(
        Kind.GITHUB,
        (environ.get("GITHUB_API_URL") or _API).rstrip("/"),
        environ["GITHUB_REPOSITORY"],
        token,
        int(pull[1]) if pull else None,
        environ.get("GITHUB_SHA", ""),
    )


def _gitlab(environ: Mapping[str, str]) -> Place:
    needed = ("CI_API_V4_URL", "CI_PROJECT_ID", "GITLAB_TOKEN")
    _need({name: environ.get(name, "") for name in needed})
    change = environ.get("CI_MERGE_REQUEST_IID", "")
    return Place(
        Kind.GITLAB,
        environ["CI_API_V4_URL"].rstrip("/"),
        environ["CI_PROJECT_ID"],
        environ["GITLAB_TOKEN"],
        int(change) if change.isdecimal() else None,
        environ.get("CI_COMMIT_SHA", ""),
    )


def _need(variables: Mapping[str, str]) -> None:
    missing = [name for name, value in variables.items() if not value]
    if missing:
        summary = f"not set, and needed here: {', '.join(missing)}"
        hint = "pass them to the step; a job's own token of GitLab cannot write comments"
        raise ProjectInvalid(error("no-forge", summary, hint))
