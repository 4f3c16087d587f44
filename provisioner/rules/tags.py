"""Tags: what they may be, and the one that is ours."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error, warning
from provisioner.rules.judged import Judged
from provisioner.rules.limits import TAG_KEY_LENGTH, TAG_VALUE_LENGTH, TAGS

OWNER_TAG = "provisioner"
"""The tag by which the tool knows its endpoints."""


def tag_of_the_tool(endpoint: Judged) -> Iterator[Problem]:
    """The tag that marks the owner is not written by hand."""
    if OWNER_TAG in (endpoint.spec.tags or {}):
        summary = f"the tag `{OWNER_TAG}` marks who manages the endpoint"
        hint = "remove it: every apply sets it"
        yield error("reserved-tag", summary, hint, endpoint.where(f"tags[{OWNER_TAG}]"))


def tag_limits(endpoint: Judged) -> Iterator[Problem]:
    """There are not too many tags, and none is empty or too long."""
    tags = endpoint.spec.tags or {}
    if len(tags) >= TAGS:
        summary = f"{len(tags)} tags and the one of this tool are more than {TAGS}"
        hint = "the service may refuse them"
        yield warning("many-tags", summary, hint, endpoint.where("tags"))
    for key, value in tags.items():
        if not key.strip():
            yield error("empty-tag", "a tag needs a key", where=endpoint.where("tags"))
        for what, text, most in (
            ("key", key, TAG_KEY_LENGTH),
            ("value", value or "", TAG_VALUE_LENGTH),
        ):
            if len(text) > most:
                summary = f"the {what} of a tag has {len(text)} characters"
                where = endpoint.where(f"tags[{key}]")
                yield warning("long-tag", summary, f"up to {most} are safe", where)
