from __future__ import annotations

import struct

import pytest

from edge_server.inference.flatbuffer import Table


@pytest.fixture
def buffer(tables):
    """A table with one field of each kind, and nothing in fields 8 and 9."""
    t = tables()
    inner = [t.table({}, Int32={0: value}) for value in (7, 8)]
    root = t.table(
        {
            0: t.text("Käse"),
            1: t.tables(inner),
            2: t.vector("float32", [0.5, -2.0]),
            3: t.vector("int32", [-1, 2, 3]),
            4: t.vector("uint8", [1, 2, 255]),
        },
        Int32={5: -70_000},
        Uint8={6: 200},
        Uint64={7: 2**40},
    )
    t.builder.Finish(root, file_identifier=b"TEST")
    return bytes(t.builder.Output())


def test_each_kind_of_field_is_read(buffer):
    table = Table.root(buffer)
    assert table.text(0) == "Käse"
    assert [inner.int32(0) for inner in table.tables(1)] == [7, 8]
    assert table.floats(2) == (0.5, -2.0)
    assert table.int32s(3) == (-1, 2, 3)
    assert table.octets(4) == b"\x01\x02\xff"
    assert table.int32(5) == -70_000
    assert table.uint8(6) == 200
    assert table.uint64(7) == 2**40


def test_the_length_of_a_vector_is_known_without_reading_it(buffer):
    assert Table.root(buffer).length(2, width=4) == 2
    assert Table.root(buffer).length(9) == 0


def test_absent_fields_give_their_defaults(buffer):
    table = Table.root(buffer)
    assert table.int8(8) == table.uint32(9) == 0
    assert table.int32(8, default=5) == 5
    assert table.text(8) == ""
    assert table.table(9) is None
    assert list(table.tables(9)) == []
    assert table.floats(9) == table.int32s(9) == ()
    assert table.octets(9) == b""
    assert table.union(8) == (0, None)


def test_a_vector_that_runs_past_the_end_is_an_error(buffer):
    at = buffer.index(b"\x03\0\0\0\x01\x02\xff")
    torn = buffer[:at] + struct.pack("<I", 10_000) + buffer[at + 4 :]
    with pytest.raises(IndexError, match="past the end"):
        Table.root(torn).octets(4)


def test_a_torn_buffer_raises_only_what_is_documented(buffer):
    for end in range(len(buffer)):
        try:
            table = Table.root(buffer[:end])
            table.text(0), list(table.tables(1)), table.floats(2), table.int32s(3), table.octets(4)
        except (struct.error, IndexError, UnicodeDecodeError):
            pass
