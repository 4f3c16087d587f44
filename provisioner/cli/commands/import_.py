"""``provisioner import``: write the YAML of endpoints that exist and are not declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from provisioner import rules
from provisioner.cli import options, output
from provisioner.cli.applying.carry_out import approve, execute, exit_code, judge
from provisioner.cli.environment.opening import connected, load
from provisioner.cli.environment.session import Session
from provisioner.cli.environment.unread import code_of
from provisioner.cli.options import Selection, Settings
from provisioner.diff import Effect
from provisioner.errors import ExitCode, Problem, ProjectInvalid, ProvisionerError, warning
from provisioner.importing import Imported, declaration
from provisioner.plan import Plan
from provisioner.policy import Permits
from provisioner.project import Declared, open_project
from provisioner.project.documents import read_documents
from provisioner.project.files import ENDPOINTS as FOLDER
from provisioner.project.files import endpoint_files
from provisioner.project.variables import Variables
from provisioner.report import terminal
from provisioner.report.problems import printable
from provisioner.spec import EndpointSpec, canonical, check, with_entity_names
from provisioner.wire.answers import Live, is_hosted, live_endpoint
from provisioner.wire.document import OWNER_TAG
from provisioner.wire.requests import ENDPOINTS, PERMISSIONS


@click.command("import", short_help="Write YAML for endpoints that exist.")
@options.environment
@click.argument("globs", nargs=-1, metavar="[GLOB]...")
@click.option("--adopt", is_flag=True, help="Take the imported endpoints over at once.")
@click.option("--include-system", is_flag=True, help="List endpoints of Databricks' own, too.")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder to write to.  [default: endpoints/ of the project]",
)
@options.parallelism
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    globs: tuple[str, ...],
    adopt: bool,  # noqa: FBT001 - an option
    include_system: bool,  # noqa: FBT001 - an option
    folder: Path | None,
    parallelism: int,
) -> ExitCode:
    """Write a file for each endpoint that exists and is not declared yet.

    GLOBs choose endpoints by name. A file holds what differs from the service's
    defaults, and is never overwritten.
    """
    with connected(settings, environment, parallelism) as session:
        place = folder or session.loaded.root / FOLDER
        in_project = place.resolve().is_relative_to((session.loaded.root / FOLDER).resolve())
        if adopt and not in_project:
            raise click.UsageError(f"--adopt needs files in {FOLDER}/, which --to is not")
        run = _Run(session, place, adopt, _unmatched(session, globs))
        run.all(_wanted(session, globs, include_system=include_system))
        plan = run.plan(settings) if in_project and run.written else None
        run.report(in_project=in_project)
        if adopt and plan:
            return _adopt(plan, session, run, parallelism)
    return run.exit_code()


def _adopt(plan: Plan, session: Session, run: _Run, parallelism: int) -> ExitCode:
    """What ``apply --adopt`` does; asks when more than the owner tag would change."""
    output.answer("")
    output.answer(terminal.plan(plan, facts=session.loaded.facts))
    if not plan.has_changes:
        return ExitCode.OK
    judge(plan)
    approve(plan, session, Permits(adopt=tuple(run.written)), asked=bool(run.more))
    outcome = execute(plan, session, parallelism, wait=True)
    output.answer("")
    output.answer(terminal.outcome(outcome))
    return exit_code(outcome)


# ------------------------------------------------------------ which endpoints


@dataclass(frozen=True)
class _Found:
    """One endpoint of the workspace; ``skip`` says why it is not imported."""

    name: str
    short: str = ""
    """Its name in the project, without the environment's prefix."""
    skip: str = ""


def _wanted(session: Session, globs: tuple[str, ...], *, include_system: bool) -> list[_Found]:
    """The endpoints to import, and those to mention; sorted by name."""
    selection = Selection(globs)
    declared = _declared(session)
    found = [_found(session, summary) for summary in session.listed]
    hosted = {summary["name"] for summary in session.listed if is_hosted(summary)}
    return sorted(
        (
            replace(entry, skip="it is declared already") if entry.name in declared else entry
            for entry in found
            if entry.name in selection
            and (include_system or entry.name not in hosted)
            and (globs or entry.name not in declared)
        ),
        key=lambda entry: entry.name,
    )


def _unmatched(session: Session, globs: tuple[str, ...]) -> Iterator[Problem]:
    for glob in globs:
        if not any(fnmatchcase(summary["name"], glob) for summary in session.listed):
            text = f"no endpoint that you may see matches {printable(glob)}"
            yield warning("import-nothing", text)


def _declared(session: Session) -> set[str]:
    """Names of all endpoints with a file, also of those that this environment leaves out."""
    prefix = session.loaded.spec.name_prefix
    written = {
        prefix + str(document.text("name")) if document.get("name") else document.text("governs")
        for file in endpoint_files(session.loaded.root)
        for document in file.documents
    }
    return {name for name in written if name} | {
        endpoint.name for endpoint in session.loaded.endpoints
    }


def _found(session: Session, summary: Mapping[str, Any]) -> _Found:
    name = str(summary["name"])
    spec, here = session.loaded.spec, session.loaded.environment
    tags = summary.get("tags") or ()
    owner = next((tag.get("value") or "" for tag in tags if tag.get("key") == OWNER_TAG), "")
    short = name.removeprefix(spec.name_prefix)
    included = spec.include is None or any(fnmatchcase(short, glob) for glob in spec.include)
    if is_hosted(summary):
        return _Found(name, skip=f"it is Databricks' own; `governs: {name}` is for its gateway")
    if owner not in {"", session.target.owner}:
        return _Found(name, skip=f"it is managed by {owner}")
    if not name.startswith(spec.name_prefix):
        return _Found(name, skip=f"{here} only has names that begin with {spec.name_prefix}")
    if not included or any(fnmatchcase(short, glob) for glob in spec.exclude):
        return _Found(name, skip=f"{here} does not include it: see include and exclude there")
    return _Found(name, short)


# ------------------------------------------------------------ reading and writing


class _Run:
    """One import: what was written, what was not, and what to know about it."""

    def __init__(
        self,
        session: Session,
        folder: Path,
        adopt: bool,  # noqa: FBT001 - an option
        problems: Iterable[Problem] = (),
    ) -> None:
        self.written: dict[str, Path] = {}
        """File by the endpoint's name in the workspace."""
        self.more: dict[str, list[str]] = {}
        """What the next apply changes beside the owner tag, by endpoint."""
        self._session = session
        self._folder = folder
        self._adopt = adopt
        self._existing: list[Path] = []
        self._skipped: list[_Found] = []
        self._unread: list[str] = []
        """Codes of the errors for which endpoints could not be read."""
        self._problems = list(problems)

    def all(self, found: Iterable[_Found]) -> None:
        """Import every endpoint that is not to be skipped; none stops the others."""
        wanted = [entry for entry in found if not self._skips(entry)]
        for entry, answers in zip(
            wanted, self._session.workspace.in_parallel(self._read, wanted), strict=True
        ):
            if isinstance(answers, ProvisionerError):
                text, hint = str(answers), answers.hint
                self._problems.append(warning("import-unreadable", text, hint))
                self._unread.append(answers.code)
            else:
                self._import(entry, *answers)

    def _skips(self, entry: _Found) -> bool:
        path = self._path(entry.short)
        if entry.skip:
            self._skipped.append(entry)
        elif path.exists():
            self._existing.append(path)
        return bool(entry.skip) or path.exists()

    def _path(self, short: str) -> Path:
        return self._folder / f"{short}.yaml"

    def _read(self, entry: _Found) -> tuple[dict[str, Any], Any] | ProvisionerError:
        """The answers about an endpoint and about its permissions."""
        workspace, name = self._session.workspace, entry.name
        try:
            doing = f"cannot read endpoint {name}"
            answer = workspace.call("GET", f"{ENDPOINTS}/{name}", doing=doing)
        except ProvisionerError as failure:
            return failure
        try:
            doing = f"cannot read the permissions of {name}"
            path = f"{PERMISSIONS}/{answer.get('id')}"
            return answer, workspace.call("GET", path, doing=doing)
        except ProvisionerError as failure:
            text = f"{failure}; it is imported without them"
            return answer, warning("import-permissions", text)

    def _import(self, entry: _Found, answer: dict[str, Any], permissions: Any) -> None:
        problems = []
        if isinstance(permissions, Problem):
            problems, permissions = [permissions], None
        caller = self._session.identity.principal
        try:
            live = live_endpoint(answer, permissions, caller)
            if live.hosted:
                self._skipped.append(replace(entry, skip="it is Databricks' own"))
                return
            adopt = not self._adopt and not self._is_ours(live)
            imported = declaration(answer, live, entry.short, adopt=adopt)
            doubts = _doubts(entry.name, imported)
        except (LookupError, TypeError, ValueError, AttributeError):
            # An answer in a shape that nobody has seen yet must not cost the other endpoints.
            doubts = ["its answer has a shape that this version does not know"]
        if doubts:
            text = f"{entry.name} cannot be written down: {'; '.join(doubts)}"
            self._problems.append(warning("import-not-possible", text, "it was skipped"))
            self._skipped.append(replace(entry, skip="this version cannot express it"))
        else:
            self._write(entry, imported.text, (*problems, *imported.problems))

    def _is_ours(self, live: Live) -> bool:
        remembered = self._session.record.base(live.name, live.id)
        return live.owner == self._session.target.owner or bool(remembered)

    def _write(self, entry: _Found, text: str, problems: Iterable[Problem]) -> None:
        path = self._path(entry.short)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            self._existing.append(path)
        except OSError as failure:
            raise click.ClickException(f"cannot write {path}: {failure.strerror}") from failure
        else:
            self.written[entry.name] = path
            self._problems += problems

    # -------------------------------------------------------- afterwards

    def plan(self, settings: Settings) -> Plan:
        """What the next apply does with the imported endpoints.

        Raises:
            ProjectInvalid: with the new files the project is not valid any more.
        """
        root, environment = self._session.loaded.root, self._session.loaded.environment
        try:
            loaded = load(settings, environment)
        except ProjectInvalid:
            output.note(f"written: {', '.join(map(str, self.written.values()))}")
            raise
        plan, _ = replace(self._session, loaded=loaded).compare(Selection(tuple(self.written)))
        for entry in plan.endpoints:
            paths = [
                change.path
                for change in entry.changes
                if change.path != f"tags[{OWNER_TAG}]" and change.effect is not Effect.NONE
            ]
            if paths:
                self.more[entry.name] = paths
        self._mention_other_environments(root, environment)
        return plan

    def _mention_other_environments(self, root: Path, here: str) -> None:
        project = open_project(root)
        files = {path.resolve() for path in self.written.values()}
        for name in (name for name in project.environments if name != here):
            try:
                endpoints = project.load(name).endpoints
            except ProjectInvalid:
                continue
            places = [(root / endpoint.where("name").file).resolve() for endpoint in endpoints]
            if count := sum(place in files for place in places):
                text = f"{name} declares {_count(count, 'imported endpoint')}, too"
                hint = f"leave them out with `exclude` in environments/{name}.yaml"
                self._problems.append(warning("import-elsewhere", text, hint))

    def report(self, *, in_project: bool) -> None:
        """Say what was done, what was not and what comes next."""
        root = self._session.loaded.root.resolve()
        for name, path in sorted(self.written.items()):
            output.answer(f"wrote {_shown(path, root)}{self._beside(name)}")
        for path in self._existing:
            output.answer(f"kept {_shown(path, root)}: it exists already")
        for entry in sorted(self._skipped, key=lambda entry: entry.name):
            output.answer(f"skipped {printable(entry.name)}: {printable(entry.skip)}")
        output.show_problems(self._problems)
        counts = (
            _count(len(self.written), "endpoint") + " imported",
            f"{len(self._skipped) + len(self._existing)} skipped",
            _count(len(self._problems), "warning"),
        )
        output.answer(", ".join(counts) + ".")
        if self.written and not in_project:
            output.answer(f"The files count once they are in {FOLDER}/.")
        elif self.written and not self._adopt:
            name = self._session.loaded.environment
            output.answer(f"The next apply takes them over: provisioner plan -e {name}")

    def _beside(self, name: str) -> str:
        """What the next apply does with an endpoint, in a few words."""
        if not (paths := self.more.get(name)):
            return ""
        return f"; the environment also changes {printable(', '.join(paths))}"

    def exit_code(self) -> ExitCode:
        """5 when existing files left nothing to write, 1 or 3 when nothing could be read."""
        if self.written:
            return ExitCode.OK
        if self._existing:
            return ExitCode.REFUSED
        return code_of(self._unread)


def _doubts(name: str, imported: Imported) -> list[str]:
    """Why a text cannot go into a project; it never holds a value."""
    documents, problems = read_documents(imported.text.encode(), "")
    if problems or len(documents) != 1:
        return [problem.summary for problem in problems] or ["it is not one document"]
    tree = Variables(None).fill(documents[0])
    if tree.plain() != imported.data:
        return ["a value does not survive YAML"]
    noted: list[Problem] = []
    tree = with_entity_names(canonical(tree, noted))
    spec = check(EndpointSpec, tree)
    if not isinstance(spec, EndpointSpec):
        return [problem.summary for problem in spec.problems]
    found = [*noted, *rules.check([Declared(name, spec, tree)])]
    return [problem.summary for problem in found if problem.is_error]


def _shown(path: Path, root: Path) -> str:
    resolved = path.resolve()
    inside = resolved.is_relative_to(root)
    return printable((resolved.relative_to(root) if inside else path).as_posix())


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
