"""Opening one environment: its files judged, its workspace reached, its record read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from secrets import token_hex

from provisioner.cli import output
from provisioner.cli.environment import embedded
from provisioner.cli.environment.judging import judge
from provisioner.cli.environment.memory import Memory
from provisioner.cli.environment.secret_values import known_secrets, remembered_secrets
from provisioner.cli.environment.session import Session
from provisioner.cli.options import Settings, patience, today
from provisioner.errors import Problem, Refused, Severity
from provisioner.project import Declared, Loaded, Overlay, Project, find_root, open_project
from provisioner.record import Record, default_path
from provisioner.redaction import Redactor
from provisioner.report.problems import wrapped
from provisioner.workspace.gateway import Access, Identity, Workspace


def load(settings: Settings, environment: str, day: date | None = None) -> Loaded:
    """Load one environment of the project, offline."""
    return judged(open_project(project_root(settings)), environment, day=day)


def judged(
    project: Project, environment: str, passing: Collection[str] = (), day: date | None = None
) -> Loaded:
    """Load one environment of a project that was read; dates are judged by ``day``, else today.

    Errors whose codes are in ``passing`` are only warnings.
    """
    on = day or today()

    def leniently(endpoints: Sequence[Declared], over: Overlay) -> Iterator[Problem]:
        for problem in judge(endpoints, over, today=on, root=project.root):
            passes = problem.is_error and problem.code in passing
            yield replace(problem, severity=Severity.WARNING) if passes else problem

    loaded = project.load(environment, leniently)
    # What is only worth knowing is said by validate; here it would be said every day.
    worth = tuple(p for p in loaded.problems if p.severity is not Severity.NOTICE)
    return replace(loaded, problems=worth)


def project_root(settings: Settings) -> Path:
    """The folder of the project."""
    return settings.project or find_root(Path.cwd())


@contextmanager
def connected(
    settings: Settings, environment: str, parallelism: int = 10, day: date | None = None
) -> Iterator[Session]:
    """Load an environment and connect to its workspace."""
    with joined(load(settings, environment, day), parallelism) as session:
        yield session


@contextmanager
def joined(loaded: Loaded, parallelism: int, label: str = "") -> Iterator[Session]:
    """Connect to the workspace of an environment; ``label`` opens what is said meanwhile."""
    with _access(loaded) as access:
        workspace = _connect(access, loaded, parallelism, label)
        place = loaded.spec.record or default_path(loaded.spec.project, loaded.environment)
        memory = Memory(workspace, loaded.root, place)
        identity, listed, remembered = workspace.at_once(
            workspace.identity, workspace.list_endpoints, memory.load
        )
        _tell_identity(loaded, workspace, identity, label)
        record = remembered or Record()
        workspace.redact.add(remembered_secrets(memory.text, os.environ))
        record = replace(record, salt=record.salt or token_hex(16))
        yield Session(loaded, workspace, identity, memory, record, tuple(listed))


@contextmanager
def reached(loaded: Loaded) -> Iterator[Workspace]:
    """Connect to the workspace of an environment, and read nothing but who we are."""
    with _access(loaded) as access:
        workspace = _connect(access, loaded)
        _tell_identity(loaded, workspace, workspace.identity())
        yield workspace


def _connect(access: Access, loaded: Loaded, parallelism: int = 10, label: str = "") -> Workspace:
    return Workspace.connect(
        access,
        parallelism=parallelism,
        patience=patience(),
        facts=loaded.facts,
        waits=partial(_tell, label),
        tell=partial(_tell, label) if output.tells_calls() else None,
        redact=Redactor(known_secrets(loaded, os.environ)),
    )


def _tell_identity(
    loaded: Loaded, workspace: Workspace, identity: Identity, label: str = ""
) -> None:
    _check_pin(loaded, identity)
    if not loaded.spec.workspace.emulator:
        output.note("\n".join(wrapped(label + _signed_in(workspace, identity))))


@contextmanager
def _access(loaded: Loaded) -> Iterator[Access]:
    where = loaded.spec.workspace
    if where.emulator:
        with embedded.running(loaded.root, where.region or "") as url:
            # Any token will do, and an emulator has no limit to keep to.
            yield Access(host=url, token=f"embedded-{token_hex(16)}", auth_type="pat", paced=False)
    else:
        paced = os.environ.get("PROVISIONER_PACE") != "off"
        yield Access(where.host or "", where.profile or "", where.auth_type or "", paced=paced)


def _tell(label: str, line: str) -> None:
    output.note(label + line)


def _signed_in(workspace: Workspace, identity: Identity) -> str:
    number = f" (workspace {identity.workspace_id})" if identity.workspace_id else ""
    return f"signed in to {workspace.host}{number} as {identity.name} by {workspace.auth_type}"


def _check_pin(loaded: Loaded, identity: Identity) -> None:
    pin = loaded.spec.workspace.workspace_id
    if pin and pin != identity.workspace_id:
        raise Refused(
            f"environment {loaded.environment} is pinned to workspace {pin}, "
            f"this is workspace {identity.workspace_id or 'without an id'}",
            "check the host and the credentials, or correct workspace.workspace_id",
        )
