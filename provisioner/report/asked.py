"""Answers to questions as text: one alone, or two beside each other."""

from __future__ import annotations

import json
from itertools import zip_longest
from textwrap import wrap

from click import style

from provisioner.plan.asked import Asked, Compared
from provisioner.report.problems import page_width, printable

_NUMBERS = 4
"""Numbers of an embedding that are shown."""


def _half() -> int:
    """Width of each of two answers beside each other."""
    return (page_width() - 3) // 2


def legible(text: str) -> str:
    """Text of a model with its lines, and nothing in it that could steer a terminal."""
    lines = ("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
    return "\n".join(lines)


def answer(found: Asked) -> str:
    """What was asked for, and nothing else."""
    parts = [legible(text) for text in (found.text, *found.other_texts) if text]
    parts += [legible(f"{call.name}({call.arguments})") for call in found.tool_calls]
    parts += [_embedding(found, number) for number in range(len(found.embeddings))]
    if not parts and not found.finish:
        return legible(json.dumps(found.body, indent=2, ensure_ascii=False))
    return "\n".join(parts)


def _embedding(found: Asked, number: int) -> str:
    one = found.embeddings[number]
    vector = sorted(found.body["data"], key=lambda item: item.get("index") or 0)[number]
    first = ", ".join(f"{value:.4f}" for value in vector["embedding"][:_NUMBERS])
    return f"input {number}: {one.dimension} numbers, length {one.norm:.4f}: {first}, ..."


def reasoning(found: Asked) -> str:
    """What the model thought on the way, where it shows it."""
    return style("reasoning: ", dim=True) + legible(found.reasoning) if found.reasoning else ""


def footer(found: Asked) -> str:
    """Who answered, how long it took and what it cost."""
    whose = f" of {found.endpoint}" if found.entity not in {"", found.endpoint} else ""
    who = f"{found.entity or found.endpoint}{whose}"
    parts = [printable(who), _took(found.seconds), *_cost(found)]
    if found.finish == "length":
        parts.append("cut off at max_tokens")
    return style(f"[{', '.join(parts)}]", dim=True)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _cost(found: Asked) -> list[str]:
    if found.total_tokens is None:
        return []
    counts = [found.prompt_tokens, found.completion_tokens]
    parts = " + ".join(str(count) for count in counts if count is not None)
    thought = f", {found.reasoning_tokens} of them reasoning" if found.reasoning_tokens else ""
    total = f" = {found.total_tokens}" if "+" in parts else ""
    return [f"{parts or found.total_tokens}{total} tokens{thought}"]


def side_by_side(found: Compared) -> str:
    """Two answers in two columns of a terminal."""
    columns = [_column(one) for one in found.answers]
    rows = zip_longest(*columns, fillvalue="")
    return "\n".join(f"{left:<{_half()}} | {right}".rstrip() for left, right in rows)


def _column(one: Asked) -> list[str]:
    who = f"{one.endpoint} {one.entity}".strip()
    lines = [*_folded(who), "-" * _half()]
    if one.error:
        return [*lines, *_folded(f"{one.cause.replace('_', ' ')}: {one.error}"), *_folded(one.hint)]
    if one.reasoning:
        lines += [*_folded(f"reasoning: {one.reasoning}"), ""]
    lines += [line for text in answer(one).split("\n") for line in _folded(text) or [""]]
    return [*lines, "", *_folded(", ".join([_took(one.seconds), *_cost(one)]))]


def _folded(text: str) -> list[str]:
    return wrap(printable(text.expandtabs()), _half()) if text else []
