"""Pictures in requests: their format and size, read from their first bytes, and what they cost."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

_DATA_URI = re.compile(r"data:([^;,]*)(;base64)?,(.*)", re.DOTALL)
_PIXELS_PER_TOKEN = 750
"""The founding documents' estimate: width times height through 750, rounded up."""


@dataclass(frozen=True)
class Image:
    """A picture as it is sent."""

    name: str
    """File, or place in the request, for messages."""
    uri: str
    """``data:`` URI in base64."""
    format: str
    """``image/png`` and the like, told by the first bytes; empty where they are of none."""
    width: int
    height: int
    """In pixels; 0 where the size cannot be read."""


def image(name: str, content: bytes) -> Image:
    """A picture from its bytes."""
    kind, (width, height) = _measure(content)
    text = base64.b64encode(content).decode("ascii")
    uri = f"data:{kind or 'application/octet-stream'};base64,{text}"
    return Image(name, uri, kind, width, height)


def image_of_uri(name: str, uri: str) -> Image | None:
    """A picture from its ``data:`` URI; None when it is none in base64."""
    match = _DATA_URI.fullmatch(uri)
    if match is None or not match[2]:
        return None
    try:
        content = base64.b64decode(match[3], validate=True)
    except binascii.Error:
        return None
    kind, (width, height) = _measure(content)
    return Image(name, uri, kind, width, height)


def tokens(width: int, height: int) -> int:
    """About how many tokens a picture costs that is not scaled down."""
    return -(-width * height // _PIXELS_PER_TOKEN)


def _measure(content: bytes) -> tuple[str, tuple[int, int]]:
    """Format and size in pixels. Sources: PNG, GIF, JPEG (JFIF) and WebP container formats."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png", struct.unpack(">II", content[16:24])
        if content[:6] in {b"GIF87a", b"GIF89a"}:
            return "image/gif", struct.unpack("<HH", content[6:10])
        if content.startswith(b"\xff\xd8"):
            return "image/jpeg", _jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return "image/webp", _webp(content)
    except (struct.error, IndexError):
        pass
    return "", (0, 0)


def _jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    while True:
        marker, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if content[at] != 0xFF:
            raise IndexError(at)
        # Start of frame; 0xC4, 0xC8 and 0xCC are tables, not frames.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = content[24:27] + b"\0", content[27:30] + b"\0"
        return struct.unpack("<I", width)[0] + 1, struct.unpack("<I", height)[0] + 1
    if kind == b"VP8L":
        bits = struct.unpack("<I", content[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", content[26:30])
    return width & 0x3FFF, height & 0x3FFF
