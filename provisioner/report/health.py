"""How endpoints are, as text for people."""

from __future__ import annotations

from textwrap import wrap

from provisioner.plan.drift import Health
from provisioner.plan.status import Status
from provisioner.report.problems import page_width, printable
from provisioner.report.summary_of_status import NOT_THERE, notes
from provisioner.report.terminal import table


def text(value: Status) -> str:
    """A line for each endpoint, then what is to be said of some."""
    rows = [
        {
            "health": endpoint.health.value,
            "version": "-" if endpoint.health in NOT_THERE else endpoint.version,
            "name": endpoint.name,
        }
        for endpoint in value.endpoints
    ]
    lines = [table(("health", "version", "name"), rows)]
    for endpoint in value.endpoints:
        gone = ["it is not there any more"] if endpoint.health is Health.ABSENT else []
        for said in (*gone, *notes(endpoint)):
            text = f"{endpoint.name}: {printable(said)}"
            lines += wrap(
                text,
                page_width(),
                initial_indent="  ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)
