"""Telemetry configs (observed by databricks/cli, issue 6106 and its test server)."""

from __future__ import annotations

from provisioner.emulator.answers import Json
from provisioner.emulator.configs import config_kind
from provisioner.emulator.errors import invalid

_FEATURES = {
    f"TELEMETRY_FEATURE_{kind}" for kind in ("LOGS", "TRACES", "METRICS", "INFERENCE_TABLE")
}


def supports_telemetry(endpoint: Json) -> bool:
    """Only endpoints of custom models do; creation drops the config for any other."""
    config = endpoint.get("pending_config") or endpoint.get("config") or {}
    return config_kind(config) == "custom"


def read_telemetry(sent: Json, current: Json, new_profile: str) -> Json | None:
    """The config as it is stored and echoed, None for removal.

    Table names are consumed and a profile id comes back instead; a config that names
    neither is discarded without a word.
    """
    if not sent:
        return None
    tables, profile = sent.get("table_names"), sent.get("telemetry_profile_id")
    if tables and profile:
        raise invalid("Only one of table_names and telemetry_profile_id can be specified.")
    if not tables and not profile:
        return current or None
    if unknown := sorted(set(sent.get("enabled_telemetry_features", ())) - _FEATURES):
        raise invalid(f"Unknown telemetry features: {', '.join(unknown)}.")
    kept = ("inference_table_config", "enabled_telemetry_features")
    stored: Json = {key: sent[key] for key in kept if key in sent}
    stored["telemetry_profile_id"] = profile or new_profile
    if "inference_table_config" in stored:
        fraction = stored["inference_table_config"].get("sampling_fraction", 1)
        if not 0 <= fraction <= 1:
            raise invalid("sampling_fraction must be between 0 and 1.")
        if logs := (tables or {}).get("logs_table"):
            table = {"name": f"{logs}_payload"}
            stored["inference_table_config"] = stored["inference_table_config"] | table
    return stored
