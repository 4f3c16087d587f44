"""A summary as Markdown, for comments and job summaries of GitHub and its like.

What is destroyed stands first and always; the rest is folded, and shortened to fit into a
limit. What was left out is counted, with a pointer to where it can be read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from provisioner.errors import Problem, Severity
from provisioner.report.fitting import DoesNotFit, Part, fit, size
from provisioner.report.inert import block, code, html_code, html_prose, prose
from provisioner.report.problems import printable
from provisioner.report.summary import Count, Fact, Item, Line, Summary, counted, enumerated
from provisioner.report.words import Tone

LONGEST = 65_000
"""Bytes of a text where no limit is given: with the mark that `ci comment` puts before it, a
comment of GitHub."""

_VALUE = 600
"""Characters of a value that are shown; the rest of a longer one is counted."""
_NOTE = 500
"""Bytes kept free for the sentence about what was left out, besides the artifact's name."""


@dataclass(frozen=True)
class _Told:
    """A part of the text, and what it is when it is left out."""

    part: Part
    missing: tuple[str, ...] = ()
    """By form: what is not told, one of `_MISSING` or the severity of a problem."""


_MISSING = {"endpoint": "{}", "details": "details of {}", "loss": "what is lost in {}"}
"""What can be left out of an endpoint, around its number."""


def markdown(summaries: Sequence[Summary], limit: int = LONGEST, artifact: str = "") -> str:
    """One text on one environment or several, in at most ``limit`` bytes of UTF-8.

    ``artifact`` says where the full report is: an ``https://`` address, or some words.

    Raises:
        DoesNotFit: the destructive lines alone are longer than the limit.
    """
    told = [one for summary in summaries for one in _told(summary)]
    foot = f"\nAll of it: {_pointer(artifact)}.\n" if artifact else ""
    parts = [one.part for one in told]
    chosen = [len(part.forms) - 1 for part in parts]
    if sum(size(part.forms[-1]) for part in parts) + size(foot) > limit:
        rest = _NOTE + size(foot)
        try:
            chosen = fit(parts, limit - rest)
        except DoesNotFit as failure:
            raise DoesNotFit(failure.needed + rest) from None
    text = "".join(part.forms[form] for part, form in zip(parts, chosen, strict=True))
    return _LOOSE.sub(r"\1\n", text).lstrip("\n") + _left_out(told, chosen) + foot


_LOOSE = re.compile(r"(?m)^( *- .*)\n\n(?=- )")
"""Points of one list, where each came with a line of air around it."""


def _told(summary: Summary) -> Iterator[_Told]:
    yield from _head(summary)
    yield from _alarm(summary)
    yield from _problems(summary, Severity.ERROR)
    yield from _items(summary)
    yield from _remarks(summary)
    yield from _deadlines(summary)
    yield from _problems(summary, Severity.WARNING, Severity.NOTICE)
    if summary.host:
        yield _Told(Part((_origin(summary),)))


def _head(summary: Summary) -> Iterator[_Told]:
    counts = ", ".join(
        f"{count.number} {count.words}" if count.mark.tone is Tone.CALM else _bold(count)
        for count in summary.counts
        if count.number
    )
    title = f"{summary.title} {code(summary.environment)}"
    known = summary.kind != "unknown"
    yield _always(f"\n### {title}\n\n{counts or 'no endpoints'}\n" if known else f"\n### {title}\n")


def _bold(count: Count) -> str:
    return f"**{count.number} {count.words}**"


def _alarm(summary: Summary) -> Iterator[_Told]:
    if not summary.alarm:
        return
    yield _always(f"\n> [!CAUTION]\n> **{prose(summary.alarm)}**\n")
    if summary.grave:
        yield _always(">\n")
    for item in summary.grave:
        title = f"> - {_title(item)}"
        more = () if item.has_details else item.notes
        forms = (f"{title}\n", f"{title}: {prose('; '.join((item.grave, *more)))}\n")
        yield _Told(Part(forms), ("loss",))


def _items(summary: Summary) -> Iterator[_Told]:
    for item in summary.told:
        line = _line(item)
        if item.has_details:
            at_least = "details" if item.grave else "endpoint"
            yield _Told(Part(("", line, _folded(item, summary.sides))), (at_least, "details"))
        elif not item.grave:
            yield _Told(Part(("", line)), ("endpoint",))


def _title(item: Item) -> str:
    return f"{code(item.mark.symbol)} **{item.mark.word}** {code(item.name)}"


def _line(item: Item) -> str:
    notes = "".join(f"\n  - {prose(note)}" for note in item.notes)
    about = f": {prose(', '.join(item.about))}" if item.about else ""
    return f"\n- {_title(item)}{about}{notes}\n"


def _folded(item: Item, sides: tuple[str, str]) -> str:
    about = f" &middot; {html_prose(', '.join(item.about))}" if item.about else ""
    mark = f"<b>{escape(item.mark.symbol)} {escape(item.mark.word)}</b>"
    notes = "".join(f"- {prose(note)}\n" for note in item.notes)
    details = [
        f"\n<details><summary>{mark} {html_code(item.name)}{about}</summary>\n",
        notes,
        block("\n".join(_difference(item, sides)), "diff") if item.lines or item.facts else "",
        block("\n".join(printable(line) for line in item.log), "text") if item.log else "",
        "</details>\n",
    ]
    return "\n".join(filter(None, details))


def _difference(item: Item, sides: tuple[str, str]) -> Iterator[str]:
    """The inside of a block in the language ``diff``: each line begins with a sign of ours."""
    heads = [_fact(item, fact) for fact in item.facts]
    width = min(max(map(len, heads), default=0), 32)
    for head, fact in zip(heads, item.facts, strict=True):
        yield f"{head:<{width}}  {_shortened(printable(fact.text))}"
    if any(line.before is not None and line.after is not None for line in item.lines):
        yield f"# - {sides[0]}, + {sides[1]}"
    for place, lines in groupby(item.lines, key=lambda line: line.block):
        yield f"@@ {printable(place) or '(endpoint)'} @@"
        for line in lines:
            *most, last = _values(line)
            notes = f"  # {printable(', '.join(line.notes))}" if line.notes else ""
            yield from (*most, last + notes)


def _fact(item: Item, fact: Fact) -> str:
    """How the line of a fact begins."""
    words = (fact.mark.symbol, fact.mark.word) if fact.mark else (item.mark.symbol,)
    return " ".join(filter(None, (*words, printable(fact.name))))


def _values(line: Line) -> Iterator[str]:
    name = printable(line.name)
    before, after = (
        None if value is None else f"{name}  {_shortened(value)}".rstrip()
        for value in (line.before, line.after)
    )
    if line.kept:
        same = line.before == line.after or line.before is None
        yield f"  {after}" if same else f"  {before} (not {_shortened(line.after or '')})"
        return
    if before is not None:
        yield f"- {before}"
    if after is not None:
        yield f"+ {after}"


def _shortened(text: str) -> str:
    more = len(text) - _VALUE
    return f"{text[:_VALUE]} ... ({more} more characters)" if more > 0 else text


def _remarks(summary: Summary) -> Iterator[_Told]:
    for remark in summary.remarks:
        yield _Told(Part(("", f"\n- {prose(remark)}\n")), ("remark",))


def _deadlines(summary: Summary) -> Iterator[_Told]:
    for gone in summary.deadlines:
        then = f", replaced by {code(gone.replacement)}" if gone.replacement else ""
        text = f"{code(gone.endpoint)} uses {code(gone.model)}, which {gone.when}{then}"
        yield _Told(Part(("", f"\n- {text}\n")), ("retirement",))


def _problems(summary: Summary, *wanted: Severity) -> Iterator[_Told]:
    found = [problem for problem in summary.problems if problem.severity in wanted]
    for problem in found:
        yield _Told(Part(("", _problem(problem))), (problem.severity.value,))


def _problem(problem: Problem) -> str:
    place = f" {code(str(problem.where))}" if problem.where else ""
    hint = f"\n  - {prose(problem.hint)}" if problem.hint else ""
    mark = f"**{problem.severity.value}** {code(problem.code)}"
    return f"\n- {mark}{place}: {prose(problem.summary)}{hint}\n"


def _origin(summary: Summary) -> str:
    where = f" (workspace {code(summary.workspace_id)})" if summary.workspace_id else ""
    parts = [f"Project {code(summary.project)} on {code(summary.host)}{where}"]
    if summary.reference:
        parts.append(f"plan {code(summary.reference)}")
    return f"\n<sub>{', '.join(parts)}</sub>\n"


def _pointer(artifact: str) -> str:
    is_address = re.fullmatch(r"https://[\w.~:/?#@!$&'*+,;=%-]+", artifact, re.ASCII)
    return f"[the full report](<{artifact}>)" if is_address else code(artifact)


def _left_out(told: Sequence[_Told], chosen: Sequence[int]) -> str:
    """How much is not in the text, by kind; nothing when all of it is."""
    missing = [
        one.missing[form]
        for one, form in zip(told, chosen, strict=True)
        if form < len(one.part.forms) - 1
    ]
    if not missing:
        return ""
    parts = [
        _MISSING.get(what, "{}").format(counted(number, "endpoint" if what in _MISSING else what))
        for what, number in Counter(missing).items()
    ]
    return f"\n**Left out to fit:** {enumerated(parts)}.\n"


def _always(text: str) -> _Told:
    return _Told(Part((text,)))
