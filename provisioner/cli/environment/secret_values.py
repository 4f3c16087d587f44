"""Which secret values this process may know, so that they can be hidden."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from provisioner.redaction import SECRETIVE, SLICE

if TYPE_CHECKING:
    from provisioner.project import Loaded

_FROM_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def known_secrets(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[str]:
    """Values of the environment variables that a project names as secrets, or that seem to be.

    By their names the others are secrets of somebody: of the caller, of programs that
    `secrets sync` runs, of a webhook, of a declaration that is no more.
    """
    yield from _of(declared_names(loaded), environ)
    sources = loaded.spec.secrets.values()
    yield from _of({source.env for source in sources if source.env}, environ)
    yield from secrets_by_name(environ)


def secrets_by_name(environ: Mapping[str, str]) -> Iterator[str]:
    """Values of the environment variables that are secrets by their names."""
    for name, value in environ.items():
        sounds = SECRETIVE.search(name) or name.upper().endswith("KEY")
        if sounds and len(value) >= SLICE:
            yield value


def declared_names(loaded: Loaded) -> set[str]:
    """Names of the environment variables from which fields of endpoints take their values."""
    texts = (text for endpoint in loaded.endpoints for text in endpoint.texts())
    return _names(text for key, text, _ in texts if key.endswith("_plaintext"))


def remembered_secrets(record: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Values that a record names: endpoints have them that are declared no more, or otherwise."""
    return _of(_names([record]), environ)


def _names(texts: Iterable[str]) -> set[str]:
    return {n for text in texts if "${env:" in text for n in _FROM_ENVIRONMENT.findall(text)}


def _of(names: Collection[str], environ: Mapping[str, str]) -> Iterator[str]:
    return (environ[name] for name in names if name in environ)
