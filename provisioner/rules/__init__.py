"""Offline judgements of endpoints: one function a rule, each problem with a stable code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioner.errors import Problem
from provisioner.rules import capacity, gateway, kinds, names, providers, traffic
from provisioner.rules.judged import Judged, Rule

RULES: tuple[Rule, ...] = (
    names.endpoint_name,
    names.entity_names,
    names.entity_count,
    names.granted_once,
    names.tag_of_the_tool,
    kinds.governs_only_what_it_can,
    kinds.one_kind,
    kinds.one_task,
    kinds.something_to_serve,
    kinds.external_stands_alone,
    kinds.compute_is_said_once,
    kinds.bounds_are_ordered,
    kinds.custom_model_scaling,
    kinds.known_workloads,
    kinds.settings_fit_kind,
    kinds.telemetry_target,
    capacity.known_architecture,
    capacity.sold_as_provisioned,
    capacity.capacity_in_steps,
    providers.block_of_provider,
    providers.one_source_of_a_secret,
    providers.simple_sign_in,
    providers.openai_sign_in,
    providers.bedrock_sign_in,
    providers.custom_sign_in,
    traffic.routes_match_entities,
    traffic.split_is_whole,
    gateway.rate_limit_content,
    gateway.rate_limit_once,
    gateway.fallback_has_a_target,
    gateway.inference_table_place,
)


def check(endpoints: Sequence[Judged]) -> Iterator[Problem]:
    """Everything that the rules find wrong with the endpoints of one environment."""
    for endpoint in endpoints:
        for rule in RULES:
            yield from rule(endpoint)


__all__ = ["RULES", "Judged", "Rule", "check"]
