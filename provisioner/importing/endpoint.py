"""From a live endpoint to the YAML that declares it: what differs from the defaults, no more.

Adopting the endpoint with this YAML changes nothing but its owner tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel

from provisioner.errors import Problem, warning
from provisioner.fields import table
from provisioner.importing.sign_in import missing_secrets, variable
from provisioner.redaction import in_the_open
from provisioner.spec import EndpointSpec
from provisioner.spec.text import Path, Placeholder, comment, lines_of, one_line
from provisioner.wire.answers import Live
from provisioner.wire.document import (
    BLOCKS,
    OWNER_TAG,
    PLAIN,
    PROTECT_TAG,
    served_entity_name,
    without,
)

_REFERENCE = re.compile(r"\{\{\s*(secrets/[^/{}\s]+/[^/{}\s]+)\s*\}\}")
_PROVISIONED = frozenset(
    {"min_provisioned_throughput", "max_provisioned_throughput", "provisioned_model_units"}
)
_CONCURRENCY = frozenset({"min_provisioned_concurrency", "max_provisioned_concurrency"})
_COMPUTE = {"workload_size": "Small", "workload_type": "CPU"}
"""What a custom model gets when nobody asks for anything else."""


@dataclass(frozen=True)
class Imported:
    """The declaration of one endpoint."""

    text: str
    """YAML, with a comment for everything that a person has to know."""
    data: dict[str, Any]
    """What reading the text has to give."""
    problems: tuple[Problem, ...]
    """Warnings, one for each oddity."""


def declaration(answer: Mapping[str, Any], live: Live, name: str, *, adopt: bool) -> Imported:
    """The YAML of an endpoint that was read as ``answer`` and understood as ``live``.

    ``name`` is what to call it in the file. ``adopt`` lets the next apply take it over.
    """
    return _Import(answer, live, name).declaration(adopt=adopt)


@dataclass
class _Import:
    answer: Mapping[str, Any]
    live: Live
    name: str
    comments: dict[Path, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def declaration(self, *, adopt: bool) -> Imported:
        data: dict[str, Any] = {"name": self.name}
        plain = {key: self.answer.get(key) for key in PLAIN if key != "name"}
        data |= self._written(EndpointSpec, plain, "")
        if tags := without(self.live.document["tags"], {OWNER_TAG, PROTECT_TAG}):
            data["tags"] = tags
        if config := self._config(self._config_in_force()):
            data["config"] = config
        blocks = {key: self.answer.get(key) for key in BLOCKS}
        data |= self._written(EndpointSpec, blocks, "")
        self._keep_usage_tracking(data)
        if rows := self.live.document.get("permissions"):
            data["permissions"] = [_row(who, rows[who]) for who in sorted(rows)]
        if adopt:
            data["lifecycle"] = {"adopt": True}
        self._fill_secrets(data)
        failed = self._state()
        self._unshown()
        return Imported(self._text(data, failed), data, tuple(self.problems))

    # ------------------------------------------------------------ contents

    def _config_in_force(self) -> Mapping[str, Any]:
        """The same one that plans compare with."""
        pending = self.answer.get("pending_config") if self.live.updating else None
        return pending or self.answer.get("config") or {}

    def _config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        raw = without(config, {*table().output_only["config"], "served_entities"})
        entities = [
            self._without_open_secrets(_bare(item)) for item in config.get("served_entities") or ()
        ]
        raw["traffic_config"] = _traffic(raw.get("traffic_config") or {}, entities)
        if capture := raw.get("auto_capture_config"):
            raw["auto_capture_config"] = _capture(capture, self.live.name)
        found = self._written(EndpointSpec, {"config": {"served_entities": entities, **raw}}, "")
        result: dict[str, Any] = found.get("config") or {}
        return result

    def _written(self, model: type[BaseModel], value: Any, pattern: str) -> dict[str, Any]:
        """What a person would write of an object; fields that are new come last."""
        rows, result, extra = table(), dict[str, Any](), dict[str, Any]()
        for key, item in value.items():
            child = f"{pattern}.{key}" if pattern else key
            spec = model.model_fields.get(key)
            if item in (None, "", [], {}) or key.endswith("_plaintext") or key == "api_extra":
                continue
            if spec is None or spec.exclude:
                if spec is None and child not in rows.fields:
                    extra[key] = _new(item)
                continue
            below = _model_in(spec.annotation)
            if below is None:
                kept = self._leaf(child, item, alone=len(value) == 1)
            elif isinstance(item, list):
                kept = [self._written(below, one, f"{child}[]") for one in item]
            else:
                kept = self._written(below, item, child)
            if kept not in (None, {}):
                result[key] = kept
        return result | ({"api_extra": extra} if extra else {})

    def _leaf(self, pattern: str, value: Any, *, alone: bool) -> Any:
        """A value as it is written; ``None`` = it is not."""
        row = table().get(pattern)
        if row.secret:
            return _reference(value)
        is_switch = pattern.endswith(".enabled") and not alone
        if row.default is not None and row.same(value, None) and not is_switch:
            return None
        return _without_nulls(value)

    def _keep_usage_tracking(self, data: dict[str, Any]) -> None:
        """Provisioned throughput has usage tracking by default, so off is worth a word."""
        entities = (data.get("config") or {}).get("served_entities") or [{}]
        gateway = self.answer.get("ai_gateway") or {}
        tracking = gateway.get("usage_tracking_config") or {}
        if entities[0].keys() & _PROVISIONED and tracking.get("enabled") is False:
            block = data.setdefault("ai_gateway", {})
            block.setdefault("usage_tracking_config", {})["enabled"] = False

    # ------------------------------------------------------------ secrets

    def _fill_secrets(self, data: dict[str, Any]) -> None:
        """Put a placeholder where a secret was given as plaintext."""
        entities = (data.get("config") or {}).get("served_entities") or ()
        missing = [
            (index, path)
            for index, entity in enumerate(entities)
            for path in missing_secrets(entity.get("external_model") or {})
        ]
        fields = [path[1:] for _, path in missing]
        taken: set[str] = set()
        for index, path in missing:
            owner = (entities[index]["name"],) if fields.count(path[1:]) > 1 else ()
            secret = variable((self.name, *owner, *path[1:]), taken)
            block = entities[index]["external_model"]
            for key in path[:-1]:
                block = block.setdefault(key, {})
            key = f"{path[-1]}_plaintext"
            block[key] = Placeholder(f"${{env:{secret}}}")
            place: Path = ("config", "served_entities", index, "external_model", *path[:-1], key)
            self.comments[place] = (
                f"The service never shows this secret. A change of the configuration sends it "
                f"again: set {secret} where apply runs then, or refer to a secret."
            )
            self._problem(
                "import-secret",
                f"a secret of {entities[index]['name']} was given as plaintext, which the "
                f"service never shows: {secret} stands for it",
            )

    def _without_open_secrets(self, entity: dict[str, Any]) -> dict[str, Any]:
        """A served entity without its environment variables, if one seems to be a secret.

        What is not declared is left alone; of a declared map what is missing would be removed.
        """
        found = entity.get("environment_vars") or {}
        place = "environment_vars"
        names = [name for name, value in found.items() if in_the_open(place, {name: value})]
        if not names:
            return entity
        self._remark(
            "import-open-secret",
            f"the environment variables of {entity['name']} are left out and left alone: "
            f"secrets in the open seem to be {', '.join(sorted(names))}; "
            "put them into a secret scope, then declare all variables",
        )
        return without(entity, {place})

    # ------------------------------------------------------------ oddities

    def _state(self) -> dict[str, Any]:
        """Remark on what is unusual; gives a configuration that failed before any served."""
        live, failed = self.live, dict[str, Any]()
        config = self._config_in_force()
        if live.updating:
            self._remark(
                "import-updating",
                "an update was in progress; this is the configuration that was being rolled out",
            )
        if live.update in {"UPDATE_FAILED", "UPDATE_CANCELED"}:
            word = "failed" if live.update == "UPDATE_FAILED" else "was cancelled"
            causes = "".join(f"; {entity}: {cause}" for entity, cause in live.failures)
            self._remark("import-failed", f"its last update {word}{causes}")
        if not config and (pending := self.answer.get("pending_config")):
            failed = self._config(pending)
            self._remark(
                "import-no-config",
                "it serves nothing: its only configuration never came into force, and stands "
                "below as a comment",
            )
        elif not config:
            self._remark("import-no-config", "it has no configuration, so it serves nothing")
        if live.stopped:
            self._remark("import-stopped", "it is stopped; importing it does not start it")
        return failed

    def _unshown(self) -> None:
        """Say what an answer does not tell, or tells in words that this version lacks."""
        known = {
            *table().output_only["endpoint"],
            "config",
            "tags",
        } | EndpointSpec.model_fields.keys()
        unknown = sorted(key for key, value in self.answer.items() if value and key not in known)
        if unknown:
            self._remark(
                "import-unknown-field",
                f"this version does not know {', '.join(unknown)}; whether that can be written "
                "is not known either, so it is left out and left alone",
            )
        if (self.answer.get("telemetry_config") or {}).get("telemetry_profile_id"):
            self.comments["telemetry_config", "telemetry_profile_id"] = (
                "Where telemetry goes to; the service does not show the tables behind it."
            )
        if policy := self.answer.get("effective_budget_policy_id"):
            self.remarks.append(
                f"Its budget policy is {policy}; whether somebody chose it is not shown, "
                "so it is not written here."
            )
        entities = self._config_in_force().get("served_entities") or ()
        if any("provisioned_model_units" in entity for entity in entities):
            self.remarks.append(
                "The service does not show burst_scaling_enabled; write it if it is wanted."
            )

    def _remark(self, code: str, text: str) -> None:
        """A comment at the top of the file, which is a warning too."""
        comment = f"{text[0].upper()}{text[1:]}."
        if comment not in self.remarks:
            self.remarks.append(comment)
            self._problem(code, text)

    def _problem(self, code: str, text: str) -> None:
        self.problems.append(warning(code, f"{self.live.name}: {one_line(text)}"))

    # ------------------------------------------------------------ text

    def _text(self, data: Mapping[str, Any], failed: Mapping[str, Any]) -> str:
        lines = [line for remark in self.remarks for line in comment(remark)]
        for key, value in data.items():
            if isinstance(value, Mapping | list) and lines:
                lines.append("")
            lines += lines_of({key: value}, (), self.comments)
        if failed:
            lines += ["", *(f"# {line}" for line in lines_of({"config": failed}, (), {}))]
        return "\n".join(lines) + "\n"


def _bare(entity: Mapping[str, Any]) -> dict[str, Any]:
    """A served entity by name, without what describes it and what the server filled in."""
    named = {"name": served_entity_name(entity), **without(entity, {"name"})}
    kept = without(named, table().output_only["served_entity"])
    if external := kept.get("external_model"):
        # Compute beside an external model is refused, even when it is 0 or false.
        known = {"name", "external_model", *_known_keys("config.served_entities[]")}
        first = {"name": kept["name"], "external_model": external}
        return first | without(kept, known)
    if any(kept.get(key) for key in _PROVISIONED):
        # Size and type appear by themselves, and scaling is switched off whatever was sent.
        scales = {} if kept.get("scale_to_zero_enabled") else {"scale_to_zero_enabled"}
        return without(kept, {*_COMPUTE, *scales})
    kept = without(kept, _PROVISIONED)
    if kept.keys() & _CONCURRENCY:
        # Answers show a size beside the concurrency that excludes it.
        kept = without(kept, {"workload_size"})
    return {key: value for key, value in kept.items() if _COMPUTE.get(key) != value}


def _known_keys(pattern: str) -> Iterator[str]:
    """Names of the known fields directly below a pattern."""
    for path in table().fields:
        if path.startswith(f"{pattern}."):
            yield re.split(r"[.\[]", path[len(pattern) + 1 :], maxsplit=1)[0]


def _traffic(split: Mapping[str, Any], entities: list[dict[str, Any]]) -> dict[str, Any]:
    """The split in one spelling; the only choice there is needs no words."""
    routes = [
        {
            "served_entity_name": route.get("served_entity_name") or route.get("served_model_name"),
            "traffic_percentage": int(route.get("traffic_percentage") or 0),
            **without(route, {"served_entity_name", "served_model_name", "traffic_percentage"}),
        }
        for route in split.get("routes") or ()
    ]
    whole = [
        {"served_entity_name": entity["name"], "traffic_percentage": 100} for entity in entities
    ]
    kept = without(split, {"routes"})
    return kept if len(entities) == 1 and routes == whole else {**kept, "routes": routes}


def _capture(capture: Mapping[str, Any], name: str) -> dict[str, Any]:
    filled = {"table_name_prefix": name, "enabled": True}
    kept = without(capture, table().output_only["auto_capture"])
    return {key: value for key, value in kept.items() if filled.get(key) != value}


def _row(who: str, level: str) -> dict[str, str]:
    kind, _, name = who.partition(":")
    return {kind: name, "level": level}


def _reference(value: Any) -> str | None:
    """A reference to a secret in its usual spelling; anything else is not repeated."""
    found = _REFERENCE.fullmatch(str(value))
    return f"{{{{{found.group(1)}}}}}" if found else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The class of the objects that a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _without_nulls(value: Any) -> Any:
    """A value without the nulls in it: written down, they would clear something."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _new(value: Any) -> Any:
    """A value of a field that is new, without what might be a secret."""
    if isinstance(value, Mapping):
        return {
            key: _new(item)
            for key, item in value.items()
            if item is not None and not key.endswith("_plaintext")
        }
    return [_new(item) for item in value] if isinstance(value, list) else value
