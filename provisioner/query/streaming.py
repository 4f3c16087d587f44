"""Answers that come in parts: what each part adds, and the whole that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.catalog import Task
from provisioner.query.answers import text_of


def added(part: Mapping[str, Any], task: Task | None) -> str:
    """The text that a part adds to the first choice."""
    choice = next(iter(part.get("choices") or ()), None)
    if not isinstance(choice, Mapping) or choice.get("index", 0) != 0:
        return ""
    if task == "completions":
        return str(choice.get("text") or "")
    delta = choice.get("delta")
    return text_of(delta.get("content")) if isinstance(delta, Mapping) else ""


def whole(parts: Iterable[Mapping[str, Any]], task: Task | None) -> dict[str, Any]:
    """The answer that parts make, as if it had come at once."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for part in parts:
        body |= {key: value for key, value in part.items() if key != "choices" and value}
        for choice in part.get("choices") or ():
            if isinstance(choice, Mapping):
                index = int(choice.get("index") or 0)
                _add(choices.setdefault(index, {"index": index}), choice, task)
    kind = "text_completion" if task == "completions" else "chat.completion"
    return {**body, "object": kind, "choices": [choices[index] for index in sorted(choices)]}


def _add(choice: dict[str, Any], part: Mapping[str, Any], task: Task | None) -> None:
    if part.get("finish_reason"):
        choice["finish_reason"] = part["finish_reason"]
    if task == "completions":
        choice["text"] = choice.get("text", "") + str(part.get("text") or "")
        return
    message = choice.setdefault("message", {"role": "assistant", "content": ""})
    delta = part.get("delta")
    if not isinstance(delta, Mapping):
        return
    message["content"] = _joined(message["content"], delta.get("content"))
    for call in delta.get("tool_calls") or ():
        _add_call(message.setdefault("tool_calls", []), call)


def _joined(so_far: Any, more: Any) -> Any:
    """Texts one after the other; blocks become a list, those of one kind in a row become one."""
    if not more:
        return so_far
    if isinstance(so_far, str) and isinstance(more, str):
        return so_far + more
    blocks = [{"type": "text", "text": so_far}] if so_far and isinstance(so_far, str) else so_far
    result: list[dict[str, Any]] = list(blocks or ())
    for block in [{"type": "text", "text": more}] if isinstance(more, str) else more:
        last = result[-1] if result else None
        if last is not None and last.get("type") == block.get("type"):
            result[-1] = _merged(last, block)
        else:
            result.append(dict(block))
    return result


def _merged(last: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    if block.get("type") == "text":
        return {**last, "text": f"{last.get('text') or ''}{block.get('text') or ''}"}
    summary = [dict(one) for one in last.get("summary") or ()]
    for number, one in enumerate(block.get("summary") or ()):
        if number < len(summary):
            text = f"{summary[number].get('text') or ''}{one.get('text') or ''}"
            summary[number] = {**summary[number], **one, "text": text}
        else:
            summary.append(dict(one))
    return {**last, **block, "summary": summary}


def _add_call(calls: list[dict[str, Any]], call: Mapping[str, Any]) -> None:
    index = int(call.get("index") or 0)
    while len(calls) <= index:
        calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
    if call.get("id"):
        calls[index]["id"] = call["id"]
    for key in ("name", "arguments"):
        calls[index]["function"][key] += str((call.get("function") or {}).get(key) or "")
