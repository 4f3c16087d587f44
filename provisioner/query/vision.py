"""Pictures in a request, held against what is known of formats, sizes and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner.errors import Problem, error, notice, warning
from provisioner.query.facts import Facts
from provisioner.query.images import Image, image_of_uri, tokens
from provisioner.query.targets import Entity

_MEGA = 1_000_000


def images_of(body: Mapping[str, Any]) -> Iterator[tuple[str, Image | None]]:
    """Pictures of a request by their place; None where it is no ``data:`` URI in base64."""
    given = body.get("messages")
    for number, message in enumerate(given if isinstance(given, list) else ()):
        content = message.get("content") if isinstance(message, Mapping) else None
        for at, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, Mapping) and block.get("type") == "image_url":
                place = f"messages[{number}].content[{at}]"
                given = block.get("image_url")
                url = given.get("url") if isinstance(given, Mapping) else given
                yield place, image_of_uri(place, url) if isinstance(url, str) else None


def judged(body: Mapping[str, Any], entity: Entity, facts: Facts) -> Iterator[Problem]:
    """What is wrong with the pictures of a request, or worth knowing of them."""
    found = list(images_of(body))
    if not found:
        return
    if entity.images is False:
        hint = "it may refuse them; provisioner catalog models tells which read pictures"
        yield warning("image-unread", f"{entity.model} is not known to read pictures", hint)
    most = facts.most("vision-images")
    if len(found) > most:
        tell = facts.weigh("vision-images", entity)
        yield tell("image-count", f"{len(found)} pictures, at most {most} go into one request")
    many = facts["vision-pixels-many"]
    size = many if len(found) > (many.above or 0) else facts["vision-pixels"]
    for place, image in found:
        if image is None:
            hint = "write data:image/png;base64,... with the content of the file"
            yield error("image-format", f"{place} is no picture in base64", hint)
        else:
            yield from _image(image, entity, facts, size.max_pixels)


def _image(image: Image, entity: Entity, facts: Facts, limit: Sequence[int]) -> Iterator[Problem]:
    formats = facts["vision-formats"].values
    if image.format not in formats:
        tell = facts.weigh("vision-formats", entity)
        kinds = ", ".join(kind.removeprefix("image/").upper() for kind in formats)
        yield tell("image-format", f"{image.name} is in none of the formats {kinds}")
        return
    width, height = image.width, image.height
    if not width or not height:
        yield error("image-format", f"{image.name} is damaged: its size cannot be read")
    elif width > limit[0] or height > limit[1]:
        tell = facts.weigh("vision-pixels", entity)
        summary = (
            f"{image.name} has {width} x {height} pixels, the limit is {limit[0]} x {limit[1]}"
        )
        yield tell("image-size", summary, "send a smaller one, or fewer pictures at once")
    else:
        yield from _advice(image, entity, facts)


def _advice(image: Image, entity: Entity, facts: Facts) -> Iterator[Problem]:
    down, fast = facts["vision-downscale"], facts["vision-fast"]
    width, height = image.width, image.height
    about = tokens(width, height)
    edge = int(down.max or 0)
    small = facts["vision-small"].below or 0
    size = f"{image.name} ({width} x {height} pixels, about {about} tokens)"
    if min(width, height) < small:
        tell = facts.weigh("vision-small", entity)
        yield tell("image-small", f"{size} has an edge of fewer than {small} pixels",
                   "answers get worse")  # fmt: skip
    elif max(width, height) > edge or about > int(down.examples[0]["tokens"]):
        scale = min(edge / max(width, height), 1.0)
        less = tokens(int(width * scale), int(height * scale))
        hint = f"an edge of {edge} pixels costs about {less} tokens and arrives sooner"
        yield notice("image-large", f"{size} is scaled down by the service", hint)
    elif width * height > (fast.max or 0) * _MEGA:
        yield notice("image-large", f"{size} is larger than {fast.max:g} megapixels",
                     "smaller ones are answered faster")  # fmt: skip
