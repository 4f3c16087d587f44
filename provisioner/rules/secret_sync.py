"""What `secrets sync` may put: names and values that the service takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from provisioner.catalog import Catalog
from provisioner.errors import Problem, error, warning
from provisioner.redaction import is_mask
from provisioner.rules.judged import Environment, Finding, Resting

_CHARACTERS = "letters, digits, `-`, `_` and `.` are allowed, up to 128 of them; in scopes `@`, too"


def names_of_secrets(environment: Environment) -> Iterator[Problem]:
    """A secret is named by its scope and its key, once."""
    seen: dict[str, str] = {}
    for name in environment.spec.secrets:
        where = environment.where(f"secrets[{name}]")
        if wrong := _wrong_name(name, environment.facts):
            hint = _CHARACTERS if "/" in name else "write SCOPE/KEY"
            yield error("secret-name", f"`{name}` {wrong}", hint, where)
        elif other := seen.get(name.lower()):
            summary = f"`{name}` and `{other}` are one secret: case does not count"
            yield error("secret-name-twice", summary, "remove one of them", where)
        seen.setdefault(name.lower(), name)


def room_in_scopes(environment: Environment) -> Iterator[Finding]:
    """A scope takes so many secrets and no more."""
    counts = Counter(name.partition("/")[0] for name in environment.spec.secrets)
    for scope, count in counts.items():
        if (most := environment.facts.limit("secrets-in-scope")) < count:
            summary = f"{count} secrets are more than the {most:g} that the scope `{scope}` takes"
            hint = "spread them over several scopes"
            problem = error("secret-scope-full", summary, hint, environment.where("secrets"))
            yield Resting(problem, environment.facts.source_of("secrets-in-scope"))


def scopes_that_are_used(environment: Environment) -> Iterator[Problem]:
    """A scope is made for the secrets that go there."""
    used = {name.partition("/")[0] for name in environment.spec.secrets}
    for scope in environment.spec.create_scopes:
        where = environment.where(f"create_scopes[{scope}]")
        if not re.fullmatch(environment.facts.pattern("secret-scope"), scope):
            yield error("secret-name", f"no scope can be named `{scope}`", _CHARACTERS, where)
        elif scope not in used:
            summary = f"no secret is put into the scope `{scope}`, so it will not be made"
            hint = "remove it, or name its secrets under `secrets`"
            yield warning("unused-scope", summary, hint, where)


def why_unusable(value: str, facts: Catalog) -> str:
    """Why a value cannot be put, in words that do not repeat it; empty = it can."""
    if not value.strip():
        return "is blank" if value else "is empty"
    if (size := len(value.encode())) > (most := facts.limit("secret-value")):
        return f"has {size} bytes, {most:.0f} are the most"
    if any(char < " " and char not in "\t\n\r" for char in value):
        return "is no text: it has control characters"
    if is_mask("secret", value.strip()):
        return "is a mask or a placeholder"
    return ""


def _wrong_name(name: str, facts: Catalog) -> str:
    scope, slash, key = name.partition("/")
    if not slash:
        return "is no secret's name"
    for part, limit in ((scope, "secret-scope"), (key, "secret-key")):
        if not re.fullmatch(facts.pattern(limit), part):
            return f"has a {limit.partition('-')[2]} that cannot exist"
    return ""
