"""Writes the standard TFLite Metadata of an image classifier, as MediaPipe and Netron read it.

The field numbers are those of edge_server.inference.tflite_metadata, which reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import flatbuffers

from edge_server.inference import tflite_metadata as fields
from edge_server.inference.preprocessing import ColorOrder, Preprocessing

# The first version of the metadata whose parsers know all that is written here.
_MIN_PARSER_VERSION: Final = "1.0.0"


@dataclass(frozen=True)
class Description:
    """What the metadata says. Sizes of `input_range` in the units of the normalized input."""

    name: str
    text: str
    preprocessing: Preprocessing
    input_range: tuple[float, float]
    label_file: str


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
    low, high = description.input_range
    stats = writer.table(
        {
            fields.Stats.MAX: writer.floats([high] * spec.channels),
            fields.Stats.MIN: writer.floats([low] * spec.channels),
        }
    )
    return writer.table(
        {
            fields.TensorMetadata.NAME: writer.text("image"),
            fields.TensorMetadata.DESCRIPTION: writer.text("The picture to classify"),
            fields.TensorMetadata.CONTENT: content,
            fields.TensorMetadata.PROCESS_UNITS: writer.tables([unit]),
            fields.TensorMetadata.STATS: stats,
        }
    )


def _output(writer: _Writer, description: Description) -> int:
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
    return writer.table(
        {
            fields.TensorMetadata.NAME: writer.text("score"),
            fields.TensorMetadata.DESCRIPTION: writer.text("The score of each class"),
            fields.TensorMetadata.CONTENT: content,
            fields.TensorMetadata.ASSOCIATED_FILES: writer.tables([label_file]),
        }
    )
