"""What is fine while trying and not where it counts: environments that are `protected`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.judged import Judged, Setting, external, hosted, served
from provisioner.spec import Kind, kind_of_entity

_MOVING = re.compile(r"(?:^|[-_.:/@])(?:latest|nightly)$", re.IGNORECASE)
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
        hint = "production loads are meant for provisioned throughput"
        yield warning("pay-per-token", summary, hint, endpoint.where(path))


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
