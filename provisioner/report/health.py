"""How endpoints are, as text for people."""

from __future__ import annotations

from dataclasses import asdict

from provisioner.plan.status import Status
from provisioner.report.problems import printable
from provisioner.report.terminal import table


def text(value: Status) -> str:
    """A line for each endpoint, then what the service says about those that failed."""
    rows = [{**asdict(endpoint), "health": endpoint.health.value} for endpoint in value.endpoints]
    lines = [table(("health", "version", "name"), rows)]
    for endpoint in value.endpoints:
        lines += [f"  {endpoint.name}: {printable(message)}" for message in endpoint.messages]
    return "\n".join(lines)
