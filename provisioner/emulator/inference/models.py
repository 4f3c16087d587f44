"""What is behind a served entity: the facts that decide what may be asked and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provisioner.catalog import ExternalProvider, PayPerTokenModel, Reasoning, catalog
from provisioner.emulator.answers import Json
from provisioner.emulator.entities import kind_of

Task = Literal["chat", "completions", "embeddings", "custom", "features"]
ServedBy = Literal["pay_per_token", "provisioned_throughput", "external_model", "custom"]

DIMENSIONS = 1024  # where the catalog names none


@dataclass(frozen=True)
class Model:
    """A model as far as a request can tell."""

    name: str
    """What answers call it."""
    task: Task
    mode: ServedBy
    provider: str = ""
    """Of an external model."""
    reasoning: Reasoning = "none"
    shows_reasoning: bool = False
    """Whether reasoning is part of the answer, or only of its cost."""
    vision: bool = False
    functions: bool = True
    dimensions: int = DIMENSIONS
    dims_configurable: bool = False
    normalized: bool = True
    window: int | None = None
    """Tokens that it reads."""
    default_max_tokens: int | None = None
    refused: tuple[str, ...] = ()
    """Fields that it does not take although its kind does."""
    claude: bool = False
    responses: bool = False
    """Whether it answers the Responses API."""
    api: str | None = None
    """The only route it answers on, where it is not the usual one."""

    @property
    def hosted(self) -> bool:
        """Whether Databricks runs it as a foundation model."""
        return self.mode in ("pay_per_token", "provisioned_throughput")


def model_of(workspace: Json, endpoint: Json, entity: Json, today: str) -> Model:
    """The model of a served entity; ``today`` is an ISO date, since features come and go."""
    if "external_model" in entity:
        return _external(entity["external_model"])
    if "foundation_model" in entity:
        facts = _hosted_facts(endpoint["name"], entity.get("entity_name"))
        name = str(entity.get("entity_name") or endpoint["name"]).rpartition(".")[2]
        task: Task = facts.task if facts else endpoint.get("task", "chat").rpartition("/")[2]
        return _hosted(name, task, "pay_per_token", facts, today)
    name = str(entity.get("entity_name", entity["name"]))
    last = name.rpartition(".")[2]
    if name in workspace["unity_catalog"]["feature_specs"]:
        return Model(last, "features", "custom")
    stored = workspace["unity_catalog"]["models"].get(name, {})
    found = str(stored.get("task", "")).rpartition("/")[2]
    if kind_of(entity) == "custom" or found not in ("chat", "completions", "embeddings"):
        return Model(last, "custom", "custom")
    return _hosted(last, found, "provisioned_throughput", _hosted_facts("", name), today)  # type: ignore[arg-type]


def _hosted_facts(endpoint: str, entity: str | None) -> PayPerTokenModel | None:
    known = catalog().pay_per_token
    named = (facts for facts in known if facts.endpoint == endpoint)
    same = (facts for facts in known if entity and facts.entity == entity)
    return next(named, next(same, None))


def _hosted(
    name: str, task: Task, mode: ServedBy, facts: PayPerTokenModel | None, today: str
) -> Model:
    if facts is None:
        return Model(name, task, mode)
    openai = facts.endpoint.startswith("databricks-gpt-")
    # gpt-oss shows its reasoning as Claude does (observed, Sep 2026); the rest of OpenAI hides it.
    open_weights = facts.endpoint.startswith("databricks-gpt-oss-")
    claude = facts.endpoint.startswith("databricks-claude-")
    return Model(
        name,
        task,
        mode,
        reasoning=facts.reasoning or "none",
        shows_reasoning=claude or open_weights,
        vision=bool(facts.reads_images(today)),
        functions=facts.function_calling is not False,
        dimensions=facts.embedding_dims or DIMENSIONS,
        dims_configurable=facts.dims_configurable,
        normalized=facts.normalized is not False,
        window=facts.context_tokens,
        default_max_tokens=facts.default_max_tokens,
        refused=("stop",) if open_weights else (),  # observed, Sep 2026
        claude=claude,
        responses=openai and not open_weights,
        api=facts.api,
    )


def _external(external: Json) -> Model:
    name, provider = str(external["name"]), str(external["provider"])
    facts = _provider(external)
    claude = "claude" in name
    return Model(
        name,
        external["task"].rpartition("/")[2],
        "external_model",
        provider=provider,
        reasoning=_reasoning(facts, name, claude=claude),
        shows_reasoning=claude,
        vision=bool(facts and facts.vision) or claude,
        dimensions=(facts.embedding_dims if facts else {}).get(name, DIMENSIONS),
        # Newer models of OpenAI give vectors of a chosen length.
        dims_configurable=name.startswith("text-embedding-3"),
        claude=claude,
        responses=provider == "openai",
    )


def _provider(external: Json) -> ExternalProvider | None:
    """The provider, or the variant whose fixed fields fit."""
    found = [one for one in catalog().providers if one.provider == external["provider"]]
    for one in found:
        block = external.get(one.config_block, {})
        if one.fixed and all(block.get(key) == value for key, value in one.fixed.items()):
            return one
    return next((one for one in found if not one.fixed), None)


def _reasoning(facts: ExternalProvider | None, name: str, *, claude: bool) -> Reasoning:
    if facts is None or not facts.reasons(name):
        return "none"
    if name in facts.reasoning_models:
        return "always"
    return "hybrid" if claude else "effort"
