"""The calls that make an endpoint what it should be, in a safe order.

Tighten first, loosen last: rights are narrowed and limits tightened before the
configuration moves; what allows more comes after the new configuration serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.diff import Comparison, Difference, Effect
from provisioner.fields import Call, Document
from provisioner.plan.model import Desired, Step, Target
from provisioner.plan.order import loosens
from provisioner.wire import requests
from provisioner.wire.answers import Live
from provisioner.wire.requests import Request


def deletion(name: str) -> Step:
    """Delete an endpoint."""
    return _step(requests.delete(name), ())


def creation(target: Target, want: Desired, found: Comparison) -> tuple[Step, ...]:
    """Make an endpoint as ``found``, a comparison with nothing, says; then grant rights."""
    document = found.target
    rows = document.get("permissions") or {}
    paths = [difference.path for difference in found.differences]
    granted = tuple(path for path in paths if path.startswith("permissions["))
    made = tuple(path for path in paths if path not in granted)
    steps = [_step(requests.create(document), made)]
    if want.document.get("ai_gateway", document) is None:
        # The service switches usage tracking on by itself for some kinds; a null means nothing.
        steps += [_step(request, ()) for request in requests.update_gateway(want.name, {}, {})]
    if want.scope.exact_permissions and "permissions" in document:
        steps.append(_step(requests.replace_permissions("", rows, target.caller), granted))
    elif rows:
        steps.append(_step(requests.merge_permissions("", rows), granted))
    return tuple(steps)


def update(
    target: Target,
    want: Desired,
    live: Live,
    found: Comparison,
    rollout: Sequence[Step] = (),
) -> tuple[Step, ...]:
    """Change an endpoint; ``rollout`` are the calls that bring its configuration in steps."""
    by_call: dict[Call, list[Difference]] = {}
    for difference in found.differences:
        if difference.effect in {Effect.SET, Effect.REMOVE}:
            by_call.setdefault(difference.field.call, []).append(difference)
    return tuple(_Update(target, want, live, found.target, by_call, rollout).steps())


@dataclass(frozen=True)
class _Update:
    """The pieces from which the calls of one update are made."""

    target: Target
    want: Desired
    live: Live
    document: Document
    by_call: Mapping[Call, Sequence[Difference]]
    rollout: Sequence[Step]

    def steps(self) -> Iterator[Step]:
        yield from self._tags()
        yield from self._permissions(widening=False)
        yield from self._gateway(loosening=False)
        yield from self._config()
        yield from self._gateway(loosening=True)
        yield from self._notifications()
        yield from self._permissions(widening=True)
        yield from self._telemetry()

    @property
    def _rolls_out(self) -> bool:
        return Call.CONFIG in self.by_call

    def _tags(self) -> Iterator[Step]:
        if found := self.by_call.get(Call.TAGS):
            tags = self.document.get("tags") or {}
            keys = [_member(difference) for difference in found]
            request = requests.update_tags(self.want.name, {key: tags.get(key) for key in keys})
            yield _step(request, _paths(found))

    def _gateway(self, *, loosening: bool) -> Iterator[Step]:
        """One call before the roll-out, one after it, or the only one where it belongs."""
        found = self.by_call.get(Call.AI_GATEWAY, ())
        later = [difference for difference in found if loosens(difference)]
        if not self._rolls_out or len(later) in {0, len(found)}:
            # All at once: before the roll-out, unless all of it loosens.
            at_once_later = self._rolls_out and bool(later)
            if not found or loosening is not at_once_later:
                return
            after, now = self.document.get("ai_gateway") or {}, list(found)
        elif loosening:
            after, now = self.document.get("ai_gateway") or {}, later
        else:
            now = [difference for difference in found if difference not in later]
            after = _reverted(self.document, later).get("ai_gateway") or {}
        before = self.live.document.get("ai_gateway") or {}
        for request in requests.update_gateway(self.want.name, after, before):
            yield _step(request, _paths(now), settle_first=loosening)

    def _config(self) -> Iterator[Step]:
        found = self.by_call.get(Call.CONFIG, ())
        if found and self.rollout:
            first, *others = self.rollout
            steps = [replace(first, settle_first=self.live.updating), *others]
            yield from steps[:-1]
            yield replace(steps[-1], changes=_paths(found))
        elif found:
            request = requests.update_config(self.want.name, self.document, self.want.document)
            yield _step(request, _paths(found), settle_first=self.live.updating)

    def _notifications(self) -> Iterator[Step]:
        if found := self.by_call.get(Call.NOTIFICATIONS):
            addresses = self.document.get("email_notifications") or {}
            yield _step(requests.update_notifications(self.want.name, addresses), _paths(found))

    def _permissions(self, *, widening: bool) -> Iterator[Step]:
        found = self.by_call.get(Call.PERMISSIONS, ())
        now = [difference for difference in found if loosens(difference) is widening]
        if not now:
            return
        rows: Mapping[str, str] = self.document.get("permissions") or {}
        if any(difference.effect is Effect.REMOVE for difference in now):
            later = [difference for difference in found if difference not in now]
            rows = _reverted(self.document, later).get("permissions") or {}
            kept = {**self.live.implicit_rows, **rows}
            request = requests.replace_permissions(self.live.id, kept, self.target.caller)
        else:
            changed = {_member(difference) for difference in now}
            request = requests.merge_permissions(
                self.live.id, {key: level for key, level in rows.items() if key in changed}
            )
        yield _step(request, _paths(now), settle_first=widening and self._rolls_out)

    def _telemetry(self) -> Iterator[Step]:
        # Refused while an update runs (Databricks CLI issue 6106).
        if found := self.by_call.get(Call.TELEMETRY):
            telemetry = self.document.get("telemetry_config") or {}
            declared = self.want.document.get("telemetry_config") or {}
            request = requests.update_telemetry(self.want.name, telemetry, declared)
            yield _step(request, _paths(found), settle_first=True)


def _member(found: Difference) -> str:
    """The key of a change of a tag or of a permission row."""
    return found.path.partition("[")[2].removesuffix("]")


def _paths(found: Sequence[Difference]) -> tuple[str, ...]:
    return tuple(difference.path for difference in found)


def _reverted(document: Document, changes: Sequence[Difference]) -> dict[str, Any]:
    """The document with some of its changes not made yet."""
    result = dict(document)
    for change in changes:
        block = result
        for key in change.keys[:-1]:
            block[key] = dict(block.get(key) or {})
            block = block[key]
        if change.before is None:
            block.pop(change.keys[-1], None)
        else:
            block[change.keys[-1]] = change.before
    return result


def _step(request: Request, changes: tuple[str, ...], *, settle_first: bool = False) -> Step:
    body = None if request.body is None else dict(request.body)
    return Step(f"{request.method} {request.path}", body, changes, settle_first)
