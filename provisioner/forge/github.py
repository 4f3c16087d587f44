"""GitHub's REST API, version 2022-11-28 (docs.github.com/rest)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from provisioner.errors import ForgeDenied, ForgeError, NoReviewedPlan
from provisioner.forge.contract import Issue, Note
from provisioner.forge.http import Http

_ACTIONS = "github-actions[bot]"
"""Author of what the token of a workflow writes; that token may not ask who it is."""
_PLAN = "plan.json"
_LARGEST_PLAN = 256 * 1024 * 1024


class GitHub:
    """One repository."""

    comment_limit = 65_536
    """Characters; a longer one is refused with `body is too long (maximum is 65536 characters)`.
    Checked 2026-11-24 against reports of that message in public issues."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http = http
        self._repository = f"/repos/{repository}"
        self._name = repository

    def me(self) -> str:
        """Login of the token's owner."""
        try:
            return str(self._http.get("/user")["login"])
        except ForgeDenied:
            return _ACTIONS

    def comments(self, change: int) -> Iterator[Note]:
        """Comments of a pull request."""
        for page in self._http.pages(f"{self._repository}/issues/{change}/comments"):
            yield from map(_note, page)

    def add_comment(self, change: int, body: str) -> Note:
        """Write a comment on a pull request."""
        path = f"{self._repository}/issues/{change}/comments"
        return _note(self._http.create(path, {"body": body}))

    def edit_comment(self, change: int, note: Note, body: str) -> None:  # noqa: ARG002 - GitLab's
        """Give a comment another text."""
        self._http.change("PATCH", f"{self._repository}/issues/comments/{note.id}", {"body": body})

    def issues(self, label: str) -> Iterator[Issue]:
        """Issues with a label; pull requests, which are in the same list, are left out."""
        for page in self._http.pages(f"{self._repository}/issues", labels=label, state="all"):
            yield from (_issue(found) for found in page if "pull_request" not in found)

    def add_issue(self, label: str, title: str, body: str) -> Issue:
        """Open an issue."""
        content = {"title": title, "body": body, "labels": [label]}
        made = self._http.create(f"{self._repository}/issues", content)
        if label not in {found["name"] for found in made.get("labels", ())}:
            # Labels are dropped in silence where the token may not set them.
            raise ForgeError(
                f"issue {made['number']} was opened without the label {label} that finds it",
                "give the token the right to write issues, and the issue the label",
            )
        return _issue(made)

    def edit_issue(self, issue: Issue) -> None:
        """Make an issue what is given."""
        state = "open" if issue.is_open else "closed"
        content = {"title": issue.title, "body": issue.body, "state": state}
        self._http.change("PATCH", f"{self._repository}/issues/{issue.number}", content)

    def reviewed_plan(self, commit: str, artifact: str) -> bytes:
        """The plan in the newest artifact of the pull request that became a commit."""
        number, head = self._merged(commit)
        for run in self._runs(head):
            path = f"{self._repository}/actions/runs/{run}/artifacts"
            kept = [
                found["id"]
                for page in self._http.pages(path, name=artifact)
                for found in page["artifacts"]
                if found["name"] == artifact and not found["expired"]
            ]
            if kept:
                archive = f"{self._repository}/actions/artifacts/{max(kept)}/zip"
                return _unpacked(self._http.file(archive), artifact)
        raise NoReviewedPlan(
            f"there is no artifact {artifact} of pull request {number} at {head[:12]}",
            "it may have expired, or no plan was made of the last commit",
        )

    def _merged(self, commit: str) -> tuple[int, str]:
        """Number and last commit of the pull request whose merge made a commit."""
        pages = self._http.pages(f"{self._repository}/commits/{commit}/pulls")
        for pull in (pull for page in pages for pull in page):
            if pull.get("merged_at") and pull.get("merge_commit_sha") == commit:
                return int(pull["number"]), str(pull["head"]["sha"])
        raise NoReviewedPlan(
            f"commit {commit[:12]} is not the merge of a pull request",
            "what is pushed without one was not reviewed",
        )

    def _runs(self, head: str) -> Iterator[int]:
        """Runs for a pull request of this repository, the newest first; forks are not ours."""
        query = {"head_sha": head, "event": "pull_request"}
        pages = self._http.pages(f"{self._repository}/actions/runs", **query)
        runs = [
            (str(run["created_at"]), int(run["id"]))
            for page in pages
            for run in page["workflow_runs"]
            if (run.get("head_repository") or {}).get("full_name") == self._name
        ]
        yield from (number for _, number in sorted(runs, reverse=True))


def _unpacked(content: bytes, artifact: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(_PLAN).file_size > _LARGEST_PLAN:
                raise NoReviewedPlan(f"the plan in artifact {artifact} is too large")
            return archive.read(_PLAN)
    except (zipfile.BadZipFile, KeyError):
        raise NoReviewedPlan(f"artifact {artifact} holds no {_PLAN}") from None


def _note(found: dict[str, Any]) -> Note:
    author = (found.get("user") or {}).get("login", "")
    return Note(found["id"], author, found.get("body") or "", found.get("html_url", ""))


def _issue(found: dict[str, Any]) -> Issue:
    return Issue(
        number=found["number"],
        author=(found.get("user") or {}).get("login", ""),
        title=found["title"],
        body=found.get("body") or "",
        is_open=found["state"] == "open",
        url=found.get("html_url", ""),
    )
