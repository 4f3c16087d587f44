"""What the region of a workspace decides, by what the catalog knows of regions.

Offline the region is the one that an environment names; a plan judges by the one that the
workspace tells. The published tables lag, so only "these regions alone" is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.judged import Environment, Finding, Judged, Resting, Setting, hosted, newest
from provisioner.spec import Kind, kind_of

if TYPE_CHECKING:
    from provisioner.catalog import Catalog, Feature, PayPerTokenModel

_PIN = "workspace.region"
_FEATURES: dict[Kind, tuple[Feature, str]] = {
    Kind.EXTERNAL: ("external_model", "external models are"),
    Kind.CUSTOM: ("custom_model", "custom models are"),
    Kind.THROUGHPUT: ("provisioned_throughput", "provisioned throughput is"),
    Kind.MODEL_UNITS: ("provisioned_throughput", "provisioned throughput is"),
}
_CORRECT = "the tables lag: ask Databricks, or correct them in catalog.override.yaml"


def known_region(environment: Environment) -> Iterator[Finding]:
    """The region that an environment names is one."""
    region = environment.spec.workspace.region
    if region and environment.facts.atlas.locate(region) is None:
        summary = f"`{region}` is not a region that this version knows"
        hint = "`provisioner catalog regions` lists them; what newer ones offer is not judged"
        problem = warning("unknown-region", summary, hint, environment.where(_PIN))
        yield Resting(problem, newest(environment.facts.geographies))


def offered_here(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """A workspace's region offers what is served."""
    for path, model, here in _hosted(endpoint, setting):
        if not here:
            yield from _elsewhere(model, setting, endpoint, path)
            continue
        limits = list(_limits(model, setting, endpoint, path))
        yield from limits or _hosted_standing(model, setting, endpoint, path)
    kind = kind_of(endpoint.spec)
    if setting.region and kind in _FEATURES:
        feature, subject = _FEATURES[kind]
        name = f"{endpoint.name}: {subject}"
        yield from _standing(feature, name, setting, endpoint, "config.served_entities")


def undecided(endpoint: Judged, setting: Setting) -> Iterator[str]:
    """What the region would decide of an endpoint, were it known."""
    for _, model, here in _hosted(endpoint, setting):
        if here:
            only = f" ({_only(model, setting.facts)})" if model.regions else ""
            yield f"whether this region has {model.endpoint}{only}"
    kind = kind_of(endpoint.spec)
    if kind in _FEATURES and setting.facts.atlas.is_known(_FEATURES[kind][0]):
        yield f"whether {_FEATURES[kind][1]} offered in this region"


def _hosted(endpoint: Judged, setting: Setting) -> Iterator[tuple[str, PayPerTokenModel, bool]]:
    """Models of Databricks in use, each with its path, and whether this workspace is asked."""
    for path, name in hosted(endpoint):
        for model in setting.facts.pay_per_token:
            if model.endpoint == name:
                yield path, model, path == "governs" or _asks_itself(endpoint, path, setting.host)


def _asks_itself(endpoint: Judged, path: str, host: str) -> bool:
    """Whether an external model of this provider leads back to the workspace that it is in."""
    for at, entity in endpoint.spec.placed_entities:
        model = entity.external_model
        block = model.databricks_model_serving_config if model else None
        if path.startswith(f"{at}.") and block:
            return _bare(block.databricks_workspace_url) == _bare(host)
    return False


def _bare(url: str) -> str:
    return url.partition("://")[2].rstrip("/").lower()


def _elsewhere(
    model: PayPerTokenModel, setting: Setting, endpoint: Judged, path: str
) -> Iterator[Finding]:
    """A model of some places only that another workspace is asked for."""
    if model.regions:
        summary = f"{model.endpoint} is {_only(model, setting.facts)}"
        hint = "look where the workspace is that is asked for it"
        problem = notice("limited-region", summary, hint, endpoint.where(path))
        yield Resting(problem, model.provenance)


def _limits(
    model: PayPerTokenModel, setting: Setting, endpoint: Judged, path: str
) -> Iterator[Finding]:
    """A model of some places only, held against the region where that is known."""
    if not model.regions:
        return
    where, only = endpoint.where(path), f"{model.endpoint} is {_only(model, setting.facts)}"
    region = setting.region
    if not region:
        hint = f"`{_PIN}` in the environment has this judged; `exclude` leaves it out elsewhere"
        yield Resting(notice("limited-region", only, hint, where), model.provenance)
        return
    within = setting.facts.atlas.within(region, model.regions)
    if within is not True:
        make = warning if within is None else error
        hint = "`exclude` it here, or use another model; catalog.override.yaml corrects the facts"
        summary = f"{only}; this workspace is in {region}"
        yield Resting(make("limited-region", summary, hint, where), model.provenance)


def _only(model: PayPerTokenModel, facts: Catalog) -> str:
    as_of = f", as of {model.regions_as_of}" if model.regions_as_of else ""
    return f"offered in {facts.atlas.names(model.regions)} only{as_of}"


def _hosted_standing(
    model: PayPerTokenModel, setting: Setting, endpoint: Judged, path: str
) -> Iterator[Finding]:
    subject = f"{model.endpoint} is"
    found = list(_standing("pay_per_token", subject, setting, endpoint, path))
    yield from found
    native = setting.facts.atlas.within(setting.region, model.processed_in)
    leaves = model.cross_geo == "always" or (model.processed_in and native is False)
    if leaves and not found:
        problem = _crosses(subject, setting.region or "the workspace", endpoint, path)
        yield Resting(problem, model.provenance)


def _standing(
    feature: Feature, subject: str, setting: Setting, endpoint: Judged, path: str
) -> Iterator[Finding]:
    standing = setting.facts.atlas.standing(feature, setting.region).value
    if standing == "not_offered":
        summary = f"{subject} not offered in {setting.region} by the published tables"
        problem = warning("unsupported-region", summary, _CORRECT, endpoint.where(path))
    elif standing == "cross_geo":
        problem = _crosses(subject, setting.region, endpoint, path)
    else:
        return
    offers = (one for one in setting.facts.regional_offers if feature in one.features)
    yield Resting(problem, newest(offers))


def _crosses(subject: str, place: str, endpoint: Judged, path: str) -> Problem:
    summary = f"{subject} processed outside of the geography of {place}"
    hint = "cross-Geo processing has to be allowed; `rules: {cross-geo: error}` forbids it"
    return notice("cross-geo", summary, hint, endpoint.where(path))
