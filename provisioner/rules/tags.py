"""Tags: what they may be, and the one that is ours."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Finding, Judged, Resting, Setting

OWNER_TAG = "provisioner"
"""The tag by which the tool knows its endpoints."""


def tag_of_the_tool(endpoint: Judged) -> Iterator[Problem]:
    """The tag that marks the owner is not written by hand."""
    if OWNER_TAG in (endpoint.spec.tags or {}):
        summary = f"the tag `{OWNER_TAG}` marks who manages the endpoint"
        hint = "remove it: every apply sets it"
        yield error("reserved-tag", summary, hint, endpoint.where(f"tags[{OWNER_TAG}]"))


def tags_have_keys(endpoint: Judged) -> Iterator[Problem]:
    """No tag is without a key."""
    for key in endpoint.spec.tags or {}:
        if not key.strip():
            yield error("empty-tag", "a tag needs a key", where=endpoint.where("tags"))


def tag_limits(endpoint: Judged, setting: Setting) -> Iterator[Finding]:
    """There are not too many tags, and none is too long."""
    tags = endpoint.spec.tags
    if not tags:
        return
    most, fact = setting.facts.limit("tags"), setting.facts.source_of("tags")
    if len(tags) >= most:
        summary = f"{len(tags)} tags and the one of this tool are more than {most:g}"
        hint = "the service may refuse them"
        yield Resting(warning("many-tags", summary, hint, endpoint.where("tags")), fact)
    longest = {part: setting.facts.limit("tags", part) for part in ("key", "value")}
    for key, value in tags.items():
        for part, text in (("key", key), ("value", value or "")):
            if len(text) > longest[part]:
                summary = f"the {part} of a tag has {len(text)} characters"
                where = endpoint.where(f"tags[{key}]")
                hint = f"up to {longest[part]:g} are safe"
                yield Resting(warning("long-tag", summary, hint, where), fact)
