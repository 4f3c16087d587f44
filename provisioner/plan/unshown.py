"""Whether the calls of a plan bring what its changes tell, and nothing else.

A call that replaces a whole object repeats what is there. So each value that a call sends is
either one of a change, or the one that the endpoint has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.diff import Effect, Leaf, Reason, leaves
from provisioner.fields import pattern_of, table
from provisioner.plan.fills import placed, variables
from provisioner.plan.model import Action, EndpointPlan, Step
from provisioner.wire.answers import Live
from provisioner.wire.requests import PERMISSIONS, variables_sent
from provisioner.wire.sent import brought

_WHOLE = {
    "ai-gateway": "ai_gateway",
    "config": "config",
    "notifications": "email_notifications",
    "telemetry-config": "telemetry_config",
}
_TRAFFIC = "config.traffic_config."
_STAGED = "ai_gateway.inference_table_config.enabled"
"""Off between two calls where the table is renamed."""
_ORDER = "config.fallback_order"


def unshown(entry: EndpointPlan, live: Live | None) -> tuple[str, ...]:
    """Paths at which calls do something else than the plan shows.

    ``live`` is the endpoint that it was planned against.
    """
    back = entry.rollout.restore if entry.rollout else None
    steps = (*entry.steps, back) if back else entry.steps
    sent = [_sent(step, live) for step in steps]
    judge = _Judge(entry, _there(live))
    return tuple(
        path for step, values in zip(steps, sent, strict=True) for path in judge.wrong(step, values)
    )


def _sent(step: Step, live: Live | None) -> dict[str, Leaf]:
    known = variables(live) if live else {}
    names = {place: variable for place, variable, _ in variables_sent(step.body)}
    carried = {f.at: known.get(names[f.at]) for f in step.fills if f.at in names}
    return leaves(brought(step.call, placed(step.body or {}, carried)))


def _there(live: Live | None) -> dict[str, Any]:
    if live is None:
        return {}
    implicit = {f"permissions[{who}]": level for who, level in live.implicit_rows.items()}
    return {**implicit, **{path: leaf.value for path, leaf in leaves(live.document).items()}}


@dataclass(frozen=True)
class _Judge:
    entry: EndpointPlan
    there: Mapping[str, Any]

    def wrong(self, step: Step, sent: Mapping[str, Leaf]) -> Iterator[str]:
        """Paths at which one call does something that is not shown."""
        wrong = [path for path, leaf in sent.items() if not self._is_shown(step, leaf)]
        if kept := [path for path in wrong if self._is_kept(step, path, sent[path])]:
            wrong.remove(kept[0])  # whoever planned keeps the right to manage, which no plan tells
        yield from wrong
        yield from self._dropped(_whole(step.call), sent)

    def _is_kept(self, step: Step, path: str, leaf: Leaf) -> bool:
        told = any(change.path == path for change in self.entry.changes)
        return (
            step.call.startswith(f"PUT {PERMISSIONS}") and leaf.value == "CAN_MANAGE" and not told
        )

    def _is_shown(self, step: Step, leaf: Leaf) -> bool:
        path, same = leaf.path, leaf.field.same
        if path.startswith(_TRAFFIC) and step.gate:
            entity = path.partition("[")[2].partition("]")[0]
            return not path.endswith("_percentage") or step.gate.routes.get(entity) == leaf.value
        if same(leaf.value, self.there.get(path)):
            return True
        change = next((one for one in self.entry.changes if one.path == path), None)
        if change is None:
            never_read = leaf.field.write_only or pattern_of(path) not in table().fields
            return never_read or (path == _STAGED and leaf.value is False)
        if same(leaf.value, change.after):
            return True
        if change.effect is Effect.NONE:  # left alone, but an endpoint that is made anew has it
            anew = self.entry.action is Action.REPLACE and change.reason is Reason.IGNORED
            return anew and same(leaf.value, self._declared(path))
        # One call may come before another; and a rollout carries on what is removed at its end.
        in_two_calls = PERMISSIONS in step.call or step.call.endswith("/ai-gateway")
        return (in_two_calls or leaf.field.write_only) and same(leaf.value, change.before)

    def _declared(self, path: str) -> Any:
        found = leaves(self.entry.declared or {}).get(path)
        return found and found.value

    def _dropped(self, block: str, sent: Mapping[str, Leaf]) -> Iterator[str]:
        """What is there, is left out of a whole object, and is in no change."""
        shown = {change.path for change in self.entry.changes}
        for path, value in self.there.items():
            row = table().get(pattern_of(path))
            told = path in sent or path in shown or path.startswith((_TRAFFIC, _ORDER))
            if _block(path) == block and not (told or row.filled or row.same(value, None)):
                yield path


def _whole(call: str) -> str:
    """The block of a document that a call replaces as a whole; empty = none."""
    if call.startswith(f"PUT {PERMISSIONS}"):
        return "permissions"
    return _WHOLE.get(call.rpartition("/")[2], "")


def _block(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
