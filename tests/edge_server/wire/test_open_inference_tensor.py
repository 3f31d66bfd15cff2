from __future__ import annotations

import base64
import struct

import numpy as np
import pytest

from edge_server.errors import BadRequest
from edge_server.wire import open_inference_tensor as tensor

IMAGES = [b"one", b"", b"\x00\xff" * 300]


def read(datatype, shape, data=None, binary=None):
    return tensor.read("image", datatype, shape, data=data, binary=binary)


@pytest.mark.parametrize(
    ("datatype", "values"),
    [("FP32", [1.5, -2, 1e-3, 4]), ("UINT8", [0, 1, 254, 255]), ("INT8", [-128, -1, 0, 127])],
)
@pytest.mark.parametrize("form", ["flat", "nested", "binary"])
def test_numbers_are_the_same_in_every_form(datatype, values, form):
    expected = np.array(values, tensor.DATATYPES[datatype]).reshape(2, 2, 1)
    given = {
        "flat": {"data": values},
        "nested": {"data": [[[values[0]], [values[1]]], [[values[2]], [values[3]]]]},
        "binary": {"binary": expected.tobytes()},
    }[form]
    found = read(datatype, [2, 2, 1], **given)
    assert found.dtype == tensor.DATATYPES[datatype]
    np.testing.assert_array_equal(found, expected)


def test_binary_numbers_are_little_endian():
    assert read("FP32", [1], binary=struct.pack("<f", 0.5)).tolist() == [0.5]


def test_nan_and_infinity_are_fp32():
    np.testing.assert_array_equal(read("FP32", [2], [float("nan"), float("inf")]), [np.nan, np.inf])


@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_images_are_the_same_as_bytes_and_as_base64(shape):
    binary = b"".join(struct.pack("<I", len(image)) + image for image in IMAGES)
    assert tensor.join(IMAGES) == binary
    assert read("BYTES", shape, binary=binary) == tuple(IMAGES)
    images = [image for image in IMAGES if image]
    data = [base64.b64encode(image).decode() for image in images]
    if len(shape) == 2:
        data = [[text] for text in data]
    assert read("BYTES", [2, *shape[1:]], data) == tuple(images)


def test_no_images_are_none():
    assert read("BYTES", [0], binary=b"") == ()
    assert read("FP32", [0, 2], []).shape == (0, 2)


@pytest.mark.parametrize(
    ("datatype", "shape", "given", "words"),
    [
        ("FP64", [1], {"data": [1]}, "'FP64': send FP32"),
        (None, [1], {"data": [1]}, "None: send FP32"),
        ("FP32", None, {"data": [1]}, "shape None"),
        ("FP32", 3, {"data": [1]}, "shape 3"),
        ("FP32", [], {"data": [1]}, "shape []"),
        ("FP32", [-1], {"data": [1]}, "shape [-1]"),
        ("FP32", [True], {"data": [1]}, "shape [True]"),
        ("FP32", [1.0], {"data": [1]}, "shape [1.0]"),
        ("FP32", [1] * 9, {"data": [1]}, "shape [1, 1"),
        ("FP32", [2], {"data": [1]}, "1 elements, but its shape and data-type say 2"),
        ("FP32", [1], {"data": []}, "0 elements"),
        ("FP32", [1], {"data": ["1"]}, "a list of numbers that FP32"),
        ("FP32", [1], {"data": [True]}, "a list of numbers that FP32"),
        ("FP32", [1], {"data": 1.0}, "a list of numbers that FP32"),
        ("FP32", [2], {"data": [1, [2]]}, "a list of numbers that FP32"),
        ("FP32", [1], {"data": [10**400]}, "a list of numbers that FP32"),
        ("UINT8", [1], {"data": [0.5]}, "a list of numbers that UINT8"),
        ("UINT8", [1], {"data": [256]}, "numbers that UINT8 can't say"),
        ("INT8", [1], {"data": [-129]}, "numbers that INT8 can't say"),
        ("FP32", [1], {"binary": b"abc"}, "3 bytes, but its shape and data-type say 4"),
        ("UINT8", [2**62, 2**62], {"binary": b"abc"}, "3 bytes"),
        ("BYTES", [1, 2], {"binary": b""}, "send [n] or [n, 1]"),
        ("BYTES", [1], {"binary": b"\x05\0\0\0abc"}, "does not end where its last element does"),
        ("BYTES", [1], {"binary": b"\x05"}, "does not end where its last element does"),
        ("BYTES", [1], {"binary": b"\xff\xff\xff\xffabc"}, "does not end"),
        ("BYTES", [2], {"binary": b"\x01\0\0\0a"}, "1 elements, but"),
        ("BYTES", [1], {"data": "text"}, "a list of base64"),
        ("BYTES", [1], {"data": ["!"]}, "data[0] of 'image' is not valid base64"),
        ("BYTES", [1], {"data": [3]}, "data[0] of 'image' has to be a base64 string"),
    ],
)
def test_what_contradicts_itself_is_refused(datatype, shape, given, words):
    with pytest.raises(BadRequest) as refused:
        read(datatype, shape, **given)
    assert words in str(refused.value)
