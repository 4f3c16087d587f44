"""One endpoint as a person writes it."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from provisioner.spec.base import ApiObject, Duration, List, Text, Written
from provisioner.spec.checks import CheckSpec
from provisioner.spec.entities import EndpointConfig, ServedEntity
from provisioner.spec.gateway import AiGatewayConfig
from provisioner.spec.rollout import Rollout

_PRINCIPALS = ("user", "group", "service_principal")


class EmailNotifications(ApiObject):
    """Who gets a mail about updates."""

    on_update_success: List[str] | None = None
    """Addresses that hear of success."""
    on_update_failure: List[str] | None = None
    """Addresses that hear of failure."""


class TelemetryTables(ApiObject):
    """Tables that telemetry goes to."""

    logs_table: str | None = None
    """Full name of the table for logs."""
    traces_table: str | None = None
    """Full name of the table for traces."""
    metrics_table: str | None = None
    """Full name of the table for metrics."""
    annotations_table: str | None = None
    """Full name of the table for annotations."""


class TelemetryInferenceTable(ApiObject):
    """The inference table that comes with telemetry."""

    sampling_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of requests that is logged."""


class TelemetryConfig(ApiObject):
    """Telemetry of custom models."""

    table_names: TelemetryTables | None = None
    """Tables to write to; excludes the profile."""
    telemetry_profile_id: str | None = None
    """Profile that exists already; excludes the table names."""
    inference_table_config: TelemetryInferenceTable | None = None
    """The inference table that comes with telemetry."""
    enabled_telemetry_features: (
        List[
            Literal[
                "TELEMETRY_FEATURE_INFERENCE_TABLE",
                "TELEMETRY_FEATURE_LOGS",
                "TELEMETRY_FEATURE_METRICS",
                "TELEMETRY_FEATURE_TRACES",
            ]
        ]
        | None
    ) = None
    """What is written."""


class Permission(Written):
    """What one principal may do with the endpoint."""

    user: str | None = None
    """Mail address of a user."""
    group: str | None = None
    """Name of a group."""
    service_principal: str | None = None
    """Application id of a service principal."""
    level: Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]
    """What the principal may do."""

    @model_validator(mode="after")
    def _one_principal(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in _PRINCIPALS) != 1:
            raise PydanticCustomError(
                "one-principal", "needs exactly one of user, group and service_principal"
            )
        return self

    @property
    def principal(self) -> tuple[str, str]:
        """Kind (``user``, ``group``, ``service_principal``) and name."""
        kind = next(kind for kind in _PRINCIPALS if getattr(self, kind) is not None)
        return kind, getattr(self, kind)


class Permissions(Written):
    """Who may do what with the endpoint."""

    mode: Literal["exact", "additive"] = "additive"
    """Whether grants that are not written here are removed or left alone."""
    rows: List[Permission] = ()
    """The grants."""


class Timeouts(Written):
    """How long to wait for the endpoint to settle, in seconds."""

    create: Duration | None = None
    """After the endpoint was created."""
    update: Duration | None = None
    """After the endpoint was changed."""


class Lifecycle(Written):
    """How the tool treats the endpoint."""

    protect: bool = False
    """Refuse to retire or to replace the endpoint."""
    adopt: bool = False
    """Take over an endpoint of this name that nobody manages."""
    on_immutable_change: Literal["refuse", "replace"] = "refuse"
    """What to do when a field changes that only a new endpoint can have."""
    if_missing: Literal["fail", "skip", "wait"] = "fail"
    """What to do while a model version does not exist: skip leaves the endpoint out, wait lets
    apply wait for it."""
    ignore: List[str] = ()
    """Document paths that are left alone after the endpoint was created."""
    timeouts: Timeouts = Timeouts.model_construct()
    """How long to wait for the endpoint to settle."""


class EndpointSpec(ApiObject):
    """One endpoint: what may be written, in its canonical spelling."""

    short_keys: ClassVar = ("traffic",)
    """What may be written besides, and is rewritten before."""
    part_of_answers: ClassVar = "endpoint"

    name: str
    """Name of the endpoint, unique in its workspace."""
    governs: str | None = Field(default=None, exclude=True)
    """Instead of `name`: an endpoint that somebody else owns, of which only gateway, tags and
    permissions are managed."""
    config: EndpointConfig | None = None
    """What the endpoint serves."""
    description: str | None = None
    """What the endpoint is for; read only when it is created."""
    route_optimized: bool | None = None
    """A faster network path; read only when the endpoint is created."""
    budget_policy_id: str | None = None
    """Budget policy that pays; read only when the endpoint is created."""
    tags: dict[str, Text | None] | None = None
    """Tags by key."""
    ai_gateway: AiGatewayConfig | None = None
    """The gateway in front of the endpoint."""
    email_notifications: EmailNotifications | None = None
    """Who gets a mail about updates."""
    telemetry_config: TelemetryConfig | None = None
    """Telemetry of custom models."""
    permissions: Permissions | None = Field(default=None, exclude=True)
    """Who may do what with the endpoint."""
    lifecycle: Lifecycle = Field(default=Lifecycle.model_construct(), exclude=True)
    """How the tool treats the endpoint."""
    checks: List[CheckSpec] | None = Field(default=None, exclude=True)
    """Questions that prove that each served entity answers; short ones are made up when it is not
    written, and an empty list asks nothing."""
    rollout: Rollout | None = Field(default=None, exclude=True)
    """How traffic moves to new served entities; all at once when it is not written."""

    @field_validator("lifecycle", mode="before")
    @classmethod
    def _null_lifecycle(cls, value: Any) -> Any:
        return Lifecycle() if value is None else value

    @property
    def served_entities(self) -> tuple[ServedEntity, ...]:
        """What the endpoint serves; empty when nothing is written."""
        return (self.config.served_entities if self.config else None) or ()

    @cached_property
    def placed_entities(self) -> tuple[tuple[str, ServedEntity], ...]:
        """Every served entity with its document path."""
        return tuple(
            (f"config.served_entities[{entity.name or index}]", entity)
            for index, entity in enumerate(self.served_entities)
        )


class Kind(str, Enum):
    """What an endpoint serves; each kind has its own rules and calls."""

    EXTERNAL = "external_model"
    THROUGHPUT = "provisioned_throughput"
    MODEL_UNITS = "model_units"
    CUSTOM = "custom_model"
    GOVERNED = "governed"
    NONE = "no_config"


def kind_of_entity(entity: ServedEntity) -> Kind:
    """The kind of one served entity."""
    if entity.external_model is not None:
        return Kind.EXTERNAL
    if entity.provisioned_model_units is not None:
        return Kind.MODEL_UNITS
    bounds = (entity.min_provisioned_throughput, entity.max_provisioned_throughput)
    return Kind.CUSTOM if bounds == (None, None) else Kind.THROUGHPUT


def kind_of(spec: EndpointSpec) -> Kind:
    """The kind of an endpoint, which is that of its first served entity."""
    if spec.governs is not None:
        return Kind.GOVERNED
    entities = spec.served_entities
    return kind_of_entity(entities[0]) if entities else Kind.NONE
