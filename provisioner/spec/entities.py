"""What an endpoint serves: entities and the traffic between them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from provisioner.spec.base import ApiObject, List, ModelVersion, Text
from provisioner.spec.providers import ExternalModel

Count = Annotated[int, Field(ge=0)]
"""A whole number that cannot be negative."""


class ServedEntity(ApiObject):
    """One model behind an endpoint."""

    part_of_answers: ClassVar = "served_entity"

    name: str | None = None
    """Name in routes, logs and metrics; derived from the model when it is not written."""
    entity_name: str | None = None
    """Full name of the model in Unity Catalog."""
    entity_version: ModelVersion | None = None
    """Version of the model."""
    architecture: str | None = Field(default=None, exclude=True)
    """What a model of your own is based on: a catalog id, with an external model the provider's
    name of the base of a fine-tuned one, or `custom`. For offline checks only."""
    workload_size: str | None = None
    """Small, Medium or Large; excludes the provisioned concurrency."""
    workload_type: str | None = None
    """CPU or a kind of GPU."""
    scale_to_zero_enabled: bool | None = None
    """Whether compute stops when there are no requests; required for custom models."""
    min_provisioned_throughput: Count | None = None
    """Lower bound in tokens per second."""
    max_provisioned_throughput: Count | None = None
    """Upper bound in tokens per second."""
    provisioned_model_units: Count | None = None
    """Capacity in model units, for models that are sold that way."""
    burst_scaling_enabled: bool | None = None
    """Whether capacity may go over what is provisioned for a short time."""
    min_provisioned_concurrency: Count | None = None
    """Lower bound of concurrent requests."""
    max_provisioned_concurrency: Count | None = None
    """Upper bound of concurrent requests."""
    environment_vars: dict[str, Text | None] | None = None
    """Environment of a custom model; values may be `{{secrets/scope/key}}`."""
    instance_profile_arn: str | None = None
    """AWS instance profile of a custom model."""
    external_model: ExternalModel | None = None
    """A model that runs at another provider; excludes every field above but the name."""


class Route(ApiObject):
    """The share of requests that one served entity gets."""

    served_entity_name: str
    """Name of a served entity."""
    traffic_percentage: Annotated[int, Field(ge=0, le=100)]
    """Share in per cent."""


class TrafficConfig(ApiObject):
    """How requests are split."""

    routes: List[Route] | None = None
    """One route a served entity."""


class AutoCaptureConfig(ApiObject):
    """Legacy inference tables; prefer those of the gateway."""

    part_of_answers: ClassVar = "auto_capture"

    catalog_name: str | None = None
    """Catalog of the table."""
    schema_name: str | None = None
    """Schema of the table."""
    table_name_prefix: str | None = None
    """Start of the table's name."""
    enabled: bool | None = None
    """Whether payloads are logged."""


class EndpointConfig(ApiObject):
    """What an endpoint serves and how requests are split."""

    part_of_answers: ClassVar = "config"

    served_entities: List[ServedEntity] | None = None
    """The models; their order is the order of the fallback."""
    traffic_config: TrafficConfig | None = None
    """How requests are split; required with more than one entity."""
    auto_capture_config: AutoCaptureConfig | None = None
    """Legacy inference tables."""
