"""What providers offer, by the catalog's table of providers and tasks.

The table is dated and its lists of names are open: a name that is not in them is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.errors import did_you_mean, error, fixable, notice, warning
from provisioner.rules.judged import (
    OWN_PREFIX,
    Finding,
    Judged,
    Resting,
    Setting,
    external,
    hosted,
    nearest,
    newest,
    served,
)
from provisioner.spec import ExternalModel

if TYPE_CHECKING:
    from provisioner.catalog import Catalog, ExternalProvider

CUSTOM = "custom"
"""What `architecture` says of a model of one's own that is based on none of the provider's."""
_MAKERS = {"ai21": "ai21labs", "amazon": "amazon", "anthropic": "anthropic", "cohere": "cohere"}
"""What ids of Bedrock begin with, and who that is."""
_ID = re.compile(r"(?:(?:[a-z]+\.)?(?P<maker>ai21|amazon|anthropic|cohere)\.)?(?P<name>.+)")
"""An id of Bedrock: a region's profile, the maker, the name."""


def task_of_provider(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A provider offers the task, and on Bedrock the maker of the model does."""
    for path, model in external(endpoint):
        entry, task = provider_of(model, setting.facts), _task(model)
        offered = _offered(model, entry)
        if offered and task not in offered:
            maker = _maker_in_block(model)
            who = f"{maker} on {entry.name}" if maker else entry.name
            # The table speaks for the models that it lists; what came later may do more.
            make = error if _tasks_of(model, setting.facts) else warning
            where = endpoint.where(f"{path}.task")
            hint = f"it offers {' and '.join(offered)}"
            problem = make("provider-task", f"{who} does not offer {task}", hint, where)
            yield Resting(problem, entry.provenance)


def task_of_model(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A model is asked for what it does."""
    for path, model in external(endpoint):
        task, tasks = _task(model), _tasks_of(model, setting.facts)
        if not tasks or task in tasks:
            continue
        if task not in _offered(model, provider_of(model, setting.facts)):
            continue  # said already, and of all its models
        # Completions are asked of chat models, and the other way round, with some success.
        make = error if "embeddings" in (task, *tasks) else warning
        summary = f"`{model.name}` is a model for {' and '.join(tasks)}, not for {task}"
        hint = f"write `task: llm/v1/{tasks[0]}`, or name another model"
        problem = make("model-task", summary, hint, endpoint.where(f"{path}.task"))
        yield Resting(problem, provider_of(model, setting.facts).provenance)


def known_model(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A provider's model is known, or said to be fine-tuned or custom."""
    for path, entity in served(endpoint):
        model = entity.external_model
        if model is None or entity.architecture is not None or not model.name.strip():
            continue
        entry = provider_of(model, setting.facts)
        if entry.any_model or not entry.tasks or _tasks_of(model, setting.facts):
            continue
        where = endpoint.where(f"{path}.external_model.name")
        summary = f"`{model.name}` is not a model of {entry.name} that this version knows"
        respelled = model.name.replace("gpt-3.5", "gpt-35")
        if respelled != model.name and entry.tasks_of(respelled):
            problem = warning("unknown-model", summary, f"Azure spells it `{respelled}`", where)
            yield Resting(fixable(problem, model.name, respelled), entry.provenance)
            continue
        other = "newer ones work"
        if _takes_own(entry, _task(model)):
            other += "; say `architecture` with what it is based on, if it is yours"
        hint = did_you_mean(model.name, _names(entry), other)
        yield Resting(warning("unknown-model", summary, hint, where), entry.provenance)


def known_hosted_model(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """An endpoint of Databricks is one that there is, or was."""
    for path, name in hosted(endpoint):
        facts = setting.facts
        known = [model.endpoint for model in facts.pay_per_token]
        if name not in known and facts.retirement_of(name) is None:
            summary = f"`{name}` is not an endpoint of Databricks that this version knows"
            otherwise = "newer ones work; `provisioner catalog models`"
            hint = did_you_mean(name, known, otherwise, prefix=OWN_PREFIX)
            problem = warning("unknown-model", summary, hint, endpoint.where(path))
            yield Resting(problem, newest(facts.pay_per_token))


def base_of_model(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """What a model outside is said to be based on is the provider's, and the provider takes it."""
    for path, entity in served(endpoint):
        model, base = entity.external_model, entity.architecture
        if model is None or base is None:
            continue
        entry, task = provider_of(model, setting.facts), _task(model)
        where = endpoint.where(f"{path}.architecture")
        if not _takes_own(entry, task, base):
            kind = "custom" if base == CUSTOM else "fine-tuned"
            summary = f"{entry.name} takes no {kind} models for {task}"
            problem = error("own-model-refused", summary, "remove `architecture`", where)
            yield Resting(problem, entry.provenance)
        elif base != CUSTOM and not entry.any_model and not entry.tasks_of(base):
            summary = f"`{base}` is not a model of {entry.name} that this version knows"
            hint = nearest(base, _names(entry))
            yield Resting(error("unknown-architecture", summary, hint, where), entry.provenance)


def maker_of_model(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A model on Bedrock comes from the maker that its block names."""
    for path, model in external(endpoint):
        written = _maker_in_block(model)
        if written is None or model.amazon_bedrock_config is None:
            continue
        prefix, name = _parts(model.name)
        made_by = prefix or provider_of(model, setting.facts).maker_of(name)
        if made_by is not None and made_by != written:
            summary = f"`{model.name}` is a model of {made_by}, not of {written}"
            where = endpoint.where(f"{path}.amazon_bedrock_config.bedrock_provider")
            hint = f"write `bedrock_provider: {made_by}`"
            problem = error("bedrock-maker", summary, hint, where)
            problem = fixable(problem, model.amazon_bedrock_config.bedrock_provider, made_by)
            yield Resting(problem, provider_of(model, setting.facts).provenance)


def still_offered(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A provider and its model are in today's lists, not only in older ones."""
    for path, model in external(endpoint):
        entry = provider_of(model, setting.facts)
        if entry.legacy:
            summary = f"{entry.name} is no longer in the list of providers"
            hint = "new endpoints may be refused; look for another provider"
            problem = warning("old-provider", summary, hint, endpoint.where(f"{path}.provider"))
            yield Resting(problem, entry.provenance)
        elif model.name in entry.legacy_models:
            summary = f"`{model.name}` is a model of earlier days"
            hint = f"{entry.name} may have ended it: look at its own list of retirements"
            problem = notice("old-model", summary, hint, endpoint.where(f"{path}.name"))
            yield Resting(problem, entry.provenance)


def provider_of(model: ExternalModel, facts: Catalog) -> ExternalProvider:
    """The provider of a model, or the variant of it that its block chooses."""
    first, *variants = facts.variants_of(model.provider)
    block = getattr(model, first.config_block) if variants else None
    for entry in variants:
        fixed = entry.fixed.items()
        if fixed and all(getattr(block, key, None) == value for key, value in fixed):
            return entry
    return first


def _names(entry: ExternalProvider) -> list[str]:
    return list(dict.fromkeys(name for task in entry.tasks for name in entry.names(task)))


def _offered(model: ExternalModel, entry: ExternalProvider) -> list[str]:
    """The tasks that a provider offers, on Bedrock those of the maker in the block."""
    maker = _maker_in_block(model)
    offered: list[str] = list(entry.tasks)
    return [one for one in entry.tasks if maker in entry.families.get(one, {})] or offered


def _takes_own(entry: ExternalProvider, task: str, base: str = "") -> bool:
    """Whether a provider takes models of one's own; ``base`` as `architecture` says, else any."""
    custom = entry.custom_completions and task == "completions"
    tuned = entry.fine_tuned and task != "embeddings"
    taken = (custom and base in {"", CUSTOM}) or (tuned and base != CUSTOM)
    return entry.any_model or bool(taken)


def _task(model: ExternalModel) -> str:
    """The task as the catalog spells it."""
    return model.task.rpartition("/")[2]


def _tasks_of(model: ExternalModel, facts: Catalog) -> tuple[str, ...]:
    """What a model does; empty where that is not known."""
    if model.provider == "databricks-model-serving" and model.name.startswith(OWN_PREFIX):
        return tuple(one.task for one in facts.pay_per_token if one.endpoint == model.name)
    name = _parts(model.name)[1] if model.amazon_bedrock_config else model.name
    return provider_of(model, facts).tasks_of(name)


def _maker_in_block(model: ExternalModel) -> str | None:
    block = model.amazon_bedrock_config
    return block.bedrock_provider.lower() if block else None


def _parts(name: str) -> tuple[str | None, str]:
    """The maker that an id of Bedrock begins with, if it does, and the name alone."""
    found = _ID.fullmatch(name)
    return (_MAKERS.get(found["maker"] or ""), found["name"]) if found else (None, name)
