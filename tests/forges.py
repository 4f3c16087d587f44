"""Stand-ins for GitHub and GitLab: the calls that are used, over HTTP on loopback."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "forge-token-canary-0815"
PAGE = 3
"""Entries of a page, so that every list has several."""


class StandIn:
    """A forge with one repository; it keeps what it is told."""

    def __init__(self) -> None:
        self.me = "github-actions[bot]"
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.faults: list[tuple[str, int, bool, dict[str, str]]] = []
        """Method, status, whether it takes effect first, headers; each is used up once."""
        self.drops_labels = False
        self.lock = threading.RLock()
        self._next = 100

    def number(self) -> int:
        self._next += 1
        return self._next

    def writes(self) -> list[str]:
        """Methods of the calls that change something."""
        return [method for method, _ in self.calls if method != "GET"]

    def forget(self) -> None:
        self.calls.clear()

    # ------------------------------------------------------------ what tests put there

    def someone_comments(self, change: int, body: str, author: str = "mallory") -> dict[str, Any]:
        made = {"id": self.number(), "body": body, "user": {"login": author}, "html_url": "u"}
        self.comments.setdefault(change, []).append(made)
        return made

    def merged(self, number: int, head: str, commit: str) -> None:
        """A pull request that became a commit."""
        self.pulls.append(
            {
                "number": number,
                "merged_at": "2026-11-24T00:00:00Z",
                "merge_commit_sha": commit,
                "head": {"sha": head},
            }
        )

    def run(self, head: str, repository: str = "our/models") -> int:
        number = self.number()
        self.runs.append(
            {
                "id": number,
                "head_sha": head,
                "event": "pull_request",
                "created_at": f"2026-11-24T00:00:{len(self.runs):02}Z",
                "head_repository": {"full_name": repository},
            }
        )
        return number

    def keep(self, run: int, name: str, files: dict[str, bytes], *, expired: bool = False) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        self.artifacts.append(
            {
                "id": self.number(),
                "name": name,
                "expired": expired,
                "run": run,
                "content": packed.getvalue(),
                "files": files,
            }
        )

    # ------------------------------------------------------------ GitHub

    def github(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Status and answer; a list is given out in pages."""
        repository = "/repos/our/models"
        if path == "/user":
            return 403, {"message": "Resource not accessible by integration"}
        if found := re.fullmatch(rf"{repository}/issues/(\d+)/comments", path):
            if method == "POST":
                return 201, self.someone_comments(int(found[1]), body["body"], self.me)
            return 200, self.comments.get(int(found[1]), [])
        if found := re.fullmatch(rf"{repository}/issues/comments/(\d+)", path):
            every = [note for notes in self.comments.values() for note in notes]
            [note] = [note for note in every if note["id"] == int(found[1])]
            note["body"] = body["body"]
            return 200, note
        if path == f"{repository}/issues":
            return self._github_issues(method, query, body)
        if found := re.fullmatch(rf"{repository}/issues/(\d+)", path):
            [issue] = [issue for issue in self.issues if issue["number"] == int(found[1])]
            issue |= body
            return 200, issue
        return self._github_runs(path, query)

    def _github_issues(self, method: str, query: dict[str, str], body: Any) -> Any:
        if method == "GET":
            label = query["labels"]
            found = [i for i in self.issues if label in {entry["name"] for entry in i["labels"]}]
            return 200, list(reversed(found))
        labels = [] if self.drops_labels else [{"name": name} for name in body["labels"]]
        made = {
            **body,
            "number": self.number(),
            "state": "open",
            "labels": labels,
            "user": {"login": self.me},
            "html_url": "https://forge.example.com/issue",
        }
        self.issues.append(made)
        return 201, made

    def _github_runs(self, path: str, query: dict[str, str]) -> Any:
        repository = "/repos/our/models"
        if found := re.fullmatch(rf"{repository}/commits/(\w+)/pulls", path):
            return 200, self.pulls
        if path == f"{repository}/actions/runs":
            runs = [run for run in self.runs if run["head_sha"] == query["head_sha"]]
            return 200, {"total_count": len(runs), "workflow_runs": runs}
        if found := re.fullmatch(rf"{repository}/actions/runs/(\d+)/artifacts", path):
            kept = [a for a in self.artifacts if a["run"] == int(found[1])]
            shown = [{k: a[k] for k in ("id", "name", "expired")} for a in kept]
            return 200, {"artifacts": [a for a in shown if a["name"] == query["name"]]}
        if found := re.fullmatch(rf"{repository}/actions/artifacts/(\d+)/zip", path):
            return 302, found[1]
        return 404, {"message": "Not Found"}

    # ------------------------------------------------------------ GitLab

    def gitlab(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Status and answer."""
        project = "/projects/7"
        if path == "/user":
            return 200, {"username": self.me}
        if found := re.fullmatch(rf"{project}/merge_requests/(\d+)/notes(?:/(\d+))?", path):
            notes = self.comments.setdefault(int(found[1]), [])
            if method == "POST":
                self.someone_comments(int(found[1]), body["body"], self.me)
                return 201, _gitlab_note(notes[-1])
            if method == "PUT":
                [note] = [note for note in notes if note["id"] == int(found[2])]
                note["body"] = body["body"]
                return 200, _gitlab_note(note)
            return 200, [{**_gitlab_note(note), "system": False} for note in notes]
        if found := re.fullmatch(rf"{project}/issues(?:/(\d+))?", path):
            return self._gitlab_issues(method, found[1], query, body)
        if re.fullmatch(rf"{project}/repository/commits/(\w+)/merge_requests", path):
            return 200, [
                {
                    "iid": pull["number"],
                    "state": "merged",
                    "merge_commit_sha": pull["merge_commit_sha"],
                    "squash_commit_sha": None,
                    "sha": pull["head"]["sha"],
                }
                for pull in self.pulls
            ]
        return self._gitlab_jobs(path)

    def _gitlab_issues(
        self, method: str, number: str | None, query: dict[str, str], body: Any
    ) -> Any:
        if method == "GET":
            return 200, [i for i in self.issues if i["labels"] == query["labels"]]
        if method == "PUT":
            [issue] = [issue for issue in self.issues if issue["iid"] == int(number or 0)]
            event = body.pop("state_event")
            issue |= {**body, "state": {"close": "closed", "reopen": "opened"}[event]}
            return 200, issue
        made = {**body, "iid": self.number(), "state": "opened", "author": {"username": self.me}}
        self.issues.append(made)
        return 201, made

    def _gitlab_jobs(self, path: str) -> Any:
        if re.fullmatch(r"/projects/7/merge_requests/\d+/pipelines", path):
            return 200, [{"id": r["id"], "sha": r["head_sha"], "project_id": 7} for r in self.runs]
        if found := re.fullmatch(r"/projects/7/pipelines/(\d+)/jobs", path):
            kept = [a for a in self.artifacts if a["run"] == int(found[1])]
            return 200, [{"id": a["id"], "artifacts_file": {"filename": "a"}} for a in kept]
        if found := re.fullmatch(r"/projects/7/jobs/(\d+)/artifacts/(.+)", path):
            [artifact] = [a for a in self.artifacts if a["id"] == int(found[1])]
            if found[2] in artifact["files"] and not artifact["expired"]:
                return 302, found[1]
        return 404, {"error": "404 Not Found"}


def _gitlab_note(note: dict[str, Any]) -> dict[str, Any]:
    return {"id": note["id"], "body": note["body"], "author": {"username": note["user"]["login"]}}


class _Handler(BaseHTTPRequestHandler):
    forge: StandIn
    storage: str

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _do(self) -> None:
        forge, parts = self.forge, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with forge.lock:
            forge.calls.append((self.command, parts.path))
            fault = next((f for f in forge.faults if f[0] == self.command), None)
            if fault:
                forge.faults.remove(fault)
            if fault and not fault[2]:
                return self._answer(fault[1], {"message": "out of order"}, fault[3])
            side, _, path = parts.path[1:].partition("/")
            said = self.headers.get("Authorization", "")
            if said != f"Bearer {TOKEN}":
                return self._answer(401, {"message": f"Bad credentials: {said}"})
            answer = forge.github if side == "github" else forge.gitlab
            status, found = answer(self.command, "/" + unquote(path), query, body)
            if fault:
                return self._answer(fault[1], {"message": "out of order"}, fault[3])
        if status == 302:
            return self._answer(302, None, {"Location": f"{self.storage}/{side}/{found}"})
        return self._paged(status, found, query)

    def _paged(self, status: int, found: Any, query: dict[str, str]) -> None:
        if not isinstance(found, list) or self.command != "GET":
            return self._answer(status, found)
        page = int(query.get("page", 1))
        headers = {}
        if len(found) > page * PAGE:
            host = f"http://{self.headers['Host']}"
            more = "&".join(f"{k}={v}" for k, v in query.items() if k != "page")
            address = f"{host}{urlsplit(self.path).path}?{more}&page={page + 1}"
            headers["Link"] = f'<{address}>; rel="next"'
        return self._answer(status, found[(page - 1) * PAGE : page * PAGE], headers)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = _do  # noqa: N815


class _Storage(BaseHTTPRequestHandler):
    """Where artifacts lie; it must never see the token."""

    forge: StandIn

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        assert "Authorization" not in self.headers
        assert TOKEN not in str(self.headers)
        _, side, number = self.path.split("/")
        [kept] = [a for a in self.forge.artifacts if a["id"] == int(number)]
        content = kept["content"] if side == "github" else next(iter(kept["files"].values()))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def standing_in() -> Iterator[tuple[StandIn, str]]:
    """A forge, and the address below which are ``/github`` and ``/gitlab``."""
    forge = StandIn()
    storage = ThreadingHTTPServer(("127.0.0.1", 0), type("Storage", (_Storage,), {"forge": forge}))
    # Another host by its name: that is what makes a client keep its token back.
    other = f"http://localhost:{storage.server_port}"
    handler = type("Handler", (_Handler,), {"forge": forge, "storage": other})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    for each in (storage, server):
        threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield forge, f"http://127.0.0.1:{server.server_port}"
    finally:
        for each in (storage, server):
            each.shutdown()
            each.server_close()
