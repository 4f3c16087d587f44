"""From a request to its answer: gates, gateway, the entity that is asked, the books."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from provisioner.catalog import catalog
from provisioner.emulator.access import endpoint_for
from provisioner.emulator.answers import Answer, Json, Stream, error_answer
from provisioner.emulator.calls import Call
from provisioner.emulator.conditions import Condition
from provisioner.emulator.endpoint_routes import own_url
from provisioner.emulator.errors import ApiError, missing
from provisioner.emulator.external_models import plaintexts, references
from provisioner.emulator.identity import FOR_QUERIES, token_of
from provisioner.emulator.inference import chat, completions, custom, embeddings, responses
from provisioner.emulator.inference.books import Entry, write_down
from provisioner.emulator.inference.guardrails import pass_on, pass_on_request
from provisioner.emulator.inference.limits import admit, charge
from provisioner.emulator.inference.models import Model, model_of
from provisioner.emulator.inference.parameters import read_fields
from provisioner.emulator.inference.refusals import (
    bad_request,
    broken,
    disabled,
    no_details,
    not_ready,
    provider_down,
    provider_rate,
    rejected_key,
    starting,
    stopped,
    too_large,
    workspace_rate,
    wrong_url,
)
from provisioner.emulator.inference.replies import Reply

MEGABYTE = 1024 * 1024
LATENCY_MS = 10.0
"""What the metrics say of an answer that nothing holds up; the real time is not measured."""


@dataclass(frozen=True)
class Ask:
    """Who is asked for what, before anything is judged."""

    endpoint: str
    body: Json
    entity: str | None = None
    """A served entity by its own path, past the traffic split."""
    task: str | None = None
    """What the path is for; None where the endpoint decides."""
    direct: bool = False
    """Whether it came by the own URL of a route-optimized endpoint."""


def serve(call: Call, ask: Ask) -> Answer:
    """Answer a request to an endpoint; refusals are in the books, too."""
    endpoint = endpoint_for(call, "CAN_QUERY", ask.endpoint)
    now_ms, ledger = call.world.now_ms(), call.world.ledger
    entry = Entry(endpoint, ask.body, call.principal.name, now_ms)
    try:
        _check_way(call, endpoint, ask)
        _check_state(endpoint, ask)
        _check_size(call, endpoint)
        windows = admit(ledger, endpoint, call.principal, now_ms)
        body = pass_on_request(endpoint, ask.body)
    except ApiError as error:
        return write_down(ledger, entry, "", error_answer(error), LATENCY_MS)
    answer, waited = Answer(), 0.0
    for entity in _entities(call, endpoint, ask):
        answer, reply = _attempt(call, endpoint, entity, ask, body)
        latency, waited = LATENCY_MS + answer.delay_seconds * 1000, waited + answer.delay_seconds
        answer = write_down(ledger, entry, entity["name"], answer, latency, reply)
        charge(ledger, windows, reply.prompt_tokens + reply.completion_tokens, now_ms)
        if answer.status != 429 and answer.status < 500:
            break
    return replace(answer, delay_seconds=waited)


def _check_way(call: Call, endpoint: Json, ask: Ask) -> None:
    """Route-optimized endpoints want their own URL, and a token made for queries."""
    optimized = bool(endpoint.get("route_optimized"))
    if ask.direct and not optimized:
        raise missing(f"Endpoint '{endpoint['name']}' is not route-optimized.")
    if optimized and not token_of(call.headers.get("authorization", "")).startswith(FOR_QUERIES):
        raise no_details()
    if optimized and not ask.direct:
        raise wrong_url(endpoint["name"], own_url(call, endpoint))


def _check_state(endpoint: Json, ask: Ask) -> None:
    if endpoint.get("stopped"):
        raise stopped()
    if "config" not in endpoint or not endpoint["config"].get("served_entities"):
        raise not_ready(endpoint["name"])
    if ask.entity is None:
        return
    if ask.entity not in (entity["name"] for entity in endpoint["config"]["served_entities"]):
        name = endpoint["name"]
        raise missing(f"Served entity '{ask.entity}' of endpoint '{name}' does not exist.")


def _check_size(call: Call, endpoint: Json) -> None:
    first = endpoint["config"]["served_entities"][0]
    model = model_of(call.workspace, endpoint, first, _today(call))
    sizes = next(limit.values for limit in catalog().limits if limit.id == "payload")
    kind = "custom" if model.mode == "custom" else "foundation, external or agent"
    most = int(sizes[kind] * MEGABYTE)
    if len(call.raw) > most:
        raise too_large(most)


def _entities(call: Call, endpoint: Json, ask: Ask) -> list[Json]:
    """Who is tried, in this order: the choice of the split, then those that fall back."""
    served = {entity["name"]: entity for entity in endpoint["config"]["served_entities"]}
    if ask.entity is not None:
        return [served[ask.entity]]
    routes = endpoint["config"].get("traffic_config", {}).get("routes", ())
    weights = {r["served_entity_name"]: int(r["traffic_percentage"]) for r in routes}
    weights = {name: weight for name, weight in weights.items() if weight > 0 and name in served}
    if not weights:
        weights = {next(iter(served)): 100}
    version = endpoint["config"].get("config_version", 0)
    split = call.world.ledger.split_of(str(endpoint.get("id") or endpoint["name"]), version)
    first = split.next(weights)
    if not endpoint.get("ai_gateway", {}).get("fallback_config", {}).get("enabled"):
        return [served[first]]
    return [served[first], *(served[name] for name in served if name != first)]


def _attempt(
    call: Call, endpoint: Json, entity: Json, ask: Ask, body: Json
) -> tuple[Answer, Reply]:
    """What one entity answers, whatever ails it."""
    model = model_of(call.workspace, endpoint, entity, _today(call))
    firing = call.world.conditions.firing(endpoint["name"], entity["name"])
    delay = sum(one.delay_seconds for one in firing)
    kinds: dict[str, Condition] = {one.kind: one for one in firing}
    reply, headers = Reply({}), {"served-model-name": entity["name"]}
    try:
        _suffer(model, endpoint["name"], entity, kinds)
        _check_secrets(call, entity)
        if "wrong_shape" in kinds:
            answer = Answer({"result": "[emulated] an answer of an unexpected shape"})
        else:
            reply = _reply(call, endpoint, model, ask, body)
            answer = Answer(_said(reply, body, cut="cut_stream" in kinds))
    except ApiError as error:
        answer = error_answer(error)
        headers |= answer.headers
    return Answer(answer.body, answer.status, headers, answer.media_type, delay), reply


def _said(reply: Reply, body: Json, *, cut: bool) -> Any:
    """The answer as it was asked for; a stream may break off in the middle."""
    if not body.get("stream") or not reply.events:
        return reply.body
    whole = reply.events
    return Stream(whole[: len(whole) // 2], cut=True) if cut else Stream(whole)


def _suffer(model: Model, endpoint: str, entity: Json, kinds: Mapping[str, Condition]) -> None:
    """Fail as the conditions want it."""
    provider = model.provider or "databricks"
    ends: dict[str, Callable[[], ApiError]] = {
        "stopped": stopped,
        "not_ready": partial(not_ready, endpoint),
        "disabled": disabled,
        "workspace_rate_limited": partial(workspace_rate, endpoint),
        "error": partial(broken, entity["name"]),
        "provider_down": partial(provider_down, provider),
        "provider_rate_limited": partial(provider_rate, provider),
        "provider_rejected_key": partial(rejected_key, provider, next(plaintexts(entity), "")),
    }
    if "cold" in kinds and not kinds["cold"].delay_seconds:
        raise starting(entity["name"])
    for kind, error in ends.items():
        if kind in kinds:
            raise error()


def _check_secrets(call: Call, entity: Json) -> None:
    """A secret may be deleted under a running endpoint; the wording is a guess."""
    for scope, key in sorted(references(entity)):
        if key not in call.workspace["secrets"].get(scope, {}).get("keys", {}):
            raise bad_request(f"Secret does not exist with scope: {scope} and key: {key}.")


def _reply(call: Call, endpoint: Json, model: Model, ask: Ask, sent: Json) -> Reply:
    task = ask.task or model.task
    if task not in (model.task, "responses"):
        raise bad_request(
            f"Bad request: endpoint '{endpoint['name']}' serves {model.task}, not {task}."
        )
    if model.api:
        raise bad_request(f"Bad request: {model.name} answers elsewhere: {model.api}.")
    if task in ("custom", "features"):
        return custom.reply(model, sent)
    created = call.world.now_ms() // 1000
    censor = partial(pass_on, endpoint, "output")
    if task == "responses":
        return responses.reply(model, sent, created, censor)
    body = read_fields(model, sent)
    match task:
        case "chat":
            return chat.reply(model, body, created, censor)
        case "completions":
            return completions.reply(model, body, created, censor)
        case _:
            return embeddings.reply(model, body)


def _today(call: Call) -> str:
    return datetime.fromtimestamp(call.world.now_ms() / 1000, timezone.utc).date().isoformat()


def read_body(call: Call) -> Json:
    """The request as it was sent; nulls stay, since hosted models see them."""
    try:
        body = json.loads(call.raw or b"{}")
    except ValueError as error:
        raise bad_request(f"Bad request: invalid JSON: {error}") from None
    if not isinstance(body, dict):
        raise bad_request("Bad request: the body must be a JSON object.")
    return body
