"""What a person may write: strict models, and the trees that they are checked against.

A layer of YAML becomes a `Node`, `canonical` rewrites its shorthands, `merge` lays
layers over each other, and `check` turns the result into a model or into problems.
"""

from __future__ import annotations

from provisioner.spec.check import Rejected, check
from provisioner.spec.checks import CheckSpec, Expectation
from provisioner.spec.endpoint import (
    EndpointSpec,
    Kind,
    Lifecycle,
    Permission,
    Permissions,
    kind_of,
    kind_of_entity,
)
from provisioner.spec.entities import EndpointConfig, Route, ServedEntity
from provisioner.spec.environment import EnvironmentSpec, Policy, RuleLevel, Workspace
from provisioner.spec.gateway import AiGatewayConfig, RateLimit
from provisioner.spec.mending import Mended, mended
from provisioner.spec.providers import ExternalModel
from provisioner.spec.rollout import Rollout
from provisioner.spec.schema import json_schema
from provisioner.spec.secrets import SecretSource
from provisioner.spec.spelling import canonical, with_entity_names
from provisioner.spec.tree import MAX_DEPTH, NOWHERE, Node, Reached, locate, merge, node_of, reach

__all__ = [
    "MAX_DEPTH",
    "NOWHERE",
    "AiGatewayConfig",
    "CheckSpec",
    "EndpointConfig",
    "EndpointSpec",
    "EnvironmentSpec",
    "Expectation",
    "ExternalModel",
    "Kind",
    "Lifecycle",
    "Mended",
    "Node",
    "Permission",
    "Permissions",
    "Policy",
    "RateLimit",
    "Reached",
    "Rejected",
    "Rollout",
    "Route",
    "RuleLevel",
    "SecretSource",
    "ServedEntity",
    "Workspace",
    "canonical",
    "check",
    "json_schema",
    "kind_of",
    "kind_of_entity",
    "locate",
    "mended",
    "merge",
    "node_of",
    "reach",
    "with_entity_names",
]
