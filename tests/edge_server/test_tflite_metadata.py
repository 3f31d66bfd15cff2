from __future__ import annotations

import random

import pytest

from edge_server.inference import tflite_file, tflite_metadata
from edge_server.inference.tflite_file import METADATA_ENTRY


@pytest.fixture(scope="module")
def bundled(bundled_model):
    return tflite_file.read(bundled_model).metadata[METADATA_ENTRY]


def test_the_bundled_model_says_its_name_labels_and_normalization(bundled):
    standard = tflite_metadata.read(bundled)
    assert standard.name == "digits"
    assert standard.label_file == "labels.txt"
    assert (standard.mean, standard.std) == ((0.0,), (255.0,))
    assert standard.grayscale


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("mobilenet_v1_0.25_224_float_metadata", "labels.txt"),
        ("mobilenet_v1_0.25_224_quant_metadata", "labels.txt"),
        ("mobilenet_v2_1.0_224_quant_no_metadata", "imagenet_labels.txt"),
    ],
)
def test_metadata_that_others_wrote_is_read(name, labels, shared):
    file = tflite_file.read(shared / "tflite" / f"{name}.tflite")
    standard = tflite_metadata.read(file.metadata[METADATA_ENTRY])
    assert standard.label_file == labels
    assert (standard.mean, standard.std) == ((127.5,), (127.5,))
    assert not standard.grayscale


@pytest.mark.parametrize("data", [b"", b"hello, world", b"\x10\0\0\0M001", b"\xff" * 64])
def test_a_buffer_that_is_no_metadata_says_nothing(data):
    assert tflite_metadata.read(data) is None


def test_metadata_without_tensors_says_nothing_of_them(tables):
    t = tables()
    graph = t.table({0: t.text("main")})
    t.builder.Finish(t.table({0: t.text("m"), 3: t.tables([graph])}), file_identifier=b"M001")
    standard = tflite_metadata.read(bytes(t.builder.Output()))
    assert standard.name == "m"
    assert standard.label_file is None
    assert standard.mean == standard.std == ()


def test_damaged_metadata_never_raises(bundled):
    chance = random.Random(6)
    for _ in range(3000):
        data = bytearray(bundled)
        for _ in range(chance.choice((1, 3, 9))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        tflite_metadata.read(bytes(data[: chance.randrange(1, len(data) + 1)]))
