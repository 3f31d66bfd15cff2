"""gzip and deflate of HTTP bodies, both ways. Knows nothing of Flask."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

from edge_server.errors import BadRequest, BodyTooLarge, UnsupportedMediaType

ENCODINGS: Final = ("gzip", "deflate")
# Under this a body goes out in one packet anyway.
WORTH_BYTES: Final = 1024
# Most of the gain for the least of the processor's time, which is scarce on a device.
_LEVEL: Final = 1
# `deflate` is zlib's format, yet some clients send it bare. The numbers are zlib's `wbits`.
_GZIP, _ZLIB, _BARE = 31, 15, -15


def inflate(data: bytes, encoding: str, *, limit: int) -> bytes:
    """The body that was compressed, at most `limit` bytes; more is refused without inflating it.

    Raises BodyTooLarge, BadRequest where it is damaged, UnsupportedMediaType for an encoding
    that is none of ENCODINGS.
    """
    if encoding in ("gzip", "x-gzip"):
        bits = _GZIP
    elif encoding == "deflate":
        # A zlib header says method 8, and its 16 bits are a multiple of 31 (RFC 1950, 2.2).
        method, check = data[:1] and data[0] & 15, int.from_bytes(data[:2], "big") % 31
        bits = _ZLIB if method == 8 and check == 0 else _BARE
    else:
        raise UnsupportedMediaType(
            f"Content-Encoding {encoding[:40]} is not understood: send gzip, deflate, or the body "
            "as it is."
        )
    inflater = zlib.decompressobj(bits)
    try:
        body = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise BadRequest(
            f"The body is not valid {encoding}: compress it again, or leave out Content-Encoding."
        ) from error
    if len(body) > limit:
        raise BodyTooLarge(
            f"The body is over the limit of {limit / 2**20:g} MiB when it is inflated: "
            "send smaller images or fewer of them."
        )
    if not inflater.eof or inflater.unused_data:
        raise BadRequest(
            f"The body is not one whole {encoding} stream: it is cut off, or something follows it."
        )
    return body


def deflate(body: bytes, encoding: str) -> bytes:
    """The body in one of ENCODINGS."""
    if encoding == "gzip":
        return gzip.compress(body, _LEVEL, mtime=0)
    return zlib.compress(body, _LEVEL)
