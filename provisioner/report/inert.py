"""Text that came from outside, made into Markdown that is only ever text.

GitHub and GitLab turn more than markup into links: ``@name``, ``#12``, ``GH-12``, hashes of
commits, addresses. They leave code spans and code blocks alone, and so whatever does not look
like a plain word is put into one.
Source: https://github.github.com/gfm/ and GitHub's documents on autolinked references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

from provisioner.report.problems import printable

_PLAIN = re.compile(
    r"(\(?([A-Za-z]+(['-][a-z]+)*|\d{1,6}|\d{4}-\d\d-\d\d|\d+(\.\d+)?x)\)?|%)[,.;:]?|->"
)
_COMMIT = re.compile(r"\W*[0-9A-Fa-f]{7,}\W*")
_TOKEN = re.compile(r"`(?P<quoted>[^`]+)`|(?P<space>\s+)|[^\s`]+|`")


def code(text: str) -> str:
    """Text as a code span on one line, whatever is in it."""
    text = printable(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{space}{text or ' '}{space}{fence}"


def prose(text: str) -> str:
    """A sentence for Markdown in which what is in backticks, and every odd word, is code."""
    return "".join(code(part) if odd else part for part, odd in sentence(text))


def html_prose(text: str) -> str:
    """The same inside of an HTML block of Markdown, where only HTML counts."""
    return "".join(html_code(part) if odd else escape(part) for part, odd in sentence(text))


def sentence(text: str) -> list[tuple[str, bool]]:
    """The parts of a sentence, each with whether it has to be shown as code."""
    if not text.strip():
        return [(text, True)]  # an empty point of a list would underline the line above
    return [
        ("".join(part for part, _ in group), odd)
        for odd, group in groupby(_tokens(text), key=lambda token: token[1])
    ]


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    for found in _TOKEN.finditer(text):
        word = found.group()
        if found["space"]:
            yield " ", False
        elif found["quoted"]:
            yield found["quoted"], True
        elif _is_plain(word):
            yield word.replace("->", "→"), False
        else:
            core = word.rstrip(",.;:") or word
            yield core, True
            yield from [(word[len(core) :], False)] if core != word else []


def _is_plain(word: str) -> bool:
    return bool(_PLAIN.fullmatch(word)) and not _COMMIT.fullmatch(word)


def html_code(text: str) -> str:
    """Text as a code span inside of an HTML block of Markdown, where only HTML counts."""
    return f"<code>{escape(printable(text))}</code>"


def block(text: str, language: str) -> str:
    """Lines as a fenced block; each has to be printable already."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"
