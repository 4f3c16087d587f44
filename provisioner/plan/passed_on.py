"""External models that are endpoints of this very workspace: whether these are there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from provisioner.errors import Problem, did_you_mean, warning
from provisioner.plan.model import Action, Desired, EndpointPlan, Plan

_PROVIDER = "databricks-model-serving"
_DEPLOYS = {Action.CREATE, Action.REPLACE, Action.UPDATE, Action.ADOPT}


def missing_targets(
    plan: Plan, wanted: Iterable[Desired], names: Collection[str]
) -> Iterator[Problem]:
    """Endpoints that others pass their requests on to, and that are not there after the apply.

    ``names`` are those that the caller may see.
    """
    places = {want.name: want.locate for want in wanted}
    actions = {entry.name: entry.action for entry in plan.endpoints}
    retired = {name for name, action in actions.items() if action is Action.RETIRE}
    there = {*names, *actions} - retired
    for entry in plan.endpoints:
        for entity, model in _passed_on(entry, plan.workspace.host):
            if model not in there:
                summary = f"{entry.name}: this workspace has no endpoint {model} to pass on to"
                hint = did_you_mean(model, there, "or you may not see it")
                path = f"config.served_entities[{entity}].external_model.name"
                yield warning("target-missing", summary, hint, places[entry.name](path))


def _passed_on(entry: EndpointPlan, host: str) -> Iterator[tuple[str, str]]:
    """Served entities that are endpoints of the workspace, with the names of these."""
    if not entry.steps or entry.action not in _DEPLOYS:
        return
    config: Mapping[str, Any] = (entry.declared or {}).get("config") or {}
    for name, entity in (config.get("served_entities") or {}).items():
        model = entity.get("external_model") or {}
        block = model.get("databricks_model_serving_config") or {}
        url = str(block.get("databricks_workspace_url") or "")
        if model.get("provider") == _PROVIDER and _host(url) == _host(host) != "":
            yield name, str(model.get("name"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
