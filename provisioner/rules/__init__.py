"""Offline judgements of endpoints: one function a rule, each problem with a stable code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain

from provisioner.errors import Problem, about
from provisioner.rules import (
    addresses,
    allowed,
    capacity,
    compute,
    gateway,
    kinds,
    names,
    offers,
    places,
    production,
    providers,
    regions,
    retirement,
    rollouts,
    secret_sync,
    secrets,
    tables,
    tags,
    terms,
    together,
    traffic,
)
from provisioner.rules.judged import (
    Environment,
    Finding,
    Judged,
    Resting,
    Rule,
    RuleInSetting,
    RuleOfAll,
    RuleOfEnvironment,
    Setting,
    bare,
)
from provisioner.rules.levels import unusable_levels, weighed
from provisioner.rules.staleness import stale_facts

RULES: tuple[Rule, ...] = (
    names.endpoint_name,
    names.entity_names,
    names.granted_once,
    tags.tag_of_the_tool,
    tags.tags_have_keys,
    kinds.governs_only_what_it_can,
    kinds.one_kind,
    kinds.something_to_serve,
    kinds.settings_fit_kind,
    traffic.routes_match_entities,
    traffic.split_is_whole,
    rollouts.something_stops_it,
    rollouts.probes_have_a_question,
    rollouts.versions_stand_still,
    tables.one_inference_table,
    tables.inference_table_names,
    tables.telemetry_target,
    tables.telemetry_tables,
    secrets.no_secret_in_text,
    addresses.mail_addresses,
    addresses.instance_profiles,
)
"""What can be said of an endpoint alone."""

IN_SETTING: tuple[RuleInSetting, ...] = (
    names.name_length,
    names.entity_count,
    tags.tag_limits,
    retirement.hosted_models,
    offers.known_hosted_model,
    regions.offered_here,
    production.paid_by_token,
    production.previews,
    terms.licences_of_models,
    production.parts_of_one_cloud,
    allowed.within_the_lists,
)
"""What depends on the day, on the environment or on what is known of the service."""

OF_EXTERNAL: tuple[Rule, ...] = (
    kinds.one_task,
    kinds.external_stands_alone,
    providers.block_of_provider,
    providers.one_source_of_a_secret,
    providers.simple_sign_in,
    providers.openai_sign_in,
    providers.bedrock_sign_in,
    providers.custom_sign_in,
    providers.fields_hold_something,
    providers.fields_are_read,
    providers.addresses_are_whole,
    providers.regions_are_spelled,
)
OF_EXTERNAL_IN_SETTING: tuple[RuleInSetting, ...] = (
    offers.task_of_provider,
    offers.task_of_model,
    offers.known_model,
    offers.base_of_model,
    offers.maker_of_model,
    offers.still_offered,
    production.moving_names,
)
"""What is about external models."""

OF_OWN: tuple[Rule, ...] = (
    compute.compute_is_said_once,
    compute.bounds_are_ordered,
    compute.custom_model_scaling,
    kinds.provisioned_has_no_compute,
    names.model_names,
    compute.variable_names,
    compute.foundation_models_stay_up,
    secrets.no_secret_by_name,
)
OF_OWN_IN_SETTING: tuple[RuleInSetting, ...] = (
    compute.known_workloads,
    compute.variable_count,
    compute.concurrency_as_sold,
    capacity.known_architecture,
    capacity.sold_as_provisioned,
    capacity.capacity_in_steps,
    capacity.capacity_is_written,
    capacity.architecture_fits_entity,
    capacity.known_entity,
    capacity.own_models_do_the_same,
    capacity.served_alone,
    retirement.provisioned_models,
    production.cold_starts,
    allowed.allowed_architectures,
)
"""What is about models that run in the workspace."""

OF_GATEWAY: tuple[Rule, ...] = (
    gateway.rate_limit_content,
    gateway.rate_limit_once,
    gateway.rate_limit_of_zero,
    gateway.fallback_has_a_target,
    gateway.old_guardrails,
    gateway.gateway_fits_kind,
    tables.inference_table_place,
)
OF_GATEWAY_IN_SETTING: tuple[RuleInSetting, ...] = (gateway.rate_limit_count,)
"""What is about the gateway."""

OF_ENVIRONMENT: tuple[RuleOfEnvironment, ...] = (
    secrets.no_secret_among_variables,
    secret_sync.names_of_secrets,
    secret_sync.room_in_scopes,
    secret_sync.scopes_that_are_used,
    allowed.known_architectures,
    allowed.synced_scopes,
    regions.known_region,
    terms.known_terms,
    production.personal_tokens,
    places.host_is_an_address,
    places.way_to_sign_in_is_known,
    places.record_has_a_place,
)
"""What can be said of an environment alone."""

OF_ALL: tuple[RuleOfAll, ...] = (
    together.names_are_unique,
    together.tables_are_apart,
    together.workspace_has_room,
    together.concurrency_has_room,
    terms.provider_terms,
)
"""What can only be said of all endpoints together."""


def check(
    endpoints: Sequence[Judged],
    environment: Environment | None = None,
    today: date | None = None,
) -> Iterator[Problem]:
    """Everything that the rules find wrong with the endpoints of one environment.

    Args:
        endpoints: all of the environment.
        environment: where they are; says how much single findings weigh.
        today: the day to judge dates by; without it they are not judged.
    """
    if environment is None:
        found = _found(endpoints, Setting(today=today))
        yield from (about(endpoint.name, bare(finding)) for endpoint, finding in found)
        return
    yield from unusable_levels(environment)
    spec = environment.spec
    place = spec.workspace
    setting = Setting(
        spec.protected,
        place.host or "",
        today,
        environment.facts,
        spec.policy,
        place.region or "",
        tuple(spec.accepted_terms),
    )
    rested = []
    of_all: Iterator[tuple[Finding, str]] = (
        (finding, "") for judge in OF_ENVIRONMENT for finding in judge(environment)
    )
    of_one = ((finding, one.name) for one, finding in _found(endpoints, setting))
    for finding, name in chain(of_all, of_one):
        if kept := weighed(bare(finding), name, spec.rules):
            yield kept
            if isinstance(finding, Resting):
                rested.append(replace(finding, problem=kept))
    stale = stale_facts(rested, setting)
    if stale and (kept := weighed(stale, "", spec.rules)):
        yield kept


def _found(endpoints: Sequence[Judged], setting: Setting) -> Iterator[tuple[Judged, Finding]]:
    for endpoint in endpoints:
        for rules, rules_in_setting in _rules_for(endpoint):
            for rule in rules:
                for problem in rule(endpoint):
                    yield endpoint, problem
            for judge in rules_in_setting:
                for finding in judge(endpoint, setting):
                    yield endpoint, finding
    for judge_all in OF_ALL:
        yield from judge_all(endpoints, setting)


def _rules_for(
    endpoint: Judged,
) -> Iterator[tuple[tuple[Rule, ...], tuple[RuleInSetting, ...]]]:
    """The rules that may find something: most endpoints are of one kind."""
    yield RULES, IN_SETTING
    kinds_of = {entity.external_model is not None for entity in endpoint.spec.served_entities}
    if True in kinds_of:
        yield OF_EXTERNAL, OF_EXTERNAL_IN_SETTING
    if False in kinds_of:
        yield OF_OWN, OF_OWN_IN_SETTING
    if endpoint.spec.ai_gateway is not None:
        yield OF_GATEWAY, OF_GATEWAY_IN_SETTING


__all__ = ["Judged", "Rule", "Setting", "check"]
