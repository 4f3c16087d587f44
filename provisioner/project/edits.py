"""Replacing single words of a file at their places, and taking keys out; the rest stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import pairwise

from provisioner.errors import Fixable, Where
from provisioner.project.documents import read_documents
from provisioner.project.rewrite import CannotRewrite, without

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_QUOTED = re.compile(r"\"[^\"\\\n]*\"|'[^'\n]*'")
_PLAIN_END = re.compile(r"[ \t]*(?:\Z|[\r\n,\]}:])|[ \t]+#")
_NEEDS_QUOTES = re.compile(r"[^\w./-]")


def edited(raw: bytes, fixes: Collection[Fixable], name: str) -> bytes:
    """A file with those words replaced that stand where they should, as they should.

    What came from a variable, an anchor or a block is not there as a word and stays,
    and so does a word for which two different ones are proposed. Keys are taken out
    first: what is said twice would contradict itself once a word of it is another one.
    """
    left = raw
    gone = {fix.where for fix in fixes if fix.where and not fix.new}
    for where in sorted(gone, reverse=True):
        left = _without_key(left, where, name)
    if left != raw:
        return left  # places have moved
    return _with_words(raw, [fix for fix in fixes if fix.new], name)


def _without_key(raw: bytes, where: Where, name: str) -> bytes:
    """The file without a key, or as it is when that cannot be done by a cut."""
    try:
        result = without(raw, where, member=False)
    except CannotRewrite:
        return raw
    return result if not read_documents(result, name)[1] else raw


def _with_words(raw: bytes, fixes: Iterable[Fixable], name: str) -> bytes:
    text = raw.decode("utf-8")
    wanted: dict[Where, set[tuple[str, str]]] = {}
    for fix in fixes:
        if fix.where:
            wanted.setdefault(fix.where, set()).add((fix.old, fix.new))
    starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]
    replaced: list[tuple[int, int, str]] = []
    for where, words in wanted.items():
        if where.line <= len(starts):
            start = starts[where.line - 1] + where.column - 1 + _mark(text, where)
            # Environments may see different words; what is to stand there must be the same.
            outcomes = {_replacement(text, start, old, new) for old, new in words}
            if len(outcomes) == 1 and (outcome := outcomes.pop()) is not None:
                replaced.append((start, *outcome))
    result = text
    for start, end, word in _apart(replaced):
        result = result[:start] + word + result[end:]
    before, after = read_documents(raw, name)[1], read_documents(result.encode(), name)[1]
    return result.encode() if len(after) <= len(before) else raw


def _mark(text: str, where: Where) -> int:
    """The byte order mark is not counted in columns."""
    return 1 if where.line == 1 and text.startswith("\ufeff") else 0


def _replacement(text: str, start: int, old: str, new: str) -> tuple[int, str] | None:
    """Where the word at ``start`` ends, and what to write; None when another word is there."""
    if quoted := _QUOTED.match(text, start):
        quote, inner = quoted[0][0], quoted[0][1:-1]
        if inner == old:
            return quoted.end(), f"{quote}{new}{quote}"
        without_blanks = re.sub(r"\s+", "", inner)
        if re.sub(r"\s+", "", old) == new and "${var." in inner and without_blanks != inner:
            return quoted.end(), f"{quote}{without_blanks}{quote}"
        return None
    end = start + len(old)
    if old and text.startswith(old, start) and _PLAIN_END.match(text, end):
        return end, f'"{new}"' if _NEEDS_QUOTES.search(new) else new
    return None


def _apart(replaced: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Replacements that do not overlap, the last of the file first."""
    ordered = sorted(replaced)
    clash = {second for first, second in pairwise(ordered) if second[0] < first[1]}
    return [one for one in reversed(ordered) if one not in clash]
