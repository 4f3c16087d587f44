"""Whom permissions and rate limits are for: in the spelling of the service, and known to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypeAlias

from provisioner.errors import Problem, error, warning
from provisioner.plan.model import Desired
from provisioner.plan.versions import is_left_out
from provisioner.wire.answers import Live
from provisioner.wire.document import is_application_id, principal

Matches: TypeAlias = Mapping[str, "tuple[str, ...] | None"]
"""Principals that a written one may mean: none = unknown, several = ambiguous.

``None`` = the workspace did not tell.
"""

_LIMITS = "ai_gateway.rate_limits"
_OF_LIMITS = {"user": "user", "user_group": "group", "service_principal": "service_principal"}
"""Keys of rate limits that are for somebody."""


def names_to_find(desired: Iterable[Desired]) -> set[str]:
    """Service principals written by name: rights are read by application id."""
    return {
        who for want in desired for who in want.document.get("permissions") or () if _is_name(who)
    }


def principals_to_find(desired: Iterable[Desired], live: Mapping[str, Live]) -> set[str]:
    """Those that get a right or a limit which they do not have yet; see :func:`names_to_find`."""
    found = set()
    for want in desired:
        if is_left_out(want):
            continue
        there = live.get(want.name)
        document = there.document if there else {}
        rows = document.get("permissions") or ()
        found |= {
            who
            for who in want.document.get("permissions") or ()
            if not _is_name(who) and who not in rows
        }
        held = {key.lower() for key in _rate_limits(document)}
        found |= {who for key, who in _limited(want) if key.lower() not in held}
    return found


def with_principals(
    desired: Iterable[Desired], matches: Matches, groups: Collection[str] = ()
) -> tuple[list[Desired], list[Problem]]:
    """Spell principals of permissions as the service does; say which are unknown or ambiguous.

    ``groups`` are the names of all groups, to suggest one.
    """
    wanted = list(desired)
    problems: list[Problem] = []
    for want in wanted:
        problems += _rows(want, matches, groups)
        problems += _limits(want, matches, groups)
    return [_respelled(want, matches) for want in wanted], problems


def unclear_principals(matches: Matches) -> Iterator[str]:
    """What stays open although a plan can be made, in words."""
    for who, found in matches.items():
        if found is None:
            yield f"whether there is a {_words(who)}"


def _rows(want: Desired, matches: Matches, groups: Collection[str]) -> Iterator[Problem]:
    for who in want.document.get("permissions") or ():
        if who not in matches:
            continue
        found = matches[who]
        where = want.locate(f"permissions[{who}]")
        words = _words(want.written.get(who, who))
        if found is None:
            if _is_name(who):  # sent as it is, it would be somebody else than who has the right
                summary = f"{want.name}: which {words} is cannot be found out"
                yield error("unknown-principal", summary, "write its application id", where)
        elif not found:
            summary = f"{want.name}: there is no {words}"
            yield error("unknown-principal", summary, _nearest(who, groups), where)
        elif len(found) > 1:
            summary = f"{want.name}: {words} is ambiguous: {', '.join(found)}"
            yield error("ambiguous-principal", summary, "write its application id", where)


def _limits(want: Desired, matches: Matches, groups: Collection[str]) -> Iterator[Problem]:
    """What a limit for somebody unknown does is not documented, hence a warning."""
    for key, who in _limited(want):
        found = matches.get(who)
        path = f"{_LIMITS}[{key}]"
        words = _words(f"{who.partition(':')[0]}:{key.partition(':')[2]}")
        if found == ():
            summary = f"{want.name}: there is no {words}, whom a rate limit is for"
            yield warning("unknown-principal", summary, _nearest(who, groups), want.locate(path))
        elif found and _is_name(who):
            ids = " or ".join(one.partition(":")[2] for one in found)
            summary = f"{want.name}: a rate limit knows the {words} by its application id only"
            where = want.locate(f"{path}.principal")
            yield error("rate-limit-principal", summary, f"write {ids}", where)


def _nearest(who: str, groups: Collection[str]) -> str:
    kind, _, name = who.partition(":")
    near = get_close_matches(name, groups, n=1) if kind == "group" else []
    return f"did you mean {near[0]}?" if near else "check the spelling and the workspace"


def _respelled(want: Desired, matches: Matches) -> Desired:
    rows: Mapping[str, Any] = want.document.get("permissions") or {}
    spelled = {who: matches.get(who) or () for who in rows}
    if all(found in ((), (who,)) for who, found in spelled.items()):
        return want
    names = {who: found[0] if len(found) == 1 else who for who, found in spelled.items()}
    document = {**want.document, "permissions": {names[who]: rows[who] for who in rows}}
    return replace(want, document=document, locate=_placed(want, names))


def _placed(want: Desired, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Where a path was written, also one in the spelling of the service."""
    written = {f"permissions[{new}]": f"permissions[{old}]" for old, new in names.items()}
    return lambda path: want.locate(written.get(path, path))


def _limited(want: Desired) -> Iterator[tuple[str, str]]:
    """Keys of the limits that are for somebody, and for whom."""
    for key in _rate_limits(want.document):
        kind, _, name = key.partition(":")
        if name and kind in _OF_LIMITS:
            yield key, principal(_OF_LIMITS[kind], name)


def _rate_limits(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (document.get("ai_gateway") or {}).get("rate_limits") or {}
    return found


def _is_name(who: str) -> bool:
    """Whether a service principal is written by its display name."""
    kind, _, name = who.partition(":")
    return kind == "service_principal" and not is_application_id(name)


def _words(who: str) -> str:
    kind, _, name = who.partition(":")
    return f"{kind.replace('_', ' ')} {name}"
