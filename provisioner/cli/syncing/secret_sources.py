"""Reading the sources of secrets: environment variables, files and programs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.cli.environment.secret_values import known_secrets
from provisioner.cli.syncing import programs
from provisioner.errors import Problem, Where, error, warning
from provisioner.project import Loaded
from provisioner.redaction import Redactor, without_keys
from provisioner.rules.secret_sync import why_unusable
from provisioner.spec import SecretSource


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
    reader = _Reader(loaded, environ)
    reader.run(source.command for source in sources.values() if source.command)
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, source in sources.items():
        where = loaded.where(f"secrets[{name}]")
        try:
            value = reader.value(source)
        except _Failed as failure:
            problem = failure.problem
            problems.append(replace(problem, summary=f"{name}: {problem.summary}", where=where))
        else:
            values[name] = value
            problems += _blanks(name, value, source, where)
    return Gathered(values, tuple(problems))


class _Reader:
    """Reads sources; raises :class:`_Failed` for what cannot be put."""

    def __init__(self, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self._root, self._environ, self._facts = loaded.root, environ, loaded.facts
        self._most = int(loaded.facts.limit("secret-value"))
        self._longest = self._most + len("\r\n")
        self._answers: dict[tuple[str, ...], programs.Answer] = {}
        self._hide = Redactor(known_secrets(loaded, environ))

    def run(self, commands: Iterable[tuple[str, ...]]) -> None:
        """Run the programs, each command once."""
        self._answers = programs.run_all(commands, self._root, self._longest)
        # One may complain about what another one gave.
        self._hide.add(
            line
            for answer in self._answers.values()
            for line in answer.output.decode("utf-8", "replace").splitlines()
        )

    def value(self, source: SecretSource) -> str:
        """The value of one source."""
        if source.env is not None:
            value = self._variable(source.env)
        else:
            raw = self._content(source) if source.file is not None else self._output(source)
            value = self._text(raw, source)
        if why := why_unusable(value, self._facts):
            summary = f"the value from {source} {why}"
            raise _Failed(error("secret-value-unusable", summary, "nothing was put"))
        return value

    def _variable(self, name: str) -> str:
        if name not in self._environ:
            summary = f"the environment variable {name} is not set"
            hint = "set it where secrets sync runs"
            raise _Failed(error("missing-environment-variable", summary, hint))
        return self._environ[name]

    def _content(self, source: SecretSource) -> bytes:
        path = self._root / Path(source.file or "").expanduser()
        try:
            with path.open("rb") as file:
                return file.read(self._longest + 1)
        except OSError as failure:
            summary = f"cannot read the {source}: {failure.strerror}"
            hint = "paths begin at the project's folder"
            raise _Failed(error("secret-source-failed", summary, hint)) from None

    def _output(self, source: SecretSource) -> bytes:
        answer = self._answers[source.command or ()]
        if answer.problem:
            summary = f"the {source} {answer.problem}"
            raise _Failed(error("secret-source-failed", summary, self._said(answer)))
        return answer.output

    def _said(self, answer: programs.Answer) -> str:
        """The last line that a program said about itself, without what may be a secret."""
        lines = [line.strip() for line in answer.said.decode("utf-8", "replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        return without_keys(self._hide(last))[:200] or "it says nothing about it"

    def _text(self, raw: bytes, source: SecretSource) -> str:
        if len(raw) > self._longest:
            summary = f"the value from {source} has more than {self._most} bytes"
            raise _Failed(error("secret-value-unusable", summary))
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            summary = f"the value from {source} is no text in UTF-8"
            hint = "encode it, in base64 for example"
            raise _Failed(error("secret-value-unusable", summary, hint)) from None
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _blanks(name: str, value: str, source: SecretSource, where: Where | None) -> Iterator[Problem]:
    if value != value.strip():
        summary = f"{name}: the value from {source} begins or ends with a blank or a line break"
        yield warning("secret-value-blanks", summary, "it is put as it is", where)
