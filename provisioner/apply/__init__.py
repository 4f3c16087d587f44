"""Applying a plan: its calls are made, nothing is decided any more."""

from provisioner.apply.contract import Options, Probe, Progress, Service
from provisioner.apply.run import apply
from provisioner.apply.secrets import environment_variables

__all__ = ["Options", "Probe", "Progress", "Service", "apply", "environment_variables"]
