"""Tables that requests, answers and telemetry are written to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisioner.errors import Problem, error, notice, warning
from provisioner.rules.judged import Judged
from provisioner.rules.kinds import WITH_TELEMETRY
from provisioner.spec import kind_of

if TYPE_CHECKING:
    from provisioner.spec.entities import AutoCaptureConfig
    from provisioner.spec.gateway import InferenceTableConfig

_UNNAMEABLE = re.compile(r"[\s./\x00-\x1f\x7f]")
_TABLE_NAME_LENGTH = 255


def inference_table_place(endpoint: Judged) -> Iterator[Problem]:
    """An inference table has a catalog and a schema to be in, and says that it is wanted."""
    for path, table in _inference_tables(endpoint):
        place = {name: getattr(table, name) for name in ("catalog_name", "schema_name")}
        if table.enabled:
            for name in (name for name, value in place.items() if value is None):
                summary = f"an inference table needs `{name}`"
                yield error("inference-table-place", summary, where=endpoint.where(path))
        elif table.enabled is None and any(place.values()):
            summary = f"`{path.rpartition('.')[2]}` does not say `enabled`"
            hint = "write `enabled: true`, or nothing may be logged"
            yield warning("inference-table-unsaid", summary, hint, endpoint.where(path))


def inference_table_names(endpoint: Judged) -> Iterator[Problem]:
    """Catalog, schema and prefix are names that Unity Catalog takes."""
    for path, table in _inference_tables(endpoint):
        for key in ("catalog_name", "schema_name", "table_name_prefix"):
            name = getattr(table, key)
            if name is None:
                continue
            where = endpoint.where(f"{path}.{key}")
            if not name or _UNNAMEABLE.search(name):
                summary = f"`{key}` is not a name: blanks, dots and slashes are not allowed"
                hint = "write catalog, schema and prefix each in its own key" if "." in name else ""
                yield error("inference-table-name", summary, hint, where)
            elif len(name) > _TABLE_NAME_LENGTH:
                summary = f"`{key}` has {len(name)} characters"
                yield error("inference-table-name", summary, "255 are allowed", where)


def one_inference_table(endpoint: Judged) -> Iterator[Problem]:
    """The old way of logging payloads is left, and never used beside the new one."""
    spec = endpoint.spec
    old = spec.config.auto_capture_config if spec.config else None
    new = spec.ai_gateway.inference_table_config if spec.ai_gateway else None
    if old is None or old.enabled is False:
        return
    where = endpoint.where("config.auto_capture_config")
    if new is not None and new.enabled:
        summary = "payloads are logged twice"
        hint = "remove `auto_capture_config`: `ai_gateway.inference_table_config` replaces it"
        yield warning("two-inference-tables", summary, hint, where)
    else:
        summary = "`auto_capture_config` is the old way of logging payloads"
        hint = "use `ai_gateway.inference_table_config`, which can be changed later"
        yield notice("old-inference-table", summary, hint, where)


def telemetry_target(endpoint: Judged) -> Iterator[Problem]:
    """Telemetry names its tables or a profile, not both and not neither."""
    telemetry = endpoint.spec.telemetry_config
    if telemetry is None or kind_of(endpoint.spec) not in WITH_TELEMETRY:
        return
    where = endpoint.where("telemetry_config")
    if telemetry.table_names is not None and telemetry.telemetry_profile_id is not None:
        summary = "`table_names` cannot stand beside `telemetry_profile_id`"
        yield error("telemetry-target", summary, "keep one of them", where)
    if telemetry.table_names is None and telemetry.telemetry_profile_id is None:
        summary = "`telemetry_config` needs `table_names` or `telemetry_profile_id`"
        yield error("telemetry-target", summary, "the service drops it otherwise", where)


def telemetry_tables(endpoint: Judged) -> Iterator[Problem]:
    """A telemetry table has its full name."""
    telemetry = endpoint.spec.telemetry_config
    tables = telemetry.table_names if telemetry else None
    for key in ("logs_table", "traces_table", "metrics_table", "annotations_table"):
        name = getattr(tables, key, None)
        if name is not None and (name.count(".") != 2 or not all(name.split("."))):
            where = endpoint.where(f"telemetry_config.table_names.{key}")
            summary = f"`{key}` is not the full name of a table"
            yield error("telemetry-table-name", summary, "write `catalog.schema.table`", where)


def _inference_tables(
    endpoint: Judged,
) -> Iterator[tuple[str, InferenceTableConfig | AutoCaptureConfig]]:
    spec = endpoint.spec
    if spec.ai_gateway and (table := spec.ai_gateway.inference_table_config):
        yield "ai_gateway.inference_table_config", table
    if spec.config and (old := spec.config.auto_capture_config):
        yield "config.auto_capture_config", old
