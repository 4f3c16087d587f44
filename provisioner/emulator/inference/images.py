"""Pictures in a request: decoded, measured, held against the limits, counted."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import binds, rule
from provisioner.emulator.inference.refusals import bad_request

_DATA_URL = re.compile(r"data:(?P<media>image/[a-z+.-]+);base64,(?P<data>.*)", re.DOTALL)
_REMOTE = re.compile(r"https?://")
_PIXELS_PER_TOKEN = 750  # request rule vision-tokens


@dataclass(frozen=True)
class Picture:
    """What its header tells."""

    media_type: str
    width: int
    height: int


def check_images(model: Model, blocks: list[Json]) -> int:
    """Tokens of all pictures of a request; raises where one is refused."""
    if not blocks:
        return 0
    if not model.vision:
        raise bad_request("Bad request: this model does not support image input.")
    limit = rule("vision-images")
    if binds(limit.id, model) and len(blocks) > (limit.max or 0):
        raise bad_request(
            f"Bad request: at most {limit.max:.0f} images per request, {len(blocks)} were sent."
        )
    return sum(_tokens(model, block, at, len(blocks)) for at, block in enumerate(blocks))


def _tokens(model: Model, block: Json, at: int, number: int) -> int:
    given = block.get("image_url")
    url: Any = given.get("url") if isinstance(given, dict) else given
    if isinstance(url, str) and not model.hosted and _REMOTE.match(url):
        return math.ceil(1024 * 1024 / _PIXELS_PER_TOKEN)  # fetched by the provider, unseen here
    picture = _decode(url, at)
    if binds("vision-formats", model) and picture.media_type not in rule("vision-formats").values:
        raise bad_request(f"Bad request: image {at + 1} is {picture.media_type}.")
    many = rule("vision-pixels-many")
    fact = many if number > (many.above or 0) else rule("vision-pixels")
    if binds(fact.id, model):
        width, height = fact.max_pixels
        if picture.width > width or picture.height > height:
            raise bad_request(
                f"Bad request: image {at + 1} is {picture.width} x {picture.height} pixels, the "
                f"limit for {number} images is {width} x {height}."
            )
    return estimate(picture)


def estimate(picture: Picture) -> int:
    """Tokens after the scaling down of large pictures (request rule vision-downscale)."""
    fact = rule("vision-downscale")
    longest = max(picture.width, picture.height)
    scale = min(1.0, (fact.max or longest) / longest)
    most = next((example["tokens"] for example in fact.examples), math.inf)
    area = picture.width * picture.height * scale * scale
    return int(min(math.ceil(area / _PIXELS_PER_TOKEN), most))


def _decode(url: Any, at: int) -> Picture:
    found = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        raise bad_request(
            f"Bad request: image {at + 1} must be a base64 data URL, data:image/...;base64,..."
        )
    try:
        data = base64.b64decode(found["data"], validate=True)
    except binascii.Error:
        raise bad_request(f"Bad request: image {at + 1} is not valid base64.") from None
    picture = measure(data)
    if picture is None or not picture.width or not picture.height:
        raise bad_request(f"Bad request: image {at + 1} cannot be read.")
    if picture.media_type != found["media"].replace("image/jpg", "image/jpeg"):
        raise bad_request(
            f"Bad request: image {at + 1} is said to be {found['media']} and is "
            f"{picture.media_type}."
        )
    return picture


def measure(data: bytes) -> Picture | None:
    """Format and size from the first bytes; None where they are of no known format."""
    for magic, read in _FORMATS:
        if data.startswith(magic):
            try:
                return read(data)
            except IndexError:
                return None
    return None


def _png(data: bytes) -> Picture:
    return Picture("image/png", _big(data[16:20], 4), _big(data[20:24], 4))


def _gif(data: bytes) -> Picture:
    return Picture("image/gif", _little(data[6:8], 2), _little(data[8:10], 2))


def _jpeg(data: bytes) -> Picture | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            return Picture(
                "image/jpeg", _big(data[at + 7 : at + 9], 2), _big(data[at + 5 : at + 7], 2)
            )
        at += 2 + _big(data[at + 2 : at + 4], 2)
    return None


def _webp(data: bytes) -> Picture | None:
    if data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8 ":
            width, height = _little(data[26:28], 2) & 0x3FFF, _little(data[28:30], 2) & 0x3FFF
        case b"VP8L":
            bits = _little(data[21:25], 4)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = _little(data[24:27], 3) + 1, _little(data[27:30], 3) + 1
        case _:
            return None
    return Picture("image/webp", width, height)


def _big(data: bytes, size: int) -> int:
    return _number(data, size, "big")


def _little(data: bytes, size: int) -> int:
    return _number(data, size, "little")


def _number(data: bytes, size: int, order: Any) -> int:
    if len(data) != size:
        raise IndexError
    return int.from_bytes(data, order)


_FORMATS: tuple[tuple[bytes, Callable[[bytes], Picture | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"GIF87a", _gif),
    (b"GIF89a", _gif),
    (b"\xff\xd8", _jpeg),
    (b"RIFF", _webp),
)
