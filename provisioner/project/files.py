"""Finding a project's folder and reading its files, each of them once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from errno import EINVAL
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
        if _is_root(folder):
            return folder
    raise ProjectInvalid(_no_project(f"cannot find a project in {start} or above it"))


def check_root(folder: Path) -> None:
    """Make sure that a folder holds a project.

    Raises:
        ProjectInvalid: it does not.
    """
    if not _is_root(folder):
        raise ProjectInvalid(_no_project(f"there is no project in {folder}"))


def _is_root(folder: Path) -> bool:
    return (folder / ENVIRONMENTS).is_dir() and (folder / ENDPOINTS).is_dir()


def _no_project(summary: str) -> Problem:
    hint = f"a project is a folder with `{ENDPOINTS}/` and `{ENVIRONMENTS}/`;"
    return error("project-not-found", summary, f"{hint} `provisioner init` makes one")


Instead: TypeAlias = Mapping[str, bytes]
"""Contents to take instead of what files hold, by the files' names."""
NOTHING: Instead = MappingProxyType({})


def endpoint_files(root: Path, instead: Instead = NOTHING) -> tuple[File, ...]:
    """Every endpoint file, also in folders below, in the order of their paths.

    A folder that cannot be read is told as a file would be: what it may declare is not gone.
    """
    failed: list[OSError] = []
    files = []
    for path in sorted(_below(root / ENDPOINTS, failed.append)):
        file = _read(root, path, instead)
        if not file.documents and not file.problems:
            place = Where(file.name, 1, 1)
            empty = warning("empty-file", "the file declares no endpoint", "remove it", place)
            file = File(file.name, (), (empty,))
        files.append(file)
    return (*files, *(_unreadable(root, Path(one.filename), one) for one in failed))


def environment_files(root: Path, instead: Instead) -> dict[str, File]:
    """Every environment file by the name of its environment."""
    files: dict[str, File] = {}
    try:
        listed = sorted((root / ENVIRONMENTS).iterdir())
    except OSError as failed:
        raise ProjectInvalid(*_unreadable(root, root / ENVIRONMENTS, failed).problems) from None
    for path in listed:
        if path.is_dir() or not _is_ours(path):
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


def _below(
    folder: Path, failed: Callable[[OSError], None], above: frozenset[Path] = frozenset()
) -> Iterator[Path]:
    """Every YAML file, links followed; folders that cannot be listed are told to ``failed``."""
    real = folder.resolve()
    if real in above:
        return  # a link to where we come from
    try:
        listed = list(folder.iterdir())
    except OSError as failure:
        failed(failure)
        return
    for path in listed:
        if path.is_dir():
            if not path.name.startswith("."):
                yield from _below(path, failed, above | {real})
        elif _is_ours(path):
            yield path


def _is_ours(path: Path) -> bool:
    return path.suffix in _SUFFIXES and not path.name.startswith(".")


def _unreadable(root: Path, path: Path, failed: OSError) -> File:
    name = path.relative_to(root).as_posix()
    summary = f"cannot read {'the file' if path.suffix in _SUFFIXES else 'the folder'}: "
    place = Where(name, 1, 1)
    problem = error("unreadable-file", f"{summary}{failed.strerror}", where=place)
    return File(name, (), (problem,))


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        # Nobody may ever write into a pipe, and a device has no end.
        raise OSError(EINVAL, "it is no regular file")
    return path.read_bytes()


def _read(root: Path, path: Path, instead: Instead) -> File:
    name = path.relative_to(root).as_posix()
    try:
        raw = instead[name] if name in instead else _content(path)
    except OSError as failed:
        return _unreadable(root, path, failed)
    documents, problems = read_documents(raw, name)
    wrong = tuple(
        error("wrong-type", "a document must be a map", "write `key: value` lines", node.where)
        for node in documents
        if not isinstance(node.value, dict)
    )
    maps = tuple(node for node in documents if isinstance(node.value, dict))
    return File(name, maps, (*problems, *wrong))
