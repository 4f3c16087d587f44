"""GitLab's REST API, version 4 (docs.gitlab.com/api/rest)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from provisioner.errors import ForgeDenied, NoReviewedPlan
from provisioner.forge.contract import Issue, Note
from provisioner.forge.http import Http


class GitLab:
    """One project."""

    comment_limit = 1_000_000

    def __init__(self, http: Http, project: str) -> None:
        self._http = http
        self._project = f"/projects/{quote(project, safe='')}"
        self._id = project

    def me(self) -> str:
        """User name of the token's owner."""
        return str(self._http.get("/user")["username"])

    def comments(self, change: int) -> Iterator[Note]:
        """Notes of a merge request that people or tools wrote."""
        path = f"{self._project}/merge_requests/{change}/notes"
        for page in self._http.pages(path, sort="asc", order_by="created_at"):
            yield from (_note(found) for found in page if not found.get("system"))

    def add_comment(self, change: int, body: str) -> Note:
        """Write a note on a merge request."""
        path = f"{self._project}/merge_requests/{change}/notes"
        return _note(self._http.create(path, {"body": body}))

    def edit_comment(self, change: int, note: Note, body: str) -> None:
        """Give a note another text."""
        path = f"{self._project}/merge_requests/{change}/notes/{note.id}"
        self._http.change("PUT", path, {"body": body})

    def issues(self, label: str) -> Iterator[Issue]:
        """Issues with a label."""
        for page in self._http.pages(f"{self._project}/issues", labels=label, state="all"):
            yield from map(_issue, page)

    def add_issue(self, label: str, title: str, body: str) -> Issue:
        """Open an issue."""
        content = {"title": title, "description": body, "labels": label}
        return _issue(self._http.create(f"{self._project}/issues", content))

    def edit_issue(self, issue: Issue) -> None:
        """Make an issue what is given."""
        event = "reopen" if issue.is_open else "close"
        content = {"title": issue.title, "description": issue.body, "state_event": event}
        self._http.change("PUT", f"{self._project}/issues/{issue.number}", content)

    def reviewed_plan(self, commit: str, artifact: str) -> bytes:
        """The plan that a job of the merged request's last pipeline stored.

        GitLab keeps artifacts by job; the file in it is ``ARTIFACT.json``.
        """
        number, head = self._merged(commit)
        for job in self._jobs(number, head):
            path = f"{self._project}/jobs/{job}/artifacts/{quote(artifact)}.json"
            try:
                return self._http.file(path)
            except ForgeDenied:
                continue  # another job, or its artifacts have expired
        raise NoReviewedPlan(
            f"no job of merge request {number} at {head[:12]} has kept {artifact}.json",
            "it may have expired, or no plan was made of the last commit",
        )

    def _merged(self, commit: str) -> tuple[int, str]:
        path = f"{self._project}/repository/commits/{commit}/merge_requests"
        for change in (change for page in self._http.pages(path) for change in page):
            made = {change.get("merge_commit_sha"), change.get("squash_commit_sha"), change["sha"]}
            if change["state"] == "merged" and commit in made:
                return int(change["iid"]), str(change["sha"])
        raise NoReviewedPlan(
            f"commit {commit[:12]} is not the merge of a merge request",
            "what is pushed without one was not reviewed",
        )

    def _jobs(self, number: int, head: str) -> Iterator[int]:
        """Jobs with artifacts of the pipelines for a last commit, the newest first."""
        path = f"{self._project}/merge_requests/{number}/pipelines"
        pipelines = [found for page in self._http.pages(path) for found in page]
        for pipeline in sorted(pipelines, key=lambda found: int(found["id"]), reverse=True):
            ours = str(pipeline.get("project_id", self._id)) == self._id
            if pipeline["sha"] != head or not ours:
                continue
            jobs = f"{self._project}/pipelines/{pipeline['id']}/jobs"
            for job in (job for page in self._http.pages(jobs) for job in page):
                if job.get("artifacts_file"):
                    yield int(job["id"])


def _note(found: dict[str, Any]) -> Note:
    return Note(found["id"], found["author"]["username"], found.get("body") or "", "")


def _issue(found: dict[str, Any]) -> Issue:
    return Issue(
        number=found["iid"],
        author=found["author"]["username"],
        title=found["title"],
        body=found.get("description") or "",
        is_open=found["state"] == "opened",
        url=found.get("web_url", ""),
    )
