"""Names: what they may consist of, and that each is used once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.errors import Problem, Where, error, warning
from provisioner.rules.judged import OWN_PREFIX, Finding, Judged, Resting, Setting, served

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LEVELS = 3
"""Parts of a full name in Unity Catalog."""
_ALLOWED = "letters, digits, `-` and `_` are allowed"


def endpoint_name(endpoint: Judged) -> Iterator[Problem]:
    """A name is of the allowed characters and is not reserved."""
    name = endpoint.name
    if not _NAME.fullmatch(name):
        summary = f"`{name}` cannot be the name of an endpoint"
        yield error("bad-endpoint-name", summary, _ALLOWED, endpoint.where("name"))
    exists = endpoint.spec.governs is not None or endpoint.spec.lifecycle.adopt
    if name.startswith(OWN_PREFIX) and not exists:
        summary = f"`{name}` begins with `databricks-`, which is reserved"
        yield error("reserved-name", summary, "choose another prefix", endpoint.where("name"))


def name_length(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A name is not longer than is known to be safe."""
    length, safe = len(endpoint.name), setting.facts.limit("endpoint-name")
    if length > safe:
        summary = f"the name `{endpoint.name}` has {length} characters"
        hint, fact = f"up to {safe:g} are safe", setting.facts.source_of("endpoint-name")
        yield Resting(warning("long-name", summary, hint, endpoint.where("name")), fact)


def entity_names(endpoint: Judged) -> Iterator[Problem]:
    """Every served entity has a name of the allowed characters that no other has."""
    seen: set[str] = set()
    for index, entity in enumerate(endpoint.spec.served_entities):
        if entity.name is None:
            continue
        path = f"config.served_entities[{entity.name}].name"
        if not _NAME.fullmatch(entity.name):
            summary = f"`{entity.name}` cannot be the name of a served entity"
            yield error("bad-entity-name", summary, _ALLOWED, endpoint.where(path))
        if entity.name in seen:
            second = endpoint.where(f"config.served_entities[{index}].name")
            first = endpoint.where(path)
            summary = f"two served entities are named `{entity.name}`"
            hint = f"the first is at {first}; give each a `name` of its own"
            yield error("duplicate-served-entity", summary, hint, second)
        seen.add(entity.name)


def model_names(endpoint: Judged) -> Iterator[Problem]:
    """A model of Unity Catalog has its full name."""
    for path, entity in served(endpoint):
        name = entity.entity_name or ""
        parts = name.split(".")
        if len(parts) == 1:
            continue  # of the workspace's own registry
        where = endpoint.where(f"{path}.entity_name")
        hint = "write `catalog.schema.model`"
        if not all(parts) or re.search(r"[\s/]", name):
            yield error("bad-model-name", f"`{name}` cannot be the name of a model", hint, where)
        elif len(parts) != _LEVELS:
            summary = f"`{name}` has {len(parts)} parts, a model of Unity Catalog has {_LEVELS}"
            yield warning("bad-model-name", summary, hint, where)


def entity_count(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """An endpoint has no more served entities than the service is known to take."""
    count = len(endpoint.spec.served_entities)
    documented = setting.facts.limit("served-entities")
    if count <= documented:
        return
    fact = setting.facts.source_of("served-entities")
    seen = next(one.most_seen for one in setting.facts.limits if one.id == "served-entities")
    if seen is not None and count > seen:
        summary = f"{count} served entities are more than any account was seen to have"
        hint = f"up to {seen:g} were seen; the service decides"
        yield Resting(warning("too-many-entities", summary, hint, _entities(endpoint)), fact)
    else:
        summary = f"{count} served entities are more than the documented {documented:g}"
        hint = "the service may refuse them; some accounts have a higher limit"
        yield Resting(warning("many-entities", summary, hint, _entities(endpoint)), fact)


def granted_once(endpoint: Judged) -> Iterator[Problem]:
    """A principal has one level, and administrators are not listed."""
    permissions = endpoint.spec.permissions
    seen: set[tuple[str, str]] = set()
    for row in permissions.rows if permissions else ():
        kind, name = row.principal
        path = f"permissions[{kind}:{name}]"
        if (kind, name.lower()) in seen:
            summary = f"the {kind} `{name}` has two permissions"
            yield error(
                "duplicate-permission", summary, "keep the higher level", endpoint.where(path)
            )
        if (kind, name) == ("group", "admins"):
            summary = "the group `admins` can manage every endpoint already"
            yield warning("admins-listed", summary, "remove the row", endpoint.where(path))
        seen.add((kind, name.lower()))


def _entities(endpoint: Judged) -> Where | None:
    return endpoint.where("config.served_entities")


def names_of(endpoint: Judged) -> tuple[str, ...]:
    """The names of the served entities, each once, in their order."""
    return tuple(dict.fromkeys(entity.name for _, entity in served(endpoint) if entity.name))
