"""The ASGI application: from a request to the answer, faults included.

Handlers are plain functions that run to their end on the event loop, so requests take effect
one at a time without a lock. Only delays are awaited, and those block nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from provisioner.emulator.admin import PREFIX, administer
from provisioner.emulator.answers import Answer, Json, Stream, error_answer
from provisioner.emulator.calls import Call
from provisioner.emulator.clock import tick
from provisioner.emulator.errors import ApiError
from provisioner.emulator.faults import Fault
from provisioner.emulator.identity import authenticate
from provisioner.emulator.lifecycle import settle
from provisioner.emulator.regions import require_serving
from provisioner.emulator.routes import ROUTES
from provisioner.emulator.world import World


class App:
    """Serves one workspace."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or close its connection when a fault says so."""
        request = Request(scope, receive)
        raw = await request.body()
        path = request.url.path
        if path.startswith(PREFIX):
            answer: Answer | None = administer(self.world, request.method, scope["path"], raw)
        else:
            answer = await self._answer(request, raw)
        if answer is None:
            scope["state"]["abort"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _response(answer, scope["state"]["abort"])(scope, receive, send)

    async def _answer(self, request: Request, raw: bytes) -> Answer | None:
        entry = _record(request, raw)
        self.world.requests.append(entry)
        fault = self.world.faults.take(request.method, request.scope["path"])
        answer = await self._with_fault(fault, request, raw) if fault else None
        if fault and fault.drop:
            return None
        if answer is None:
            answer = handle(self.world, request, raw)
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        entry["status"] = answer.status
        return answer

    async def _with_fault(self, fault: Fault, request: Request, raw: bytes) -> Answer:
        """Delay, effect and answer as the fault wants them."""
        if fault.effect == "after":
            handle(self.world, request, raw)
        await asyncio.sleep(fault.delay_seconds)
        if fault.effect != "none":
            return fault.answer()
        answer = handle(self.world, request, raw)
        return replace(answer, headers={**answer.headers, **fault.headers})


def handle(world: World, request: Request, raw: bytes) -> Answer:
    """Let the workspace answer; a mutation is stored before this returns."""
    method, path = request.method, request.scope["path"]
    settle(world)
    found = ROUTES.find(method, path)
    if found is None:
        message = f"the emulator has no route for {method} {path}"
        return error_answer(ApiError(501, "NOT_IMPLEMENTED", message))
    route, params = found
    try:
        caller = None
        if not route.public:
            authorization = request.headers.get("authorization", "")
            caller = authenticate(world.store.workspace, authorization)
            require_serving(world.store.workspace, path)
        mutates = method != "GET" and not route.inference
        if mutates:
            tick(world.mode, world.store.workspace)
        base_url = str(request.base_url).rstrip("/")
        call = Call(
            world, method, path, params, request.query_params, request.headers, raw,
            base_url, caller,
        )  # fmt: skip
        result = route.handler(call)
        if mutates:
            world.store.save_or_forget()
    except ApiError as error:
        return error_answer(error)
    except Exception as error:  # a bug here must not look like a lost connection
        message = f"the emulator failed: {type(error).__name__}: {error}"
        return error_answer(ApiError(500, "INTERNAL_ERROR", message))
    return result if isinstance(result, Answer) else Answer(result)


def _record(request: Request, raw: bytes) -> Json:
    """What is remembered of a request; its credentials are not."""
    headers = {key: value for key, value in request.headers.items() if key != "authorization"}
    return {
        "method": request.method,
        "path": request.scope["path"],
        "query": dict(request.query_params),
        "body": _readable(raw),
        "status": None,  # stays so when the connection is dropped
        "headers": headers,
    }


def _readable(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _response(answer: Answer, abort: Callable[[], None]) -> Response:
    body, media_type = answer.body, answer.media_type
    if isinstance(body, Stream):
        events = _one_by_one(body, abort)
        return StreamingResponse(events, answer.status, dict(answer.headers), "text/event-stream")
    if body is not None and not isinstance(body, str | bytes):
        body, media_type = json.dumps(body, ensure_ascii=False), "application/json"
    return Response(body, answer.status, dict(answer.headers), media_type)


async def _one_by_one(stream: Stream, abort: Callable[[], None]) -> AsyncIterator[str]:
    for event in stream.events:
        yield event
        await asyncio.sleep(0)  # lets each go out on its own
    if stream.cut:
        abort()
