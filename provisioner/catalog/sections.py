"""Which file holds what, and how a team's own facts go over the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from provisioner.catalog.reading import Builder, FactsInvalid, Path, Wrong, merged, shipped

OVERRIDE_FILE = "catalog.override.yaml"
"""A team's own facts, in the root of a project."""
STALE_AFTER_DAYS = 180


@dataclass(frozen=True)
class Section:
    """One list of facts."""

    name: str
    home: str
    """Module and class of an entry, as ``throughput:Architecture``; imported when it is needed."""
    files: tuple[str, ...]
    key: str = "id"
    """The field that names an entry."""

    @property
    def kind(self) -> Any:
        """The class of an entry."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(f"{__package__}.{module}"), name)


SECTIONS = {
    section.name: section
    for section in (
        Section("founding_models", "models:PayPerTokenModel", ("pay_per_token.yaml",), "endpoint"),
        Section(
            "pay_per_token",
            "models:PayPerTokenModel",
            ("pay_per_token.yaml", "pay_per_token_more.yaml"),
            "endpoint",
        ),
        Section("retired", "retirement:RetiredModel", ("retired.yaml",), "endpoint"),
        Section("architectures", "throughput:Architecture", ("throughput.yaml",)),
        Section("sizing", "throughput:SizingStyle", ("throughput.yaml",)),
        Section("chunks", "throughput:ThroughputChunk", ("throughput.yaml",), "entity"),
        Section("model_unit_step", "throughput:ModelUnits", ("throughput.yaml",), "value"),
        Section("providers", "providers:ExternalProvider", ("providers.yaml",)),
        Section("request_rules", "serving:RequestRule", ("request_rules.yaml",)),
        Section("clients", "serving:Client", ("clients.yaml",)),
        Section("modes", "serving:ServingMode", ("modes.yaml",)),
        Section("tasks", "serving:TaskType", ("modes.yaml",)),
        Section("governance", "serving:Fact", ("governance.yaml",)),
        Section("limits", "limits:Limit", ("limits.yaml",)),
        Section("geographies", "regions:Geography", ("regions.yaml",)),
        Section("regional_offers", "regions:RegionalOffer", ("regions.yaml",)),
        Section("contradictions", "serving:Contradiction", ("contradictions.yaml",)),
        Section("failures", "failures:FailureCause", ("failures.yaml",), "pattern"),
        Section("answer_causes", "failures:AnswerCause", ("answer_causes.yaml",)),
    )
}
"""Every section by its name; what is not the whole of a file is under its name there."""

_FIRST_THAT_FITS = {"failures", "answer_causes"}
_NOT_A_LIST = {"model_unit_step"}
OVERRIDABLE = tuple(name for name in SECTIONS if name not in {"founding_models", *_NOT_A_LIST})


@dataclass(frozen=True)
class Override:
    """A team's own facts, read and found to fit."""

    file: str = OVERRIDE_FILE
    stale_after_days: int = STALE_AFTER_DAYS
    entries: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """Section to its entries, as written."""

    @classmethod
    def read(cls, data: Mapping[str, Any], file: str) -> Override:
        """Check ``data`` whole.

        Raises:
            FactsInvalid: with everything that is wrong.
        """
        wrong = [
            Wrong((key,), f"is not a section; there are {', '.join(OVERRIDABLE)}")
            for key in data
            if key not in {"stale_after_days", *OVERRIDABLE}
        ]
        days = data.get("stale_after_days", STALE_AFTER_DAYS)
        if type(days) is not int or days < 1:
            wrong.append(Wrong(("stale_after_days",), "must be a whole number above 0"))
        for name in (name for name in OVERRIDABLE if name in data):
            wrong += _wrong_entries(SECTIONS[name], data[name], file)
        if wrong:
            raise FactsInvalid(file, tuple(wrong))
        entries = {name: tuple(data[name]) for name in OVERRIDABLE if name in data}
        read = cls(file, days, entries)
        if wrong := _wrong_places(read):
            raise FactsInvalid(file, tuple(wrong))
        return read


def read_section(section: Section, override: Override) -> tuple[Any, ...]:
    """The entries of a section, with the team's own over them.

    Raises:
        FactsInvalid: a shipped file is broken.
    """
    name = "pay_per_token" if section.name == "founding_models" else section.name
    own = override.entries.get(name, ())
    if not own:
        return _shipped(section.name)
    entries = {entry[section.key]: entry for entry in _raw(section)}
    for entry in own:
        known = entry[section.key]
        if known in entries or section.name != "founding_models":
            entries[known] = _over(entries.get(known), entry, override.file)
    ordered = list(entries.values())
    if section.name in _FIRST_THAT_FITS:
        # What a team knows of its own failures comes before what is true of most.
        known = {entry[section.key] for entry in own}
        ordered.sort(key=lambda entry: entry[section.key] not in known)
    return _built(section, ordered, override.file)


@cache
def _shipped(name: str) -> tuple[Any, ...]:
    section = SECTIONS[name]
    return _built(section, _raw(section), section.files[0])


def _built(section: Section, entries: list[Any], file: str) -> tuple[Any, ...]:
    builder = Builder()
    made = tuple(
        builder.build(section.kind, entry, (section.name, at)) for at, entry in enumerate(entries)
    )
    if builder.wrong:
        raise FactsInvalid(file, tuple(builder.wrong))
    return made


def _raw(section: Section) -> list[Any]:
    found: list[Any] = []
    for file in section.files:
        content = shipped(file)
        if isinstance(content, Mapping):
            content = content[section.name]
        found += content if isinstance(content, list) else [content]
    return found


def _wrong_entries(section: Section, entries: Any, file: str) -> list[Wrong]:
    if not isinstance(entries, list | tuple):
        return [Wrong((section.name,), "must be a list of entries")]
    known = {entry[section.key]: entry for entry in _raw(section)}
    builder = Builder(patterns=True)
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        path: Path = (section.name, at)
        name = entry.get(section.key) if isinstance(entry, Mapping) else None
        if not isinstance(name, str):
            builder.wrong.append(Wrong(path, f"must be a map with `{section.key}`"))
        elif name in seen:
            builder.wrong.append(Wrong((*path, section.key), f"`{name}` is there twice"))
        else:
            seen.add(name)
            builder.build(section.kind, _over(known.get(name), entry, file), path)
    return builder.wrong


_PLACES = {
    "pay_per_token": ("regions", "processed_in"),
    "regional_offers": ("offered", "cross_geo", "not_offered"),
}
"""Fields that name geographies or regions of them."""


def _wrong_places(override: Override) -> list[Wrong]:
    """Places that are none, which would make a fact true of nothing."""
    named: list[tuple[Path, str]] = [
        ((section, at, field, number), place)
        for section, fields in _PLACES.items()
        for at, entry in enumerate(override.entries.get(section, ()))
        for field in fields
        for number, place in enumerate(entry.get(field) or ())
    ]
    if not named:
        return []
    from provisioner.catalog.regions import Atlas

    atlas = Atlas(read_section(SECTIONS["geographies"], override), ())
    unknown = set(atlas.unknown_among(place for _, place in named))
    text = "is no geography and no region of one; `provisioner catalog regions` lists them"
    return [Wrong(path, f"`{place}` {text}") for path, place in named if place in unknown]


def _over(entry: Mapping[str, Any] | None, own: Mapping[str, Any], file: str) -> Any:
    """An entry with the team's own keys; the file is named among the sources."""
    # How sure the shipped entry is says nothing of what somebody else wrote over it.
    base: dict[str, Any] = {"source": []} | dict(entry or {}) | {"confidence": "medium"}
    sources = own.get("source", base["source"])
    if isinstance(sources, list | tuple):
        sources = [*(source for source in sources if source != file), file]
    return merged(base, {**own, "source": sources})
