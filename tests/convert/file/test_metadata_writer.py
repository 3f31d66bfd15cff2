"""Standard TFLite Metadata, read back by the device's reader and by one that shares no code.

Field numbers here are those of MediaPipe's metadata_schema.fbs, written down anew.
"""

from __future__ import annotations

import struct

import pytest

from convert.file import metadata_writer
from convert.file.metadata_writer import Description
from edge_server.inference import normalization, preprocessing, tflite_metadata
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import Fit, Preprocessing

PRESETS = tuple(normalization.PRESETS)


def describe(
    spec: Preprocessing,
    dtype: str = "float32",
    output: Output = Output.PROBABILITIES,
    labels: tuple[str, ...] = ("tit", "robin"),
) -> bytes:
    return metadata_writer.write(
        Description(
            "bird feeder", "Names birds", spec, dtype, output, "labels.txt", labels, len(labels)
        )
    )


class Flat:
    """A table of a FlatBuffer, read with struct alone."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position

    def _at(self, field: int) -> int:
        vtable = self.position - struct.unpack_from("<i", self.data, self.position)[0]
        (size,) = struct.unpack_from("<H", self.data, vtable)
        slot = 4 + 2 * field
        if slot >= size:
            return 0
        (offset,) = struct.unpack_from("<H", self.data, vtable + slot)
        return self.position + offset if offset else 0

    def _target(self, field: int) -> int:
        at = self._at(field)
        assert at, f"field {field} is absent"
        assert at % 4 == 0, "offsets are aligned"
        return at + int(struct.unpack_from("<I", self.data, at)[0])

    def octet(self, field: int) -> int:
        at = self._at(field)
        return self.data[at] if at else 0

    def table(self, field: int) -> Flat:
        return Flat(self.data, self._target(field))

    def text(self, field: int) -> str:
        at = self._target(field)
        (length,) = struct.unpack_from("<I", self.data, at)
        assert self.data[at + 4 + length] == 0, "strings end with a zero byte"
        return self.data[at + 4 : at + 4 + length].decode()

    def floats(self, field: int) -> list[float]:
        at = self._target(field)
        (length,) = struct.unpack_from("<I", self.data, at)
        return list(struct.unpack_from(f"<{length}f", self.data, at + 4))

    def only_table(self, field: int) -> Flat:
        at = self._target(field)
        assert struct.unpack_from("<I", self.data, at) == (1,)
        (offset,) = struct.unpack_from("<I", self.data, at + 4)
        return Flat(self.data, at + 4 + offset)


def root(data: bytes) -> Flat:
    assert data[4:8] == b"M001"
    return Flat(data, struct.unpack_from("<I", data)[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_devices_reader_gets_back_what_was_written(preset: str) -> None:
    spec = preprocessing.from_preset(preset, width=24, height=24)
    read = tflite_metadata.read(describe(spec))
    assert read is not None
    assert (read.name, read.label_file, read.grayscale) == ("bird feeder", "labels.txt", False)
    assert read.mean == pytest.approx(spec.mean)
    assert read.std == pytest.approx(spec.std * (len(read.mean) // len(spec.std)))


def test_a_gray_model_is_said_to_be_gray() -> None:
    spec = preprocessing.from_preset("unit", width=24, height=24, channels=1)
    read = tflite_metadata.read(describe(spec))
    assert read is not None
    assert read.grayscale
    assert (read.mean, read.std) == ((0.0,), (255.0,))


def test_the_model_says_its_name_text_and_oldest_parser() -> None:
    model = root(describe(preprocessing.from_preset("tf", width=24, height=24)))
    assert (model.text(0), model.text(1)) == ("bird feeder", "Names birds")
    major, minor, patch = map(int, model.text(7).split("."))
    assert (major, minor, patch) <= (1, 5, 0), "MediaPipe 1.2.2 reads up to 1.5.0"


@pytest.mark.parametrize(("channels", "space"), [(3, 1), (1, 2)])
def test_the_input_is_an_image_of_the_right_colour_space(channels: int, space: int) -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24, channels=channels)
    image = root(describe(spec)).only_table(3).only_table(2)
    content = image.table(3)
    assert content.octet(0) == 2, "ContentProperties.ImageProperties"
    assert content.table(1).octet(0) == space


@pytest.mark.parametrize("preset", PRESETS)
def test_mean_and_std_are_equally_long_as_mediapipe_insists(preset: str) -> None:
    spec = preprocessing.from_preset(preset, width=24, height=24)
    unit = root(describe(spec)).only_table(3).only_table(2).only_table(4)
    assert unit.octet(0) == 1, "ProcessUnitOptions.NormalizationOptions"
    mean, std = unit.table(1).floats(0), unit.table(1).floats(1)
    assert len(mean) == len(std)
    assert len(mean) in (1, 3)
    assert mean == pytest.approx(list(spec.mean))


@pytest.mark.parametrize(
    ("preset", "dtype", "low", "high"),
    [
        ("tf", "float32", [-1.0] * 3, [1.0] * 3),
        ("torch", "float32", [-2.117904, -2.035714, -1.804444], [2.248908, 2.428571, 2.64]),
        ("tf", "uint8", [0.0], [255.0]),
        ("tf", "int8", [-128.0], [127.0]),
    ],
)
def test_stats_hold_the_range_of_the_tensor(
    preset: str, dtype: str, low: list[float], high: list[float]
) -> None:
    spec = preprocessing.from_preset(preset, width=24, height=24)
    stats = root(describe(spec, dtype)).only_table(3).only_table(2).table(5)
    assert stats.floats(0) == pytest.approx(high), "max is the first field"
    assert stats.floats(1) == pytest.approx(low)


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("caffe", "BLUE, GREEN, RED"),
        ("torch", "(pixel - 123.675/116.28/103.53) / 58.395/57.12/57.375"),
        ("raw", "the pixel as it is"),
    ],
)
def test_what_the_fields_cannot_say_stands_in_the_description(preset: str, words: str) -> None:
    spec = preprocessing.from_preset(preset, width=24, height=24, fit=Fit.LETTERBOX)
    text = root(describe(spec)).only_table(3).only_table(2).text(1)
    assert words in text
    assert "black bars" in text
    assert "24x24" in text


def test_logits_are_not_called_probabilities() -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24)

    def output(kind: Output) -> Flat:
        return root(describe(spec, output=kind)).only_table(3).only_table(3)

    assert output(Output.PROBABILITIES).text(0) == "probability"
    assert output(Output.PROBABILITIES).table(5).floats(0) == [1.0]
    assert output(Output.LOGITS).text(0) == "logit"


def test_the_output_names_the_label_file() -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24)
    output = root(describe(spec)).only_table(3).only_table(3)
    assert output.table(3).octet(0) == 1, "ContentProperties.FeatureProperties"
    file = output.only_table(6)
    assert file.text(0) == "labels.txt"
    assert file.octet(2) == 2, "AssociatedFileType.TENSOR_AXIS_LABELS"


def test_the_outputs_description_names_the_first_labels() -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24)

    def text(*labels: str) -> str:
        return root(describe(spec, labels=labels)).only_table(3).only_table(3).text(1)

    assert text("tit", "robin") == (
        "The probability of each class. The classes are in the order of labels.txt: tit, robin"
    )
    assert text(*map(str, range(1001))).endswith(
        "labels.txt: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (1001 in all)"
    )


def test_names_in_any_script_survive() -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24)
    description = Description(
        "Vögel 鳥", "x", spec, "uint8", Output.LOGITS, "labels.txt", ("鳥",), 2
    )
    assert root(metadata_writer.write(description)).text(0) == "Vögel 鳥"
