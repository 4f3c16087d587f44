"""The parts of an endpoint that have a call of their own."""

from __future__ import annotations

from provisioner.emulator.access import endpoint_for, managed_endpoint_for
from provisioner.emulator.answers import Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.endpoint_routes import BASE, answer_detail
from provisioner.emulator.errors import invalid
from provisioner.emulator.gateway import read_gateway
from provisioner.emulator.lifecycle import refuse_if_updating
from provisioner.emulator.tags import add_tags
from provisioner.emulator.telemetry import read_telemetry, supports_telemetry


def patch_tags(call: Call) -> Json:
    """Add and remove tags; answers the whole set."""
    endpoint, body = managed_endpoint_for(call), call.json()
    current = endpoint.get("tags", [])
    endpoint["tags"] = add_tags(current, body.get("add_tags", []), body.get("delete_tags", []))
    return {"tags": endpoint["tags"]}


def put_gateway(call: Call) -> Json:
    """Replace the whole AI gateway, also of pay-per-token endpoints; ``{}`` clears it."""
    endpoint = endpoint_for(call, "CAN_MANAGE")
    gateway = read_gateway(call.workspace, endpoint, call.json())
    endpoint.pop("ai_gateway", None)
    if gateway:
        endpoint["ai_gateway"] = gateway
    endpoint["last_updated_timestamp"] = call.world.now_ms()
    return gateway


def put_rate_limits(call: Call) -> Json:
    """The deprecated limits: accepted, and not on GET (databricks/cli)."""
    endpoint, limits = endpoint_for(call, "CAN_MANAGE"), call.json().get("rate_limits", [])
    for limit in limits:
        if limit.get("renewal_period") != "minute" or "calls" not in limit:
            raise invalid("A rate limit needs calls and the renewal_period 'minute'.")
    endpoint.setdefault("write_only", {})["rate_limits"] = limits
    return {"rate_limits": limits}


def patch_notifications(call: Call) -> Json:
    """Replace who is told about updates."""
    endpoint = managed_endpoint_for(call)
    endpoint["email_notifications"] = call.json().get("email_notifications", {})
    return {
        "name": endpoint["name"],
        "email_notifications": endpoint["email_notifications"],
    }


def patch_telemetry(call: Call) -> Json:
    """Replace or, with ``{}``, remove telemetry; refused during an update."""
    endpoint = managed_endpoint_for(call)
    refuse_if_updating(endpoint)
    if not supports_telemetry(endpoint):
        raise invalid("Telemetry is only supported for endpoints that serve custom models.")
    sent = call.json().get("telemetry_config", {})
    current = endpoint.get("telemetry_config", {})
    stored = read_telemetry(sent, current, call.world.new_id())
    endpoint.pop("telemetry_config", None)
    if stored:
        endpoint["telemetry_config"] = stored
    return answer_detail(call, endpoint)


ROUTES = (
    Route("PATCH", f"{BASE}/{{name}}/tags", patch_tags),
    Route("PUT", f"{BASE}/{{name}}/ai-gateway", put_gateway),
    Route("PUT", f"{BASE}/{{name}}/rate-limits", put_rate_limits),
    Route("PATCH", f"{BASE}/{{name}}/notifications", patch_notifications),
    Route("PATCH", f"{BASE}/{{name}}/telemetry-config", patch_telemetry),
)
