"""Which secret values this process may know, so that they can be hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from provisioner.project import Loaded

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
