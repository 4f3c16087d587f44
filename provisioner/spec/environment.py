"""One environment as a person writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from provisioner.spec.base import List, Text, Written
from provisioner.spec.entities import Count
from provisioner.spec.providers import Provider
from provisioner.spec.secrets import Source

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, from 0 to 1."""


class Workspace(Written):
    """The workspace of an environment, and how to sign in."""

    host: str | None = None
    """URL of the workspace."""
    workspace_id: Text | None = None
    """Refuse to touch a workspace that has another id."""
    region: Text | None = None
    """Region that the workspace is in, as its cloud writes it; refuse to deploy to another."""
    profile: str | None = None
    """Profile of the Databricks configuration file."""
    auth_type: str | None = None
    """The one way to sign in, as the SDK names it."""
    emulator: Literal["embedded"] | None = None
    """Use a workspace that lives inside the command."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.emulator and (self.host or self.profile or self.auth_type):
            raise PydanticCustomError(
                "conflicting-keys", "an embedded workspace has no host, profile or auth_type"
            )
        return self


def _note(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("reason-missing", "say who accepted it, and when")
    return text


Note = Annotated[str, AfterValidator(_note), WithJsonSchema({"type": "string", "pattern": r"\S"})]
"""Words for the next person to read."""


class MaxRetire(Written):
    """How many endpoints one apply may retire."""

    count: Count | None = None
    """At most this many."""
    share: Share | None = None
    """At most this part of those that are managed."""


class Policy(Written):
    """What a plan for this environment may not exceed."""

    max_retire: MaxRetire | None = None
    """How many endpoints one apply may retire."""
    max_update_share: Share | None = None
    """Part of the managed endpoints that one apply may change."""
    allowed_providers: List[Provider] | None = None
    """Providers that external models may use."""
    allowed_models: List[str] | None = None
    """Globs of the external models that may be used, as `name` or `provider/name`."""
    allowed_entities: List[str] | None = None
    """Globs of the models of Unity Catalog that may be served."""
    allowed_architectures: List[str] | None = None
    """Catalog ids of the architectures that provisioned models may have."""
    allowed_regions: List[str] | None = None
    """Globs of the regions of Amazon Bedrock and Vertex AI that external models may be in."""
    allowed_hosts: List[str] | None = None
    """Globs of the hosts that external models may be reached at, where an address is written."""
    allowed_secret_scopes: List[str] | None = None
    """Globs of the secret scopes that may be used."""
    max_model_units: Count | None = None
    """Model units that one served entity may have."""
    max_provisioned_throughput: Count | None = None
    """Tokens per second that one served entity may have."""
    require_tags: List[str] | None = None
    """Tags that every endpoint must have."""

    @property
    def has_lists(self) -> bool:
        """Whether there are lists of what is allowed."""
        return any(value is not None for key, value in self if key.startswith("allowed_"))


class RuleLevel(Written):
    """How much the findings of one rule weigh, and why."""

    level: Literal["error", "warning", "notice", "off"]
    """What its findings are; `off` says nothing and needs a reason."""
    reason: str | None = None
    """Why it is so here; required to switch a rule off."""
    endpoints: List[str] | None = None
    """Globs of the endpoints that this is for, by their full names; all when it is not written."""


def _long_form(value: Any) -> Any:
    return {"level": value} if isinstance(value, str) else value


class EnvironmentSpec(Written):
    """One environment: where endpoints live and how they differ there."""

    project: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    """Name of the project; with the environment's name it marks what the tool owns."""
    extends: str | None = None
    """Another environment that this one is laid over."""
    workspace: Workspace = Workspace.model_construct()
    """The workspace, and how to sign in."""
    variables: dict[str, Any] = Field(default_factory=dict)
    """Values for `${var.NAME}`."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Laid under every endpoint."""
    include: List[str] | None = None
    """Globs of the endpoints that exist here; all when it is not written."""
    exclude: List[str] = ()
    """Globs of endpoints that do not exist here."""
    name_prefix: str = ""
    """Put before the name of every endpoint."""
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Laid over the endpoint of that name, which is written without the prefix."""
    policy: Policy = Policy.model_construct()
    """What a plan may not exceed."""
    rules: dict[str, Annotated[RuleLevel, BeforeValidator(_long_form)]] = Field(
        default_factory=dict
    )
    """What the findings of single rules weigh here, by code: error, warning, notice or off."""
    accepted_terms: dict[str, Note] = Field(default_factory=dict)
    """Who accepted which terms, and when: by globs of licences, as `Llama 3.3*`, and of providers
    or their models, as `openai` or `amazon-bedrock/*claude*`."""
    secrets: dict[str, Source] = Field(default_factory=dict)
    """What `secrets sync` puts into secret scopes: `SCOPE/KEY` and where its value comes from."""
    create_scopes: List[str] = ()
    """Secret scopes that `secrets sync` makes when they are missing."""
    preflight: bool = True
    """Ask the workspace, before a plan is shown, for what an apply needs; only reads."""
    protected: bool = False
    """Production: nothing is applied without a reviewed plan."""
    record: str | None = None
    """Where the memory of earlier applies is kept, when not in the default place."""
