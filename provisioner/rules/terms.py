"""Licences of open models and terms of providers: who serves them has to accept them.

Said of environments that are `protected`, until a note under `accepted_terms` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from provisioner.catalog import Catalog
from provisioner.errors import Problem, did_you_mean, notice, warning
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

_HINT = "once somebody accepted it, note who and when under `accepted_terms`, as `{}`"
_OWN = "databricks-model-serving"
"""What it passes on to is Databricks' own, or somebody's endpoint with terms of its own."""


def licences_of_models(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """Whoever serves an open model in production accepts its licence."""
    for path, name in hosted(endpoint) if setting.protected else ():
        for model in setting.facts.pay_per_token:
            if model.endpoint == name and model.licence and not _noted(model.licence, setting):
                summary = f"{model.model} comes under the {model.licence}"
                hint = _HINT.format(_short(model.licence))
                problem = notice("licence", summary, hint, endpoint.where(path))
                yield Resting(problem, model.provenance)
    said: set[str] = set()
    for path, entity in served(endpoint) if setting.protected else ():
        family = architecture_of(entity, setting.facts)
        if family and family.licence and family.id not in said:
            said.add(family.id)
            if not _noted(family.licence, setting):
                summary = f"{family.name} comes under the {family.licence}"
                hint = _HINT.format(_short(family.licence))
                problem = notice("licence", summary, hint, endpoint.where(path))
                yield Resting(problem, family.provenance)


def provider_terms(
    endpoints: Sequence[Judged], setting: Setting
) -> Iterator[tuple[Judged, Problem]]:
    """Whoever uses models of a provider in production accepts its terms; said once for each."""
    said = {_OWN}
    for endpoint in endpoints if setting.protected else ():
        for path, model in external(endpoint):
            provider = model.provider
            if provider in said or _fits((provider, f"{provider}/{model.name}"), setting):
                continue
            said.add(provider)
            summary = f"you answer for the terms of {provider} and the licences of its models"
            where = endpoint.where(f"{path}.provider")
            yield endpoint, notice("provider-terms", summary, _HINT.format(provider), where)


def known_terms(environment: Environment) -> Iterator[Problem]:
    """What is noted as accepted is a licence or a provider that there is."""
    accepted = environment.spec.accepted_terms
    known = _known(environment.facts) if accepted else []
    for key in accepted:
        provider, slash, _ = key.partition("/")
        names = [provider] if slash else [key]
        if not any(fnmatchcase(one.lower(), name.lower()) for one in known for name in names):
            summary = f"`{key}` is no provider and no licence that this version knows"
            hint = did_you_mean(key, known, "`provisioner catalog` has both")
            where = environment.where(f"accepted_terms[{key}]")
            yield warning("unknown-terms", summary, hint, where)


def _known(facts: Catalog) -> list[str]:
    licences = [model.licence for model in facts.pay_per_token]
    licences += [family.licence for family in facts.architectures]
    texts = dict.fromkeys(licence for licence in licences if licence)
    names = (name for text in texts for name in (_short(text), text))
    return list(dict.fromkeys((*(one.provider for one in facts.providers), *names)))


def _short(licence: str) -> str:
    """A licence without the policies that come with it."""
    return licence.partition(" plus ")[0]


def _noted(licence: str, setting: Setting) -> bool:
    return _fits((licence, _short(licence)), setting)


def _fits(names: Sequence[str], setting: Setting) -> bool:
    keys = [key.lower() for key in setting.accepted]
    return any(fnmatchcase(name.lower(), key) for name in names for key in keys)
