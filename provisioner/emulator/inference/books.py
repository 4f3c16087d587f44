"""The books of requests: metrics, usage tracking, inference tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner.emulator.answers import Answer, Json, Stream
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.ledger import Ledger, Sample
from provisioner.emulator.inference.replies import Reply


@dataclass(frozen=True)
class Entry:
    """What is known of a request before it is answered."""

    endpoint: Json
    body: Json
    requester: str
    at_ms: int


def write_down(
    ledger: Ledger,
    entry: Entry,
    entity: str,
    answer: Answer,
    latency_ms: float,
    reply: Reply | None = None,
) -> Answer:
    """Enter an answer and give it its number; ``entity`` is "" where it came to none."""
    name = entry.endpoint["name"]
    ledger.requests += 1
    ledger.samples.append(Sample(entry.at_ms, name, entity, answer.status, latency_ms))
    request_id = tokens.digest("request", ledger.requests)[:32]
    row = {
        "databricks_request_id": request_id,
        "client_request_id": entry.body.get("client_request_id"),
        "endpoint_name": name,
        "served_entity_name": entity,
        "requester": entry.requester,
        "request_time": entry.at_ms,
        "status_code": answer.status,
    }
    gateway = entry.endpoint.get("ai_gateway", {})
    if gateway.get("usage_tracking_config", {}).get("enabled"):
        ledger.used.append(
            row
            | {
                "input_token_count": reply.prompt_tokens if reply else 0,
                "output_token_count": reply.completion_tokens if reply else 0,
                "request_streaming": isinstance(answer.body, Stream),
                "usage_context": entry.body.get("usage_context"),
            }
        )
    if table := _table(entry.endpoint):
        said = list(answer.body.events) if isinstance(answer.body, Stream) else answer.body
        written = {"table": table, "execution_duration_ms": latency_ms}
        ledger.payloads.append(row | written | {"request": entry.body, "response": said})
    headers = {**answer.headers, "x-request-id": request_id, "x-emulated": "true"}
    return replace(answer, headers=headers)


def _table(endpoint: Json) -> str | None:
    """Where requests and answers are written to, if they are."""
    new = endpoint.get("ai_gateway", {}).get("inference_table_config", {})
    old = endpoint.get("config", {}).get("auto_capture_config", {})
    for names in (new, old):
        if names.get("enabled"):
            prefix = names.get("table_name_prefix") or endpoint["name"]
            return f"{names['catalog_name']}.{names['schema_name']}.{prefix}_payload"
    return None
