"""What a webhook is sent about drift: the JSON document, signed, or a message for Slack.

Signing follows Standard Webhooks (https://www.standardwebhooks.com, read 2026-11):
HMAC-SHA256 of ``id.timestamp.body`` in base64, so receivers can use its libraries.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace

from provisioner.fields import pattern_of, table
from provisioner.plan import Change
from provisioner.plan.drift import Drift, EndpointDrift, Health, Sync
from provisioner.plan.fleet import Fleet, InEnvironment
from provisioner.report import machine, words
from provisioner.report.problems import printable
from provisioner.report.side_by_side import counted

HIDDEN = "(not shown)"
_PREFIX = "whsec_"
_LONGEST = 3900
"""Characters; Slack splits longer messages in several (observed by its clients)."""
_CHANGES = 5
"""How many changes of one endpoint are told."""
_FREE_VALUES = "config.served_entities[].environment_vars[]"
"""May hold anything, also what should have been a secret."""


def moved(found: Fleet[Drift]) -> bool:
    """Whether there is anything to tell: drift, bad health, or something that is not known."""
    return bool(found.failed) or not all(
        drift.in_sync and drift.healthy and drift.complete for drift in found.results
    )


def document(found: Fleet[Drift], timestamp: str) -> bytes:
    """The body: the type, the time and, as data, what ``drift -o json`` answers for several.

    Values of secret fields, of fields that are never shown and of environment variables
    are left out.
    """
    environments = tuple(
        replace(one, result=one.result and _discreet(one.result)) for one in found.environments
    )
    data = json.loads(machine.dump(replace(found, environments=environments)))
    body = {"type": "drift", "timestamp": timestamp, "data": data}
    return json.dumps(body, sort_keys=True, ensure_ascii=False).encode()


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 after ``whsec_``, else its own bytes."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return b""


def headers(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent a body, and when."""
    signed = f"{message_id}.{seconds}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{digest}",
    }


def _discreet(drift: Drift) -> Drift:
    endpoints = tuple(
        replace(one, changes=tuple(map(_without_secret, one.changes))) for one in drift.endpoints
    )
    return replace(drift, endpoints=endpoints)


def _without_secret(change: Change) -> Change:
    pattern = pattern_of(change.path)
    row = table().get(pattern)
    if not (row.secret or row.write_only or pattern == _FREE_VALUES):
        return change
    shown = [None if value is None else HIDDEN for value in (change.before, change.after)]
    return replace(change, before=shown[0], after=shown[1])


# ------------------------------------------------------------ Slack


def slack(found: Fleet[Drift]) -> bytes:
    """A message for an incoming webhook of Slack, as long as one message may be."""
    lines: list[str] = []
    left = 0
    for line in _lines(found):
        if left or sum(len(one) + 1 for one in (*lines, line)) > _LONGEST:
            left += 1
        else:
            lines.append(line)
    if left:
        lines.append(f"... and {left} more lines: `provisioner drift`")
    return json.dumps({"text": "\n".join(lines)}, ensure_ascii=False).encode()


def _lines(found: Fleet[Drift]) -> Iterator[str]:
    for environment in found.environments:
        yield from _environment(environment)


def _environment(environment: InEnvironment[Drift]) -> Iterator[str]:
    name, drift = _plain(environment.name), environment.result
    if drift is None:
        why = environment.problems[0].summary if environment.problems else "no answer"
        yield f"*Drift in {name}* is not known: {_plain(why)}"
        return
    yield f"*Drift in {name}*: {counted(drift.summary) or 'no endpoints'}"
    for endpoint in map(_told, _discreet(drift).endpoints):
        if endpoint:
            yield from endpoint


def _told(endpoint: EndpointDrift) -> list[str]:
    known = {Sync.UNMANAGED, Sync.UNREADABLE}
    well = endpoint.health in {Health.READY, Health.UPDATING} or endpoint.config in known
    quiet = endpoint.config in {Sync.IN_SYNC, Sync.UNMANAGED} and well
    if quiet and not endpoint.unread:
        return []
    mark = words.SYNCS[endpoint.config]
    health = "" if well else f", {endpoint.health.value.replace('_', ' ')}"
    lines = [f"{mark.symbol} {mark.word}: `{_code(endpoint.name)}`{health}"]
    if endpoint.unread:
        lines.append(f"      not compared: {_plain(endpoint.unread)}")
    changes = [change for change in endpoint.changes if not words.is_kept(change)]
    for change in changes[:_CHANGES]:
        declared, live = words.value_text(change.after), words.value_text(change.before)
        lines.append(
            f"      `{_code(change.path)}` declared `{_code(declared)}`, live `{_code(live)}`"
        )
    if len(changes) > _CHANGES:
        lines.append(f"      and {len(changes) - _CHANGES} more")
    return lines


def _plain(text: str) -> str:
    """Text in which nothing is a mention, a link or a form (Slack's "Formatting text")."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    return "".join(f"{char}\u2060" if char in "*_~`@" else char for char in printable(text))


def _code(text: str) -> str:
    text = printable(text).replace("`", "'")
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    return text if len(text) <= 200 else f"{text[:197]}..."
