"""Where an environment is: the address of its workspace, and the place of its record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit

from provisioner.errors import Problem, error, fixable, warning
from provisioner.rules.judged import Environment, Finding, Resting, nearest

_HOST = "workspace.host"
_LIKE = "write it like https://dbc-1234.cloud.databricks.com"
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_OURS = ("endpoints", "environments")


def host_is_an_address(environment: Environment) -> Iterator[Problem]:
    """The host is the root of a workspace, and holds no credentials."""
    written = environment.spec.workspace.host
    if written is None:
        return
    where = environment.where(_HOST)
    address = _split(written)
    if address is None or address.scheme not in {"http", "https"}:
        yield error("bad-host", "`host` is not the address of a workspace", _LIKE, where)
    elif "@" in address.netloc:
        hint = "sign in by a profile or by variables, and rotate what stood here"
        yield error("secret-in-text", "`host` holds a user name or a password", hint, where)
    elif address.path.strip("/") or address.query or address.fragment:
        root = f"{address.scheme}://{address.netloc}"
        problem = error("bad-host", f"`host` goes on after {root}", f"write {root}", where)
        yield fixable(problem, written, root)
    elif address.scheme == "http" and not address.netloc.startswith(_LOCAL):
        hint = "write https://; only an emulator has none"
        yield warning("open-host", "`host` would get credentials without encryption", hint, where)


def way_to_sign_in_is_known(environment: Environment) -> Iterator[Finding]:
    """The way to sign in is one that the SDK has."""
    written, facts = environment.spec.workspace.auth_type, environment.facts
    known = facts.names_of("auth-types") if written is not None else ()
    if written is not None and written not in known:
        summary = f"`{written}` is not an `auth_type` that this version knows"
        where = environment.where("workspace.auth_type")
        problem = warning("unknown-auth-type", summary, nearest(written, known), where)
        yield Resting(problem, facts.source_of("auth-types"))


def record_has_a_place(environment: Environment) -> Iterator[Problem]:
    """The record is a file of its own, not among those that people write."""
    written = environment.spec.record
    if written is None:
        return
    path = PurePosixPath(written)
    if path.suffix != ".json" or path.parts[0] in _OURS:
        summary = f"`{written}` is no place for a record"
        hint = "it is a JSON file that the tool writes: .provisioner/NAME.json, or /Workspace/..."
        yield error("record-place", summary, hint, environment.where("record"))


def _split(host: str) -> SplitResult | None:
    """The parts of an address; the SDK takes one without a scheme, too."""
    try:
        address = urlsplit(host if "://" in host else f"https://{host}")
        _ = address.port  # read only now
    except ValueError:
        return None
    return address if address.hostname and not re.search(r"\s", host) else None
