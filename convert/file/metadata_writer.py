"""Writes the standard TFLite Metadata of an image classifier, as MediaPipe and Netron read it.

The field numbers are those of edge_server.inference.tflite_metadata, which reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import flatbuffers
import numpy as np

from edge_server.inference import tflite_metadata as fields
from edge_server.inference.classification import FULL
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit, Preprocessing

_FITS: Final = {
    Fit.STRETCH: "the whole picture, stretched",
    Fit.CENTER_CROP: "the largest centred part of that shape",
    Fit.LETTERBOX: "the whole picture between black bars",
}
_FILTERS: Final = {
    Filter.BILINEAR: "bilinear interpolation",
    Filter.BILINEAR_ANTIALIAS: "antialiased bilinear interpolation",
    Filter.NEAREST: "the nearest pixels",
}
_COLORS: Final = {
    ColorOrder.RGB: "Channels in the order red, green, blue",
    # The schema knows RGB and GRAYSCALE only.
    ColorOrder.BGR: "Channels in the order BLUE, GREEN, RED, unlike the colour space named here",
    ColorOrder.GRAYSCALE: "One channel, gray (BT.601 luma)",
}
_OUTPUTS: Final = {
    Output.PROBABILITIES: ("probability", "The probability of each class"),
    Output.SIGMOID: ("probability", "The probability of each class by itself"),
    Output.LOGITS: ("logit", "The logit of each class (softmax makes probabilities of them)"),
    Output.PERCENTAGES: ("percentage", "The probability of each class in percent, 0..100"),
    Output.LEVELS: ("level", "The probability of each class times 255, 0..255"),
}
_SINGLE: Final = (
    "One number for two classes: the probability of the second, {0}",
    "One number for two classes: the logit of the second, {0} (its sigmoid is the probability)",
)
# Labels that are named where a viewer shows no label file.
_NAMED: Final = 10
# The first version of the metadata whose parsers know all that is written here.
_MIN_PARSER_VERSION: Final = "1.0.0"


@dataclass(frozen=True)
class Description:
    """What the metadata says. `input_dtype` is the tensor's, as numpy calls it; `numbers` are
    those that the model puts out."""

    name: str
    text: str
    preprocessing: Preprocessing
    input_dtype: str
    output: Output
    label_file: str
    labels: tuple[str, ...]
    numbers: int


class _Writer:
    """A flatbuffers.Builder that takes whole tables."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def text(self, value: str) -> int:
        return int(self.builder.CreateString(value))

    def floats(self, values: Sequence[float]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return int(self.builder.EndVector())

    def tables(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def table(self, offsets: dict[int, int], octets: dict[int, int] | None = None) -> int:
        """A table of offsets and one-byte numbers, by field number."""
        octets = octets or {}
        self.builder.StartObject(max((*offsets, *octets)) + 1)
        for field, offset in offsets.items():
            self.builder.PrependUOffsetTRelativeSlot(field, offset, 0)
        for field, value in octets.items():
            self.builder.PrependInt8Slot(field, value, 0)
        return int(self.builder.EndObject())


def write(description: Description) -> bytes:
    """The TFLITE_METADATA buffer."""
    writer = _Writer()
    subgraph = writer.table(
        {
            fields.SubGraphMetadata.INPUTS: writer.tables([_input(writer, description)]),
            fields.SubGraphMetadata.OUTPUTS: writer.tables([_output(writer, description)]),
        }
    )
    model = writer.table(
        {
            fields.ModelMetadata.NAME: writer.text(description.name),
            fields.ModelMetadata.DESCRIPTION: writer.text(description.text),
            fields.ModelMetadata.SUBGRAPHS: writer.tables([subgraph]),
            fields.ModelMetadata.MIN_PARSER_VERSION: writer.text(_MIN_PARSER_VERSION),
        }
    )
    writer.builder.Finish(model, file_identifier=fields.IDENTIFIER)
    return bytes(writer.builder.Output())


def _input(writer: _Writer, description: Description) -> int:
    spec = description.preprocessing
    # MediaPipe refuses a mean and a std of different lengths.
    count = max(len(spec.mean), len(spec.std))
    mean, std = (values * (count // len(values)) for values in (spec.mean, spec.std))
    options = writer.table(
        {
            fields.NormalizationOptions.MEAN: writer.floats(mean),
            fields.NormalizationOptions.STD: writer.floats(std),
        }
    )
    unit = writer.table(
        {fields.ProcessUnit.OPTIONS: options},
        {fields.ProcessUnit.OPTIONS_TYPE: fields.OPTIONS_NORMALIZATION},
    )
    grayscale = spec.color_order is ColorOrder.GRAYSCALE
    properties = writer.table(
        {},
        {
            fields.ImageProperties.COLOR_SPACE: (
                fields.COLOR_SPACE_GRAYSCALE if grayscale else fields.COLOR_SPACE_RGB
            )
        },
    )
    content = writer.table(
        {fields.Content.PROPERTIES: properties},
        {fields.Content.PROPERTIES_TYPE: fields.CONTENT_IMAGE_PROPERTIES},
    )
    low, high = _input_range(description)
    stats = writer.table(
        {fields.Stats.MAX: writer.floats(high), fields.Stats.MIN: writer.floats(low)}
    )
    return writer.table(
        {
            fields.TensorMetadata.NAME: writer.text("image"),
            fields.TensorMetadata.DESCRIPTION: writer.text(_picture_in_words(description)),
            fields.TensorMetadata.CONTENT: content,
            fields.TensorMetadata.PROCESS_UNITS: writer.tables([unit]),
            fields.TensorMetadata.STATS: stats,
        }
    )


def _output(writer: _Writer, description: Description) -> int:
    name, meaning = _OUTPUTS[description.output]
    single = description.numbers == 1
    if single:
        meaning = _SINGLE[description.output is Output.LOGITS].format(description.labels[-1])
    content = writer.table(
        {fields.Content.PROPERTIES: writer.table({0: 0})},
        {fields.Content.PROPERTIES_TYPE: fields.CONTENT_FEATURE_PROPERTIES},
    )
    label_file = writer.table(
        {
            fields.AssociatedFile.NAME: writer.text(description.label_file),
            fields.AssociatedFile.DESCRIPTION: writer.text("One label for each class"),
        },
        {fields.AssociatedFile.TYPE: fields.FILE_TENSOR_AXIS_LABELS},
    )
    parts: dict[int, int] = {
        fields.TensorMetadata.NAME: writer.text(name),
        fields.TensorMetadata.DESCRIPTION: writer.text(
            f"{meaning}. {_labels_in_words(description)}"
        ),
        fields.TensorMetadata.CONTENT: content,
    }
    if not single:
        # Other readers would give a single number the name of the first class.
        parts[fields.TensorMetadata.ASSOCIATED_FILES] = writer.tables([label_file])
    if description.output is not Output.LOGITS:
        full = FULL.get(description.output, 1.0)
        parts[fields.TensorMetadata.STATS] = writer.table(
            {fields.Stats.MAX: writer.floats([full]), fields.Stats.MIN: writer.floats([0.0])}
        )
    return writer.table(parts)


def _input_range(description: Description) -> tuple[list[float], list[float]]:
    """Lowest and highest number of each channel of the tensor."""
    if description.input_dtype == "uint8":
        return [0.0], [255.0]
    if description.input_dtype == "int8":
        return [-128.0], [127.0]
    spec = description.preprocessing
    mean, std = (np.broadcast_to(v, spec.channels) for v in (spec.mean, spec.std))
    return list((0 - mean) / std), list((255 - mean) / std)


def _labels_in_words(description: Description) -> str:
    """The first labels, and where all of them are: Netron shows descriptions, but no files."""
    named = ", ".join(description.labels[:_NAMED])
    count = len(description.labels)
    more = f", ... ({count} in all)" if count > _NAMED else ""
    return f"The classes are in the order of {description.label_file}: {named}{more}"


def _picture_in_words(description: Description) -> str:
    """The whole preprocessing, for a person: standard metadata has no fields for most of it."""
    spec = description.preprocessing
    mean, std = ("/".join(f"{value:g}" for value in values) for values in (spec.mean, spec.std))
    values = f"Each value is (pixel - {mean}) / {std} with pixels 0..255"
    if (mean, std) == ("0", "1"):
        values = "Each value is the pixel as it is, 0..255"
    if description.input_dtype != "float32":
        values += f", quantized to {description.input_dtype}"
    return (
        f"The picture to classify, {spec.width}x{spec.height}: {_FITS[spec.fit]}, resized with "
        f"{_FILTERS[spec.filter]}. {_COLORS[spec.color_order]}. {values}."
    )
