"""The Responses API, of OpenAI's models only (request rule responses-openai).

A request is read as the chat that it amounts to, and the answer is put into its own form.
"""

from __future__ import annotations

import json
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import read_fields, rule
from provisioner.emulator.inference.refusals import bad_request, unknown_field
from provisioner.emulator.inference.replies import Censor, Reply
from provisioner.emulator.inference.turns import Held, Turn, hold

_SAME = ("model", "temperature", "top_p", "stream", "tool_choice")
_KNOWN = {
    *_SAME, "input", "instructions", "max_output_tokens", "tools", "text", "reasoning", "include",
    "parallel_tool_calls", "metadata", "user", "truncation", "client_request_id", "usage_context",
}  # fmt: skip


def reply(model: Model, sent: Json, created: int, censor: Censor) -> Reply:
    """One answer, as a list of what was put out."""
    if not model.responses:
        raise bad_request(f"Bad request: {model.name} does not support the Responses API.")
    for name in rule("responses-openai").values:
        if sent.get(name):
            raise bad_request(f'Unsupported parameter: "{name}" is not supported.')
    for name in sent:
        if name not in _KNOWN and name not in rule("responses-openai").values:
            raise unknown_field(name)
    body = {key: value for key, value in sent.items() if value is not None}
    held = hold(model, read_fields(model, _as_chat(model, body)), censor)
    whole = _response(model, body, held, created, done=True)
    return Reply(whole, held.read, held.written, _events(model, body, held, created))


def _as_chat(model: Model, body: Json) -> Json:
    """The same request to chat completions."""
    chat: Json = {key: body[key] for key in _SAME if key in body}
    for name, kind in (("tools", list), ("reasoning", dict), ("text", dict)):
        if not isinstance(body.get(name, kind()), kind):
            raise bad_request(f'Bad request: "{name}" has a wrong type.')
    chat["messages"] = _messages(body)
    if "max_output_tokens" in body:
        chat["max_tokens"] = body["max_output_tokens"]
    if "tools" in body:
        chat["tools"] = [_tool(tool) for tool in body["tools"]]
    if isinstance(chat.get("tool_choice"), dict):
        chat["tool_choice"] = _tool(chat["tool_choice"])
    if effort := body.get("reasoning", {}).get("effort"):
        chat["reasoning_effort"] = effort
    if not model.hosted and "parallel_tool_calls" in body:
        chat["parallel_tool_calls"] = body["parallel_tool_calls"]
    match body.get("text", {}).get("format"):
        case {"type": "json_schema"} as wanted:
            chat["response_format"] = {"type": "json_schema", "json_schema": wanted}
        case {"type": "json_object"} as wanted:
            chat["response_format"] = wanted
    return chat


def _tool(tool: Any) -> Json:
    """A function, whose name and schema stand one level higher than in chat."""
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise bad_request('Bad request: only tools of type "function" are supported.')
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}


def _messages(body: Json) -> list[Json]:
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request('Bad request: "input" must be a string or a list of items.')
    first = [{"role": "system", "content": body["instructions"]}] if "instructions" in body else []
    return [*first, *(message for item in items if (message := _message(item)))]


def _message(item: Json) -> Json | None:
    match item.get("type", "message"):
        case "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            call = {"id": item.get("call_id"), "type": "function", "function": function}
            return {"role": "assistant", "tool_calls": [call]}
        case "function_call_output":
            return {"role": "tool", "content": str(item.get("output"))}
        case "reasoning":
            return None
    role, content = item.get("role"), item.get("content")
    if isinstance(content, list):
        content = [_block(block) for block in content]
    return {"role": "system" if role == "developer" else role, "content": content}


def _block(block: Any) -> Json:
    match block:
        case {"type": "input_image", "image_url": url}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "input_text" | "output_text", "text": text}:
            return {"type": "text", "text": text}
    raise bad_request("Bad request: content must be of input_text and input_image.")


def _response(model: Model, body: Json, held: Held, created: int, *, done: bool) -> Json:
    turn = held.turns[0]
    cut = done and turn.finish_reason == "length"
    status = "incomplete" if cut else "completed" if done else "in_progress"
    usage = {
        "input_tokens": held.read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": held.written,
        "output_tokens_details": {"reasoning_tokens": tokens.count(turn.thought)},
        "total_tokens": held.read + held.written,
    }
    return {
        "id": f"resp_{held.mark[:24]}",
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": model.name,
        "output": _output(held.mark, turn) if done else [],
        "usage": usage if done else None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata", {}),
        "temperature": body.get("temperature", 1.0),
        "top_p": body.get("top_p", 1.0),
        "tools": body.get("tools", []),
        "tool_choice": body.get("tool_choice", "auto"),
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
    }


def _output(mark: str, turn: Turn) -> list[Json]:
    found: list[Json] = []
    if turn.thought:  # that it was there is told, what it was is not
        found.append({"type": "reasoning", "id": f"rs_{mark[:24]}", "summary": []})
    if turn.tool_calls:
        return found + [_call(call) for call in turn.tool_calls]
    part = {"type": "output_text", "text": turn.text, "annotations": []}
    return [
        *found,
        {
            "type": "message",
            "id": f"msg_{mark[:24]}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        },
    ]


def _call(call: Json) -> Json:
    return {
        "type": "function_call",
        "id": f"fc_{call['id']}",
        "call_id": call["id"],
        "status": "completed",
        **call["function"],
    }


def _events(model: Model, body: Json, held: Held, created: int) -> tuple[str, ...]:
    started = _response(model, body, held, created, done=False)
    ended = _response(model, body, held, created, done=True)
    told: list[Json] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for at, item in enumerate(ended["output"]):
        told += _item_events(at, item)
    told.append({"type": f"response.{ended['status']}", "response": ended})
    return tuple(
        f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n"
        for number, event in enumerate(told)
    )


def _item_events(at: int, item: Json) -> list[Json]:
    where = {"output_index": at, "item_id": item["id"]}
    empty = {"content": [], "arguments": "", "status": "in_progress"}
    start = item | {key: value for key, value in empty.items() if key in item}
    middle: list[Json] = []
    if item["type"] == "function_call":
        kind, arguments = "response.function_call_arguments", item["arguments"]
        middle += [
            {"type": f"{kind}.delta", **where, "delta": part} for part in tokens.pieces(arguments)
        ]
        end = {"arguments": arguments, "name": item["name"]}
        middle.append({"type": f"{kind}.done", **where, **end})
    for index, part in enumerate(item.get("content", ())):
        inside = where | {"content_index": index}
        hollow = part | {"text": ""}
        middle.append({"type": "response.content_part.added", **inside, "part": hollow})
        middle += [
            {"type": "response.output_text.delta", **inside, "delta": piece, "logprobs": []}
            for piece in tokens.pieces(part["text"])
        ]
        text = {"text": part["text"], "logprobs": []}
        middle.append({"type": "response.output_text.done", **inside, **text})
        middle.append({"type": "response.content_part.done", **inside, "part": part})
    return [
        {"type": "response.output_item.added", "output_index": at, "item": start},
        *middle,
        {"type": "response.output_item.done", "output_index": at, "item": item},
    ]
