"""Judging answers: whether a check is passed, and else the cause and what to do about it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from provisioner.catalog import Catalog, catalog
from provisioner.plan.verification import Cause, Verdict
from provisioner.query.answers import Said, read, wrong_with
from provisioner.query.causes import cause_of, refusal
from provisioner.query.checks import Check
from provisioner.query.requests import texts_of
from provisioner.wire.inference import Answer

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_GONE = object()


def judge(
    check: Check, answer: Answer, cold: Answer | None = None, facts: Catalog | None = None
) -> Verdict:
    """What an answer makes of a check.

    ``cold`` is the answer before this one, where that one was late because compute had to come
    up first; see `asks_again`. ``facts`` are the shipped ones if not given.
    """
    known = facts or catalog()
    tries = answer.tries + (cold.tries if cold else 0)
    base = Verdict(
        check.name, check.entity.name, Cause.OK, "", status=answer.status,
        seconds=round(answer.seconds, 3), tries=tries,
    )  # fmt: skip
    if answer.lost:
        return _lost(check, answer, cold, base)
    wanted = check.expect.status
    if (wanted is None and answer.ok) or answer.status == wanted:
        return _content(check, answer, cold, base, known)
    if wanted is not None and answer.ok:
        message = f"answered with {answer.status}, not with {wanted}"
        return replace(base, cause=Cause.UNEXPECTED, message=message)
    return _refused(check, answer, base, known)


def asks_again(check: Check, answer: Answer) -> bool:
    """Whether an answer was late since compute had to come up, so that a second one tells more."""
    return answer.ok and check.entity.scale_to_zero and answer.seconds > check.latency


def is_starting(answer: Answer, facts: Catalog | None = None) -> bool:
    """Whether the service turned a question away because compute is still coming up."""
    if answer.ok or answer.lost:
        return False
    found = cause_of(refusal(answer), facts)
    return found is not None and found.cause == Cause.COLD_START.value


def _refused(check: Check, answer: Answer, base: Verdict, facts: Catalog) -> Verdict:
    if check.derived and check.entity.task is None:
        found = cause_of(refusal(answer), facts)
        if found is not None and found.cause == Cause.REQUEST_REFUSED.value:
            message = "is there: it refused a body without content, as expected"
            return replace(base, message=message, hint="write `checks` to prove its answers")
    return refused(answer, base, facts)


def refused(answer: Answer, base: Verdict, facts: Catalog | None = None) -> Verdict:
    """``base`` with what a refusal means, as the catalog knows it."""
    said = refusal(answer)
    found = cause_of(said, facts)
    words = f"{said.provider}: {said.message}" if said.provider else said.message
    if found is None:
        message = f"answered with {answer.status}, which nothing is known about"
        return replace(base, cause=Cause.UNKNOWN, message=message, said=words)
    cause = Cause(found.cause)
    pause = answer.retry_after
    fix = found.fix if pause is None else f"{found.fix} (Retry-After: {pause:g} s)"
    return replace(base, cause=cause, message=found.means, hint=fix, said=words)


def _lost(check: Check, answer: Answer, cold: Answer | None, base: Verdict) -> Verdict:
    if answer.lost != "timeout":
        message = "the connection broke before an answer came; the model may have been asked"
        hint = "ask again; what was lost may have been paid for"
        return replace(base, cause=Cause.NO_ANSWER, message=message, hint=hint)
    if check.entity.scale_to_zero and cold is None:
        late = f"no answer within {check.cold_start:g} s"
        hint = "raise expect.cold_start, or switch scale_to_zero_enabled off"
        return replace(base, cause=Cause.COLD_START, message=late, hint=hint)
    late = f"no answer within {check.latency:g} s"
    return replace(base, cause=Cause.SLOW, message=late, hint=_LATENCY_HINT)


_LATENCY_HINT = "raise expect.latency, or give the entity more capacity"


def _content(
    check: Check, answer: Answer, cold: Answer | None, base: Verdict, facts: Catalog
) -> Verdict:
    shape = check.expect.shape or check.entity.task
    task = None if shape == "any" or not answer.ok else shape
    if wrong := wrong_with(answer.body, task) if answer.ok else "":
        hint = "provisioner query shows the answer; look at what serves the entity"
        return replace(base, cause=Cause.WRONG_SHAPE, message=wrong, hint=hint)
    said = read(answer.body, task)
    base = replace(base, tokens=said.usage.total)
    wrong = next(_unexpected(check, answer, said, facts), "")
    if wrong:
        return replace(base, cause=Cause.UNEXPECTED, message=wrong)
    return _in_time(check, answer, cold, base)


def _in_time(check: Check, answer: Answer, cold: Answer | None, base: Verdict) -> Verdict:
    if cold and cold.seconds > check.cold_start:
        message = f"came up after {cold.seconds:.1f} s, the budget is {check.cold_start:g} s"
        hint = "raise expect.cold_start, or switch scale_to_zero_enabled off"
        return replace(base, cause=Cause.COLD_START, message=message, hint=hint)
    if answer.seconds > check.latency:
        message = f"answered after {answer.seconds:.1f} s, the budget is {check.latency:g} s"
        return replace(base, cause=Cause.SLOW, message=message, hint=_LATENCY_HINT)
    started = f"; compute came up within {cold.seconds:.1f} s" if cold else ""
    return replace(base, message=f"answered in {_time(answer.seconds)}{started}")


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _unexpected(check: Check, answer: Answer, said: Said, facts: Catalog) -> Iterator[str]:
    """What an answer in the right shape still has that the check does not want, in words."""
    yield from _vectors(check, said, facts)
    for path, wanted in (check.expect.json_path or {}).items():
        yield from _differs(path, wanted, value_at(answer.body, path))
    if schema := check.expect.body_schema:
        yield from _invalid(answer.body, schema, "the answer")
    if schema := check.expect.content_schema:
        try:
            content = json.loads(said.text)
        except ValueError:
            yield "the text of the answer is no JSON"
        else:
            yield from _invalid(content, schema, "the text of the answer")
    most, cost = check.expect.tokens, said.usage.total
    if most is not None and cost is None:
        yield "the answer does not say how many tokens it cost"
    elif most is not None and cost is not None and cost > most:
        yield f"it cost {cost} tokens, at most {most} are expected"


def _vectors(check: Check, said: Said, facts: Catalog) -> Iterator[str]:
    if not said.vectors:
        return
    if (asked := len(texts_of(check.body))) and asked != len(said.vectors):
        yield f"{len(said.vectors)} embeddings for {asked} inputs"
    dimension = check.expect.dimension or check.entity.dimension
    for number, vector in enumerate(said.vectors):
        if dimension and len(vector) != dimension:
            yield f"embedding {number} has {len(vector)} numbers, not {dimension}"
    norm = check.expect.norm
    if norm is None and check.entity.normalized:
        norm = 1.0
    tolerance = next(rule.max for rule in facts.request_rules if rule.id == "embeddings-norm")
    for number, length in enumerate(said.norms if norm is not None else ()):
        if not math.isclose(length, norm or 0.0, rel_tol=0, abs_tol=tolerance or 0.0):
            yield f"embedding {number} has length {length:.4f}, not {norm:g}"


def value_at(body: Any, path: str) -> Any:
    """The value at a path as ``choices[0].text``; a marker of its own if there is none."""
    for index, key in _STEP.findall(path):
        if index and isinstance(body, list) and int(index) < len(body):
            body = body[int(index)]
        elif key and isinstance(body, Mapping) and key in body:
            body = body[key]
        else:
            return _GONE
    return body


def _differs(path: str, wanted: Any, found: Any) -> Iterator[str]:
    if isinstance(wanted, dict) and "exists" in wanted:
        if (found is not _GONE) != wanted["exists"]:
            yield f"`{path}` is {'missing' if found is _GONE else 'there'}"
    elif found is _GONE:
        yield f"`{path}` is missing"
    elif isinstance(wanted, dict) and "matches" in wanted:
        if not re.search(str(wanted["matches"]), found if isinstance(found, str) else _json(found)):
            yield f"`{path}` is {_json(found)}, which does not match {wanted['matches']}"
    else:
        value = wanted["equals"] if isinstance(wanted, dict) else wanted
        # In YAML as in JSON, true is no number, while 1 and 1.0 are the same one.
        if found != value or isinstance(found, bool) != isinstance(value, bool):
            yield f"`{path}` is {_json(found)}, not {_json(value)}"


def _invalid(value: Any, schema: Mapping[str, Any], what: str) -> Iterator[str]:
    from jsonschema import validators  # comes with the extra `query`, for checks with schemas
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    nothing: Registry[Any] = Registry()  # the default one fetches what a schema refers to
    try:
        found = next(kind(schema, registry=nothing).iter_errors(value), None)
    except Unresolvable as failure:
        yield f"{what} cannot be judged: its schema refers to {failure.ref}, which is not in it"
        return
    if found is not None:
        place = f" at {found.json_path}" if found.json_path != "$" else ""
        yield f"{what} breaks its schema{place}: {found.message[:200]}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:76] + " ..."
