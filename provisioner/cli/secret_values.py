"""Getting hold of secret values: from the environment, from files, from programs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.catalog import catalog
from provisioner.cli import programs
from provisioner.errors import Problem, Where, error, warning
from provisioner.project import Loaded
from provisioner.redaction import Redactor
from provisioner.rules.secret_sync import why_unusable
from provisioner.rules.secrets import without_keys
from provisioner.spec import SecretSource

_FROM_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def known_secrets(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[str]:
    """Values of the environment variables that a project names as secrets."""
    names = {
        name
        for endpoint in loaded.endpoints
        for _, text, _ in endpoint.texts()
        if "${env:" in text
        for name in _FROM_ENVIRONMENT.findall(text)
    }
    names |= {source.env for source in loaded.spec.secrets.values() if source.env}
    yield from (environ[name] for name in names if name in environ)


@dataclass(frozen=True)
class Gathered:
    """What the sources gave."""

    values: Mapping[str, str]
    """By `SCOPE/KEY`; without those that cannot be used."""
    problems: tuple[Problem, ...]


class _Failed(Exception):
    """A source gave nothing that can be used; the problem does not repeat it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.summary)
        self.problem = problem


def gather(loaded: Loaded, names: Collection[str], environ: Mapping[str, str]) -> Gathered:
    """Get the values of some of the secrets that the environment declares."""
    sources = {name: loaded.spec.secrets[name] for name in names}
    commands = [source.command for source in sources.values() if source.command]
    answers = programs.run_all(commands, loaded.root, _most() + 2)
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, source in sources.items():
        where = loaded.where(f"secrets[{name}]")
        try:
            value = _usable(_value(source, loaded.root, environ, answers), source)
        except _Failed as failure:
            problem = failure.problem
            problems.append(replace(problem, summary=f"{name}: {problem.summary}", where=where))
        else:
            values[name] = value
            problems += _blanks(name, value, source, where)
    return Gathered(values, tuple(problems))


def _usable(value: str, source: SecretSource) -> str:
    if why := why_unusable(value):
        summary = f"the value from {source} {why}"
        raise _Failed(error("secret-value-unusable", summary, "nothing was put"))
    return value


def _most() -> int:
    return int(catalog().limit("secret-value").value or 0)


def _value(
    source: SecretSource,
    root: Path,
    environ: Mapping[str, str],
    answers: Mapping[tuple[str, ...], programs.Answer],
) -> str:
    if source.env is not None:
        if source.env not in environ:
            summary = f"the environment variable {source.env} is not set"
            hint = "set it where secrets sync runs"
            raise _Failed(error("missing-environment-variable", summary, hint))
        return environ[source.env]
    if source.file is not None:
        return _text(_content(root / Path(source.file).expanduser(), source), source)
    answer = answers[source.command or ()]
    if answer.problem:
        summary = f"the {source} {answer.problem}"
        raise _Failed(error("secret-source-failed", summary, _said(answer)))
    return _text(answer.output, source)


def _content(path: Path, source: SecretSource) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_most() + 3)  # what is longer is too long, line break and all
    except OSError as failure:
        summary = f"cannot read the {source}: {failure.strerror}"
        hint = "paths begin at the project's folder"
        raise _Failed(error("secret-source-failed", summary, hint)) from None


def _text(raw: bytes, source: SecretSource) -> str:
    if len(raw) > _most() + 2:
        summary = f"the value from {source} has more than {_most()} bytes"
        raise _Failed(error("secret-value-unusable", summary))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        summary = f"the value from {source} is no text in UTF-8"
        hint = "encode it, in base64 for example"
        raise _Failed(error("secret-value-unusable", summary, hint)) from None
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _said(answer: programs.Answer) -> str:
    """The last line that a program said about itself, without what may be a secret."""
    lines = [line for line in answer.said.decode("utf-8", "replace").splitlines() if line.strip()]
    hide = Redactor([*answer.output.decode("utf-8", "replace").splitlines()])
    return without_keys(hide(lines[-1].strip()))[:200] if lines else "it says nothing about it"


def _blanks(name: str, value: str, source: SecretSource, where: Where | None) -> Iterator[Problem]:
    if value != value.strip():
        summary = f"{name}: the value from {source} begins or ends with a blank or a line break"
        yield warning("secret-value-blanks", summary, "it is put as it is", where)
