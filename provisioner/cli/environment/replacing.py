"""Replacing a file that others may be replacing too, so that nobody's change is lost.

The workspace's file store has no compare-and-set. What it can do is create a file for one
caller only (`overwrite=false`; the Databricks CLI takes its deployment lock so). Therefore
who replaces a file first creates the successor of what is there, under a name that is made
from it, and looks that it is there still. Only the creator may put that successor in its
place. A writer that is killed leaves no lock: who waited for its successor in vain goes on
from it, so what it had to say is kept, too.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from provisioner.cli import output
from provisioner.errors import AnswerLost, ProvisionerError, Unavailable

IN_TIME = 5.0
"""Seconds from the successor's creation in which it is put in place, or left to others."""
DEAD_AFTER = 20.0
"""Seconds until a successor that did not come into its place is that of a dead writer; a
single call that takes effect later than `IN_TIME` before this is what could go wrong."""
_GIVE_UP = 300.0
_PAUSES = 0.2, 2.0
"""Seconds between two looks, the first and the longest pause."""


class Store(Protocol):
    """Where the file is; a workspace is one."""

    def read_file(self, path: str) -> bytes | None:
        """The content, or ``None``."""
        ...

    def create_file(self, path: str, content: bytes) -> bool:
        """Create a file with the folders above it; False = it was there, and is as it was."""
        ...

    def write_file(self, path: str, content: bytes) -> None:
        """Put the content there as a whole, whatever was there."""
        ...

    def delete_file(self, path: str) -> None:
        """Delete a file; one that is not there is fine."""
        ...


class LocalFiles:
    """Files of this machine."""

    def read_file(self, path: str) -> bytes | None:
        """The content, or ``None``."""
        file = Path(path)
        return file.read_bytes() if file.exists() else None

    def create_file(self, path: str, content: bytes) -> bool:
        """Create a file; False = it was there."""
        draft = self._draft(Path(path), content)
        try:
            self._link(draft, Path(path), content)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def _link(self, draft: Path, path: Path, content: bytes) -> None:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:
            # Not every file system has links; then it is there for a moment without content.
            with path.open("xb") as file:
                file.write(content)

    def write_file(self, path: str, content: bytes) -> None:
        """Replace a file as a whole."""
        self._draft(Path(path), content).replace(path)

    def delete_file(self, path: str) -> None:
        """Delete a file; one that is not there is fine."""
        Path(path).unlink(missing_ok=True)

    def _draft(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{token_hex(8)}")
        try:
            draft.write_bytes(content)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        return draft


@dataclass(frozen=True)
class _Chain:
    """What is in place, and what dead writers left that was to follow it."""

    base: bytes | None
    tip: bytes | None
    """What ours has to follow; the same as ``base`` where nobody died."""
    left: tuple[str, ...] = ()
    """Names of what is between them, ``tip`` included."""

    def longer(self, name: str, content: bytes) -> _Chain:
        return _Chain(self.base, content, (*self.left, name))


@dataclass(frozen=True)
class Replacing:
    """One file, for writers who do not know of each other."""

    store: Store
    path: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = output.note

    def replace(self, seen: bytes | None, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace the content by what ``change`` makes of it; gives what it made at last.

        ``change`` is asked again whenever others came first, and always makes something
        that never was there before. ``seen`` is the content when it was read last; if it
        is no longer there that costs three calls, and nothing else.

        Raises:
            ProvisionerError, OSError: it could not be replaced, or that is not known.
        """
        chain, give_up = _Chain(seen, seen), self.clock() + _GIVE_UP
        while self.clock() < give_up:
            content, began = change(chain.tip), self.clock()
            name = self._successor(chain.tip)
            if not self._claim(name, content):
                chain = self._waited(chain, name)
            elif (current := self.store.read_file(self.path)) != chain.base:
                self._drop(name)
                chain = _Chain(current, current)
            elif self.clock() - began > IN_TIME:
                # Others may take us for dead by now, so we do as they do.
                chain = chain.longer(name, content)
            else:
                self._put(content, name)
                for used in (*chain.left, name):
                    self._drop(used)
                return content
        raise Unavailable(f"cannot write {self.path}: others write it all the time")

    def _successor(self, content: bytes | None) -> str:
        return f"{self.path}.after-{hashlib.sha256(content or b'').hexdigest()[:16]}"

    def _claim(self, name: str, content: bytes) -> bool:
        """Whether the successor is ours, maybe from a try whose answer was lost."""
        try:
            if self.store.create_file(name, content):
                return True
        except AnswerLost:
            pass
        return self.store.read_file(name) == content

    def _waited(self, chain: _Chain, name: str) -> _Chain:
        """Let another writer end, or go on from what it left when it does not."""
        (pause, longest), until = _PAUSES, self.clock() + DEAD_AFTER
        while (current := self.store.read_file(self.path)) == chain.base:
            if self.clock() >= until:
                left = self.store.read_file(name)
                return chain if left is None else chain.longer(name, left)
            self.sleep(pause)
            if pause < longest <= 2 * pause:
                self.tell(f"waiting: another run is about to write {self.path}")
            pause = min(2 * pause, longest)
        return _Chain(current, current)

    def _put(self, content: bytes, name: str) -> None:
        try:
            self.store.write_file(self.path, content)
        except AnswerLost:
            # If it is not there, the next writer finds it beside.
            if self.store.read_file(self.path) != content:
                raise
        except (ProvisionerError, OSError):
            self._drop(name)
            raise

    def _drop(self, name: str) -> None:
        # What is left behind hurts nobody: what it was to follow is there no more.
        with suppress(ProvisionerError, OSError):
            self.store.delete_file(name)
