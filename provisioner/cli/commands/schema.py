"""``provisioner schema``."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import click

from provisioner.catalog import Catalog
from provisioner.cli import output
from provisioner.cli.facts import facts_in_force
from provisioner.cli.options import Settings

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
    "query",
    "queries",
    "sync",
    "synced",
    "event",
)


@click.command("schema")
@click.argument("kind", type=click.Choice([*_WRITTEN, *_ANSWERS]), metavar="KIND")
@click.pass_obj
def command(settings: Settings, kind: str) -> None:
    """Print the JSON Schema of what is written or answered.

    KIND is endpoint or environment, which are written; or an answer: plan,
    plans, drift, drifts, status, statuses, outcome, verify, verifies, query,
    queries, sync, synced or event.
    """
    if kind in _WRITTEN:
        facts = facts_in_force(settings)
        schema = of_files(cast('Literal["endpoint", "environment"]', kind), facts)
    else:
        from provisioner.report import machine

        schema = machine.schema(kind)
    output.answer(json.dumps(schema, indent=2, ensure_ascii=False))


def of_files(
    kind: Literal["endpoint", "environment"], facts: Catalog | None = None
) -> dict[str, Any]:
    """The schema of what is written, with the codes of the rules and names from the facts."""
    from provisioner.rules.explained import explanations
    from provisioner.spec import json_schema

    codes = [info.code for info in explanations().values() if info.adjustable]
    return json_schema(kind, codes, facts)
