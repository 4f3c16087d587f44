"""The paths on which endpoints are asked."""

from __future__ import annotations

from functools import partial

from provisioner.emulator.answers import Answer
from provisioner.emulator.calls import Call, Handler, Route
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.serve import Ask, read_body, serve

BASE = "/serving-endpoints"


def invoke(call: Call) -> Answer:
    """Ask an endpoint; the traffic split says who answers."""
    return serve(call, Ask(call.params["name"], read_body(call)))


def invoke_entity(call: Call) -> Answer:
    """Ask one served entity, past the split, also one without traffic."""
    return serve(call, Ask(call.params["name"], read_body(call), entity=call.params["entity"]))


def invoke_directly(call: Call) -> Answer:
    """Ask a route-optimized endpoint at its own URL."""
    return serve(call, Ask(call.params["name"], read_body(call), direct=True))


def invoke_openai(task: str, call: Call) -> Answer:
    """The paths of OpenAI, where the model is the endpoint's name."""
    body = read_body(call)
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise bad_request('Bad request: "model" must name a serving endpoint.')
    return serve(call, Ask(name, body, task=task))


def _openai(task: str) -> Handler:
    return partial(invoke_openai, task)


# Either base URL is in use: .../serving-endpoints, as in the documents, and .../v1 behind it, as
# in a recording of Sep 2025.
_OPENAI = tuple(
    Route("POST", f"{base}/{path}", _openai(task), inference=True)
    for base in (BASE, f"{BASE}/v1")
    for path, task in (
        ("chat/completions", "chat"),
        ("completions", "completions"),
        ("embeddings", "embeddings"),
        ("responses", "responses"),
    )
)

ROUTES = (
    *_OPENAI,
    Route("POST", f"{BASE}/{{name}}/invocations", invoke, inference=True),
    Route(
        "POST",
        f"{BASE}/{{name}}/served-models/{{entity}}/invocations",
        invoke_entity,
        inference=True,
    ),
    Route("POST", f"/{{workspace}}{BASE}/{{name}}/invocations", invoke_directly, inference=True),
)
