"""What is fine while trying and not where it counts: environments that are `protected`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.catalog import Catalog
from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.capacity import architecture_of
from provisioner.rules.judged import (
    Environment,
    Finding,
    Judged,
    Resting,
    Setting,
    external,
    hosted,
    served,
)
from provisioner.spec import Kind, kind_of_entity

_MOVING = re.compile(r"(?:^|[-_.:/@])(?:latest|nightly)$", re.IGNORECASE)
_TOKENS = "max_provisioned_throughput"
_PREVIEW = "it may change or end at short notice; tell the account team of failures"
_NO_OAUTH = ("pat", "basic")
_OTHER_CLOUDS = {"azuredatabricks.net": "Azure", "gcp.databricks.com": "Google Cloud"}


def moving_names(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Production names a version of a model, not whatever is newest."""
    for path, model in external(endpoint) if setting.protected else ():
        if _MOVING.search(model.name):
            summary = f"`{model.name}` means another model whenever the provider says so"
            hint = "name a fixed version"
            yield warning("moving-name", summary, hint, endpoint.where(f"{path}.name"))


def paid_by_token(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Production has capacity of its own."""
    for path, name in hosted(endpoint) if setting.protected else ():
        summary = f"{name} is paid by token and shares its capacity with others"
        hint = f"production loads are meant for provisioned throughput{_own(name, setting.facts)}"
        yield warning("pay-per-token", summary, hint, endpoint.where(path))


def _own(name: str, facts: Catalog) -> str:
    """How a hosted model is served with capacity of one's own, where that is known."""
    entity = next((one.entity for one in facts.pay_per_token if one.endpoint == name), None)
    family = facts.architecture_of(entity) if entity else None
    if family is None or facts.retirement_of(name):
        return ""
    key = "provisioned_model_units" if family.sizing == "model_units" else _TOKENS
    return f": `entity_name: {entity}` with `{key}`"


def previews(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Production knows of what is a preview."""
    if not setting.protected:
        return
    found = {one.endpoint: one for one in setting.facts.pay_per_token if one.preview}
    for path, name in hosted(endpoint):
        if model := found.get(name):
            summary = f"{model.model} is a preview"
            problem = notice("preview-model", summary, _PREVIEW, endpoint.where(path))
            yield Resting(problem, model.provenance)
    for path, entity in served(endpoint):
        family = architecture_of(entity, setting.facts)
        if family and family.preview:
            summary = f"{family.name} is a preview"
            problem = notice("preview-model", summary, _PREVIEW, endpoint.where(path))
            yield Resting(problem, family.provenance)


def personal_tokens(environment: Environment) -> Iterator[Problem]:
    """Production signs in by OAuth, from machine to machine."""
    workspace = environment.spec.workspace
    if environment.spec.protected and workspace.auth_type in _NO_OAUTH:
        summary = f"`{workspace.auth_type}` is for trying out, production signs in by OAuth"
        hint = "as a service principal: `oauth-m2m`, in pipelines OIDC as `github-oidc`"
        where = environment.where("workspace.auth_type")
        yield warning("personal-token", summary, hint, where)


def cold_starts(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Production does not wait for compute to start."""
    for path, entity in served(endpoint) if setting.protected else ():
        if entity.scale_to_zero_enabled and kind_of_entity(entity) is Kind.CUSTOM:
            summary = "the first request after a pause waits until compute has started"
            hint = "write `scale_to_zero_enabled: false` where that is too long"
            where = endpoint.where(f"{path}.scale_to_zero_enabled")
            yield notice("cold-start", summary, hint, where)


def parts_of_one_cloud(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Instance profiles are of AWS."""
    host = setting.host.rstrip("/").lower()
    cloud = next((name for end, name in _OTHER_CLOUDS.items() if host.endswith(end)), "")
    if not cloud:
        return
    for path, entity in served(endpoint):
        bedrock = entity.external_model and entity.external_model.amazon_bedrock_config
        for holder, below in (
            (entity, path),
            (bedrock, f"{path}.external_model.amazon_bedrock_config"),
        ):
            if getattr(holder, "instance_profile_arn", None):
                where = endpoint.where(f"{below}.instance_profile_arn")
                summary = f"`instance_profile_arn` is for workspaces on AWS, this is {cloud}"
                yield error("wrong-cloud", summary, "remove it", where)
