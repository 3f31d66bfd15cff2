"""Image files that no library writes for us: put together byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_SHORT, _LONG = 3, 4


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(
    width: int,
    height: int,
    bits: int,
    color_type: int,
    rows: bytes,
    *,
    chunks: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """A PNG of rows that have their filter byte; `chunks` stand before them."""
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + chunks
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def tiff(pixels: bytes, width: int, height: int, tags: dict[int, Sequence[int]]) -> bytes:
    """A little-endian TIFF of one uncompressed strip. `tags` add to the obligatory ones or replace
    them: 258 bits a sample, 259 compression, 262 photometric, 277 samples a pixel, ..."""
    every: dict[int, Sequence[int]] = {
        256: [width],
        257: [height],
        258: [8],
        259: [1],
        262: [1],
        273: [0],
        277: [1],
        278: [height],
        279: [len(pixels)],
    } | tags
    end = 8 + 2 + 12 * len(every) + 4
    beside = b""
    places: dict[int, int] = {}
    for tag, values in every.items():
        if len(values) > 2:
            places[tag] = end + len(beside)
            beside += struct.pack(f"<{len(values)}H", *values)
    start = end + len(beside)
    for tag in (273, 324):  # where strips and tiles lie
        if tag in every:
            every[tag] = [start]
    entries = b""
    for tag, values in sorted(every.items()):
        if tag in places:
            entries += struct.pack("<HHII", tag, _SHORT, len(values), places[tag])
        elif len(values) == 2:
            entries += struct.pack("<HHIHH", tag, _SHORT, 2, *values)
        else:
            entries += struct.pack("<HHII", tag, _LONG, 1, values[0])
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(every)) + entries + b"\0" * 4 + beside + pixels
    )


def bmp(pixels: bytes, width: int, height: int, *, alpha: bool) -> bytes:
    """A BMP of 32 bits a pixel (blue, green, red, alpha or nothing), bottom row first."""
    if alpha:  # version 5, with a mask for each channel
        compression, size = 3, 124
        masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    else:
        compression, size, masks = 0, 40, b""
    header = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, 32, compression, len(pixels), 2835, 2835, 0, 0
    )
    header = (header + masks).ljust(size, b"\0")
    offset = 14 + size
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + pixels


def with_jpeg_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same baseline JPEG with another size in its header."""
    frame = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:frame] + struct.pack(">HH", height, width) + jpeg[frame + 4 :]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    """The JPEG without its first segment of this marker (0xEE: Adobe's)."""
    start = jpeg.index(bytes((0xFF, marker)))
    length = int.from_bytes(jpeg[start + 2 : start + 4], "big")
    return jpeg[:start] + jpeg[start + 2 + length :]


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    """The JPEG with a segment right after its beginning."""
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content
    return jpeg[:2] + segment + jpeg[2:]
