"""Getting hold of secret values: from the environment, from files, from programs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
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
_UNSET = "missing-environment-variable"
_FAILED = "secret-source-failed"
_UNUSABLE = "secret-value-unusable"


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
    """A source gave nothing that can be used; the message does not repeat it."""

    def __init__(self, code: str, summary: str, hint: str = "") -> None:
        super().__init__(summary)
        self.code, self.hint = code, hint


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
            problems.append(error(failure.code, f"{name}: {failure}", failure.hint, where))
        else:
            values[name] = value
            problems += _blanks(name, value, source, where)
    return Gathered(values, tuple(problems))


def _usable(value: str, source: SecretSource) -> str:
    if why := why_unusable(value):
        raise _Failed(_UNUSABLE, f"the value from {source} {why}", "nothing was put")
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
            raise _Failed(_UNSET, summary, "set it where secrets sync runs")
        return environ[source.env]
    if source.file is not None:
        return _text(_content(root / Path(source.file).expanduser(), source), source)
    answer = answers[source.command or ()]
    if answer.problem:
        raise _Failed(_FAILED, f"the {source} {answer.problem}", _said(answer))
    return _text(answer.output, source)


def _content(path: Path, source: SecretSource) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_most() + 3)  # what is longer is too long, line break and all
    except OSError as failure:
        summary = f"cannot read the {source}: {failure.strerror}"
        raise _Failed(_FAILED, summary, "paths begin at the project's folder") from None


def _text(raw: bytes, source: SecretSource) -> str:
    if len(raw) > _most() + 2:
        raise _Failed(_UNUSABLE, f"the value from {source} has more than {_most()} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        summary = f"the value from {source} is no text in UTF-8"
        raise _Failed(_UNUSABLE, summary, "encode it, in base64 for example") from None
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
