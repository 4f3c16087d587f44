"""The calls that make an endpoint what it should be, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioner.diff import Comparison, Difference, Effect, compare
from provisioner.fields import Call, Document
from provisioner.plan.model import Desired, Step, Target
from provisioner.wire import requests
from provisioner.wire.answers import Live
from provisioner.wire.requests import Request


def deletion(name: str) -> Step:
    """Delete an endpoint."""
    return _step(requests.delete(name), ())


def creation(target: Target, want: Desired, document: Document) -> tuple[Step, ...]:
    """Make an endpoint with everything in ``document``, then grant what is declared."""
    rows = document.get("permissions") or {}
    paths = [leaf.path for leaf in compare(want.document, {}, {}, want.scope).differences]
    granted = tuple(path for path in paths if path.startswith("permissions["))
    made = tuple(path for path in paths if path not in granted)
    steps = [_step(requests.create(document), made)]
    if want.scope.exact_permissions and "permissions" in document:
        steps.append(_step(requests.replace_permissions("", rows, target.caller), granted))
    elif rows:
        steps.append(_step(requests.merge_permissions("", rows), granted))
    return tuple(steps)


def update(target: Target, want: Desired, live: Live, found: Comparison) -> Iterable[Step]:
    """Change an endpoint: cheap calls first, then the roll-out, telemetry when it settled."""
    by_call: dict[Call, list[Difference]] = {}
    for difference in found.differences:
        if difference.effect in {Effect.SET, Effect.REMOVE}:
            by_call.setdefault(difference.field.call, []).append(difference)
    document = found.target
    for call in Call:
        if call not in by_call:
            continue
        paths = tuple(difference.path for difference in by_call[call])
        busy = call is Call.CONFIG and live.updating
        settle_first = busy or call is Call.TELEMETRY
        for request in _requests(call, target, want, live, document, by_call[call]):
            yield _step(request, paths, settle_first=settle_first)


def _requests(
    call: Call,
    target: Target,
    want: Desired,
    live: Live,
    document: Document,
    differences: Sequence[Difference],
) -> Iterable[Request]:
    name = want.name
    match call:
        case Call.TAGS:
            keys = [found.path.removeprefix("tags[").removesuffix("]") for found in differences]
            tags = document.get("tags") or {}
            yield requests.update_tags(name, {key: tags.get(key) for key in keys})
        case Call.AI_GATEWAY:
            yield from requests.update_gateway(
                name, document.get("ai_gateway") or {}, live.document.get("ai_gateway") or {}
            )
        case Call.CONFIG:
            yield requests.update_config(name, document, want.document)
        case Call.NOTIFICATIONS:
            yield requests.update_notifications(name, document.get("email_notifications") or {})
        case Call.TELEMETRY:
            yield requests.update_telemetry(name, document.get("telemetry_config") or {})
        case Call.PERMISSIONS:
            yield _permissions(target, live, document, differences)
        case Call.CREATE:  # pragma: no cover - such a difference replaces or is left alone
            raise AssertionError(f"no call changes {differences[0].path}")


def _permissions(
    target: Target, live: Live, document: Document, differences: Sequence[Difference]
) -> Request:
    rows = document.get("permissions") or {}
    if any(found.effect is Effect.REMOVE for found in differences):
        return requests.replace_permissions(live.id, rows, target.caller)
    changed = [found.path.removeprefix("permissions[").removesuffix("]") for found in differences]
    return requests.merge_permissions(live.id, {key: rows[key] for key in changed})


def _step(request: Request, changes: tuple[str, ...], *, settle_first: bool = False) -> Step:
    body = None if request.body is None else dict(request.body)
    return Step(f"{request.method} {request.path}", body, changes, settle_first)
