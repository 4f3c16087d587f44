"""Whether served entities answer, as a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from provisioner.plan.verification import EndpointVerified, Verdict, Verification
from provisioner.report.summary import Count, Fact, Item, Summary, counted, gravest_first
from provisioner.report.verified import verdict
from provisioner.report.words import Mark, Tone

_FAILED = Mark("!", "failed", Tone.GRAVE)
_OK = Mark("=", "ok", Tone.NEW)
_UNCHECKED = Mark("=", "unchecked", Tone.CALM)
_ORDER = (_FAILED, _OK, _UNCHECKED)


def summary(found: Verification) -> Summary:
    """Everything to tell of a verification."""
    items = [_item(endpoint) for endpoint in found.endpoints]
    counts = Counter(item.mark.word for item in items)
    failed = counts[_FAILED.word]
    return Summary(
        kind="verify",
        title="Verification of",
        environment=found.environment,
        project=found.project,
        host=found.workspace.host,
        workspace_id=found.workspace.workspace_id,
        counts=tuple(Count(counts[mark.word], mark.word, mark) for mark in _ORDER),
        verdict=verdict(found),
        items=gravest_first(items, [mark.word for mark in _ORDER]),
        alarm=counted(failed, "endpoint fails a check", "endpoints fail checks") if failed else "",
        remarks=(f"{counted(found.requests, 'request')} sent",),
    )


def _item(endpoint: EndpointVerified) -> Item:
    failed = [one for one in endpoint.verdicts if not one.ok]
    mark = _FAILED if failed else _OK if endpoint.verdicts else _UNCHECKED
    passed = len(endpoint.verdicts) - len(failed)
    return Item(
        name=endpoint.name,
        mark=mark,
        about=(_passed(passed, len(endpoint.verdicts)),),
        grave="; ".join(f"{_who(one)}: {_word(one)}" for one in failed),
        facts=tuple(map(_fact, endpoint.verdicts)),
    )


def _passed(passed: int, checks: int) -> str:
    return f"{passed} of {counted(checks, 'check')} passed" if checks else "nothing to check"


def _fact(one: Verdict) -> Fact:
    mark = Mark("=" if one.ok else "!", _word(one), Tone.NEW if one.ok else Tone.GRAVE)
    return Fact(_who(one), "; ".join(_told(one)), mark)


def _told(one: Verdict) -> Iterator[str]:
    yield one.message
    if one.said:
        yield f"it says: {one.said}"
    if one.hint:
        yield one.hint
    if one.seconds:
        yield f"{one.seconds:.2f} s"


def _who(one: Verdict) -> str:
    return " ".join(filter(None, (one.entity, one.check and f"[{one.check}]"))) or "the endpoint"


def _word(one: Verdict) -> str:
    return one.cause.value.replace("_", " ")
