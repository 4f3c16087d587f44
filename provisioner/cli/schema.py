"""``provisioner schema``."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import click

from provisioner.cli import output

_WRITTEN = ("endpoint", "environment")
_ANSWERS = (
    "plan",
    "plans",
    "drift",
    "drifts",
    "status",
    "statuses",
    "outcome",
    "verify",
    "verifies",
    "sync",
    "synced",
    "event",
)


@click.command("schema")
@click.argument("kind", type=click.Choice([*_WRITTEN, *_ANSWERS]))
def command(kind: str) -> None:
    """Print the JSON Schema of what is written or answered."""
    if kind in _WRITTEN:
        schema = of_files(cast('Literal["endpoint", "environment"]', kind))
    else:
        from provisioner.report import machine

        schema = machine.schema(kind)
    output.answer(json.dumps(schema, indent=2, ensure_ascii=False))


def of_files(kind: Literal["endpoint", "environment"]) -> dict[str, Any]:
    """The schema of what is written, with the codes of the rules."""
    from provisioner.rules.explained import explanations
    from provisioner.spec import json_schema

    return json_schema(kind, [info.code for info in explanations().values() if info.adjustable])
