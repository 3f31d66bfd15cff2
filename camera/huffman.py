"""The Huffman tables that a Motion JPEG may leave out, since all of them use the same; no decoder.

ITU-T T.81, annex K.3.3: tables K.3 to K.6. A USB camera's MJPG may come without them, and then it
is no JPEG that every viewer takes (libjpeg-turbo does, by the same tables).
"""

from __future__ import annotations

from typing import Final

# How many codes there are of 1, 2, ... 16 bits, and what they stand for.
_DC_LUMINANCE: Final = ("00010501010101010100000000000000", bytes(range(12)).hex())
_DC_CHROMINANCE: Final = ("00030101010101010101010000000000", bytes(range(12)).hex())
_AC_LUMINANCE: Final = (
    "0002010303020403050504040000017d",
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "2433627282090a161718191a25262728292a3435363738393a43444546474849"
    "4a535455565758595a636465666768696a737475767778797a83848586878889"
    "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa",
)
_AC_CHROMINANCE: Final = (
    "00020102040403040705040400010277",
    "000102031104052131061241510761711322328108144291a1b1c109233352f0"
    "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa",
)


def _segment() -> bytes:
    tables = {0x00: _DC_LUMINANCE, 0x10: _AC_LUMINANCE, 0x01: _DC_CHROMINANCE}
    tables[0x11] = _AC_CHROMINANCE
    body = b"".join(
        bytes([place]) + bytes.fromhex(counts + values)
        for place, (counts, values) in tables.items()
    )
    return b"\xff\xc4" + (len(body) + 2).to_bytes(2, "big") + body


STANDARD_TABLES: Final = _segment()
