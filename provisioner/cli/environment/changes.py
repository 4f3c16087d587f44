"""What changed in git: the project as it was declared at another commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from provisioner.catalog.sections import OVERRIDE_FILE
from provisioner.errors import ProjectInvalid, error
from provisioner.project import Loaded, open_project
from provisioner.project.files import ENDPOINTS, ENVIRONMENTS
from provisioner.report.problems import printable
from provisioner.spec import EnvironmentSpec

_PARTS = (ENDPOINTS, ENVIRONMENTS)
"""Folders that a project consists of."""
_LAID_OVER = {"variables", "defaults", "overrides", "include", "exclude"}
"""Keys of an environment that show in its endpoints; the others concern all of them."""
_LINK = "120000"
"""Mode of a symbolic link in git's trees."""


@dataclass(frozen=True)
class Changed:
    """The endpoints of an environment that were declared otherwise before."""

    since: str
    names: frozenset[str]
    """Names in the workspace; only of endpoints that are declared now."""
    declared: int
    gone: int
    """How many were declared then and are not now; no selection retires them."""

    def says(self) -> str:
        """What was found, for people."""
        text = f"{len(self.names)} of {self.declared} endpoints changed since {self.since}"
        if self.gone:
            text += f"; {self.gone} no longer declared, which a selection never retires"
        return text


def endpoints(now: Loaded, since: str) -> Changed:
    """Compare what is declared now with what was when this branch left ``since``.

    Raises:
        ProjectInvalid: git cannot tell.
    """
    git = _Git(now.root)
    commit = git.fork_point(since)
    before = git.declared(commit, now.environment)
    names = {endpoint.name: endpoint.tree.plain() for endpoint in now.endpoints}
    if before is None:
        return Changed(since, frozenset(names), len(names), 0)
    then = {endpoint.name: endpoint.tree.plain() for endpoint in before.endpoints}
    everywhere = _frame(now.spec) != _frame(before.spec) or git.facts_changed(commit)
    differ = {name for name, tree in names.items() if everywhere or then.get(name) != tree}
    return Changed(since, frozenset(differ), len(names), len(then.keys() - names.keys()))


def files(root: Path, since: str) -> frozenset[str]:
    """Files of the project that differ from what they were, by their names in it."""
    git = _Git(root)
    return frozenset(git.changed_files(git.fork_point(since)))


def _frame(spec: EnvironmentSpec) -> dict[str, object]:
    return spec.model_dump(exclude=_LAID_OVER)


class _Git:
    """Questions to git about a project's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._said = ""
        """Git's last complaint."""

    def fork_point(self, since: str) -> str:
        """The last commit that ``since`` and this branch have in common."""
        if self._ask("rev-parse", "--is-inside-work-tree") is None:
            summary = f"{self._root} is in no repository that git can use"
            raise _unusable(summary, f"git says: {self._said}")
        named = f"{since}^{{commit}}"
        commit = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", named)
        shallow = self._ask("rev-parse", "--is-shallow-repository") == b"true\n"
        deeper = "fetch the whole history: `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0`"
        if commit is None:
            hint = deeper if shallow else "name a branch, a tag or a commit that is here"
            raise _unusable(f"there is no commit `{since}`", hint)
        base = self._ask("merge-base", commit.decode().strip(), "HEAD")
        if base is None:
            hint = deeper if shallow else "name a commit of this history"
            raise _unusable(f"`{since}` and this branch have no commit in common", hint)
        return base.decode().strip()

    def changed_files(self, commit: str) -> Iterator[str]:
        """Files in this folder that differ from a commit, also those that git does not know."""
        names = ("--name-only", "--relative", "--no-renames", "-z")
        differ = self._must("diff", *names, commit, "--", ".")
        new = self._must("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
        for name in (differ + new).split(b"\0"):
            if name:
                yield name.decode("utf-8", "replace")

    def facts_changed(self, commit: str) -> bool:
        """Whether the team's own facts, which rules judge by, differ from a commit."""
        return OVERRIDE_FILE in set(self.changed_files(commit))

    def declared(self, commit: str, environment: str) -> Loaded | None:
        """An environment as a commit has it; None when it cannot be read there."""
        with self._checked_out(commit) as folder:
            try:
                return open_project(folder).load(environment)
            except (ProjectInvalid, OSError):
                return None

    @contextmanager
    def _checked_out(self, commit: str) -> Iterator[Path]:
        """The project's files at a commit, in a folder that goes away."""
        listed = self._must("ls-tree", "-r", "-z", commit, "--", *_PARTS).decode("utf-8", "replace")
        entries = [line.partition("\t") for line in listed.split("\0") if line]
        blobs: dict[str, str] = {}
        with TemporaryDirectory() as name:
            folder = Path(name)
            for part in _PARTS:
                (folder / part).mkdir()
            for about, _, path in entries:
                mode, kind, blob = about.split()
                if kind == "blob" and mode != _LINK:
                    blobs[path] = blob
            for path, content in zip(blobs, self._contents(blobs.values()), strict=True):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            yield folder

    def _contents(self, blobs: Iterable[str]) -> Iterator[bytes]:
        """What blobs hold, in their order."""
        asked = "".join(f"{blob}\n" for blob in blobs)
        rest = self._must("cat-file", "--batch", stdin=asked.encode())
        while rest:
            head, _, rest = rest.partition(b"\n")
            size = int(head.rsplit(b" ", 1)[-1])
            yield rest[:size]
            rest = rest[size + 1 :]

    def _must(self, *arguments: str, stdin: bytes = b"") -> bytes:
        answer = self._ask(*arguments, stdin=stdin)
        if answer is None:
            raise _unusable(f"git cannot answer `{arguments[0]}`", f"git says: {self._said}")
        return answer

    def _ask(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """What git answers; None when it says no."""
        command = ["git", "-C", str(self._root), *arguments]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, check=False)  # noqa: S603
        except OSError as failed:
            hint = "install git, or leave the option out"
            raise _unusable(f"cannot start git: {failed.strerror}", hint) from failed
        self._said = printable(done.stderr.decode("utf-8", "replace").partition("\n")[0])
        return done.stdout if done.returncode == 0 else None


def _unusable(summary: str, hint: str) -> ProjectInvalid:
    return ProjectInvalid(error("changes-unknown", f"cannot tell what changed: {summary}", hint))
