"""The protobuf reader, against messages of TensorFlow's own classes."""

from __future__ import annotations

import pytest

from convert.inspecting.inspection_protobuf import Message


def test_fields_are_read_as_tensorflow_wrote_them() -> None:
    from tensorflow.core.framework import tensor_pb2

    written = tensor_pb2.TensorProto(
        dtype=1, float_val=[1.5, -2.0], int_val=[3, -4], int64_val=[2**40], tensor_content=b"abc"
    )
    written.tensor_shape.dim.add(size=-1, name="batch")
    read = Message(written.SerializeToString())
    assert read.number(1) == 1
    assert read.floats(5, "f") == (1.5, -2.0)
    assert read.numbers(7) == (3, -4)
    assert read.numbers(10) == (2**40,)
    assert read.octets(4) == b"abc"
    (dimension,) = read.message(2).messages(2)
    assert (dimension.number(1), dimension.text(2)) == (-1, "batch")


def test_an_absent_field_is_empty() -> None:
    empty = Message(b"")
    assert (empty.number(1), empty.text(2), empty.floats(3, "f")) == (0, "", ())
    assert not empty.has(1)
    assert empty.message(4).mapping(5) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x05abc",  # five bytes are promised
        b"\x08",  # a number is missing
        b"\x08" + b"\xff" * 11,  # a number without an end
        b"\x0f",  # a kind of field that there is not
        b"\x0d\x00\x00",  # four bytes are promised
        b"\x00\x00",  # field 0
    ],
)
def test_what_is_no_message_raises_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        Message(data)
