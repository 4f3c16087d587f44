"""Finding a project's folder and reading its files, each of them once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from provisioner.errors import Problem, ProjectInvalid, Where, error, warning
from provisioner.project.documents import read_documents
from provisioner.spec import Node

ENDPOINTS, ENVIRONMENTS = "endpoints", "environments"
_SUFFIXES = (".yaml", ".yml")
_EVERY = "all"
"""Not the name of an environment: on the command line it stands for every one."""


@dataclass(frozen=True)
class File:
    """One file that was read."""

    name: str
    """Path relative to the project's folder, with forward slashes."""
    documents: tuple[Node, ...]
    problems: tuple[Problem, ...]


def find_root(start: Path) -> Path:
    """The nearest folder, from ``start`` upward, with `endpoints` and `environments`.

    Raises:
        ProjectInvalid: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / ENVIRONMENTS).is_dir() and (folder / ENDPOINTS).is_dir():
            return folder
    raise ProjectInvalid(
        error(
            "project-not-found",
            f"cannot find a project in {start} or above it",
            f"a project is a folder with `{ENDPOINTS}/` and `{ENVIRONMENTS}/`;"
            " `provisioner init` makes one",
        )
    )


Instead: TypeAlias = Mapping[str, bytes]
"""Contents to take instead of what files hold, by the files' names."""
NOTHING: Instead = MappingProxyType({})


def endpoint_files(root: Path, instead: Instead = NOTHING) -> tuple[File, ...]:
    """Every endpoint file, also in folders below, in the order of their paths."""
    files = []
    for path in sorted(_below(root / ENDPOINTS)):
        file = _read(root, path, instead)
        if not file.documents and not file.problems:
            place = Where(file.name, 1, 1)
            empty = warning("empty-file", "the file declares no endpoint", "remove it", place)
            file = File(file.name, (), (empty,))
        files.append(file)
    return tuple(files)


def environment_files(root: Path, instead: Instead) -> dict[str, File]:
    """Every environment file by the name of its environment."""
    files: dict[str, File] = {}
    folder = root / ENVIRONMENTS
    for path in sorted(folder.iterdir()):
        if not _is_ours(path):
            continue
        file = _read(root, path, instead)
        if path.stem in files:
            summary = f"the environment `{path.stem}` has two files"
            first = files[path.stem]
            place = Where(file.name, 1, 1)
            twice = error("duplicate-environment", summary, f"the other is {first.name}", place)
            file = File(first.name, first.documents, (*first.problems, twice))
        elif path.stem == _EVERY:
            summary = f"no environment can be called `{_EVERY}`"
            hint = f"`-e {_EVERY}` means every environment: rename the file"
            taken = error("reserved-environment", summary, hint, Where(file.name, 1, 1))
            file = File(file.name, file.documents, (*file.problems, taken))
        files[path.stem] = file
    return files


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for path in (Path(parent, name) for name in names) if _is_ours(path))


def _is_ours(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix in _SUFFIXES and not hidden and not path.is_dir()


def _read(root: Path, path: Path, instead: Instead) -> File:
    name = path.relative_to(root).as_posix()
    try:
        raw = instead[name] if name in instead else path.read_bytes()
    except OSError as failed:
        summary = f"cannot read the file: {failed.strerror}"
        return File(name, (), (error("unreadable-file", summary, where=Where(name, 1, 1)),))
    documents, problems = read_documents(raw, name)
    wrong = tuple(
        error("wrong-type", "a document must be a map", "write `key: value` lines", node.where)
        for node in documents
        if not isinstance(node.value, dict)
    )
    maps = tuple(node for node in documents if isinstance(node.value, dict))
    return File(name, maps, (*problems, *wrong))
