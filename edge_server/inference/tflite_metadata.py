"""The part of standard TFLite Metadata that an image classifier needs: labels and normalization.

Reads what MediaPipe, Android Studio and Netron read. The field numbers stand here once, for this
reader and for the writer in `convert`; they are those of metadata_schema.fbs (identifier M001).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from edge_server.inference.flatbuffer import Table

IDENTIFIER: Final = b"M001"


class ModelMetadata(IntEnum):
    NAME = 0
    DESCRIPTION = 1
    VERSION = 2
    SUBGRAPHS = 3
    AUTHOR = 4
    LICENSE = 5
    ASSOCIATED_FILES = 6
    MIN_PARSER_VERSION = 7


class SubGraphMetadata(IntEnum):
    NAME = 0
    DESCRIPTION = 1
    INPUTS = 2
    OUTPUTS = 3


class TensorMetadata(IntEnum):
    NAME = 0
    DESCRIPTION = 1
    DIMENSION_NAMES = 2
    CONTENT = 3
    PROCESS_UNITS = 4
    STATS = 5
    ASSOCIATED_FILES = 6


class Content(IntEnum):
    PROPERTIES_TYPE = 0
    PROPERTIES = 1


class ImageProperties(IntEnum):
    COLOR_SPACE = 0
    DEFAULT_SIZE = 1


class ProcessUnit(IntEnum):
    OPTIONS_TYPE = 0
    OPTIONS = 1


class NormalizationOptions(IntEnum):
    MEAN = 0
    STD = 1


class Stats(IntEnum):
    MAX = 0
    MIN = 1


class AssociatedFile(IntEnum):
    NAME = 0
    DESCRIPTION = 1
    TYPE = 2


CONTENT_FEATURE_PROPERTIES: Final = 1
CONTENT_IMAGE_PROPERTIES: Final = 2
OPTIONS_NORMALIZATION: Final = 1
COLOR_SPACE_RGB: Final = 1
COLOR_SPACE_GRAYSCALE: Final = 2
FILE_TENSOR_AXIS_LABELS: Final = 2


@dataclass(frozen=True)
class StandardMetadata:
    """What the metadata says. `mean` and `std` are in units of a pixel (0..255), one number or
    one per channel: the input is (pixel - mean) / std. Empty where it says nothing."""

    name: str
    label_file: str | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    grayscale: bool


def read(data: bytes) -> StandardMetadata | None:
    """Parse a TFLITE_METADATA buffer; None where it is not one or is damaged."""
    if data[4:8] != IDENTIFIER:
        return None
    try:
        return _read(Table.root(data))
    except (struct.error, IndexError, UnicodeDecodeError, TypeError, ValueError):
        return None


def _read(model: Table) -> StandardMetadata | None:
    subgraph = next(model.tables(ModelMetadata.SUBGRAPHS), None)
    if subgraph is None:
        return None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    grayscale = False
    image = next(subgraph.tables(SubGraphMetadata.INPUTS), None)
    if image is not None:
        for unit in image.tables(TensorMetadata.PROCESS_UNITS):
            kind, options = unit.union(ProcessUnit.OPTIONS_TYPE)
            if kind == OPTIONS_NORMALIZATION and options is not None:
                mean = options.floats(NormalizationOptions.MEAN)
                std = options.floats(NormalizationOptions.STD)
        content = image.table(TensorMetadata.CONTENT)
        if content is not None:
            kind, properties = content.union(Content.PROPERTIES_TYPE)
            if kind == CONTENT_IMAGE_PROPERTIES and properties is not None:
                space = properties.int8(ImageProperties.COLOR_SPACE)
                grayscale = space == COLOR_SPACE_GRAYSCALE
    label_file = None
    output = next(subgraph.tables(SubGraphMetadata.OUTPUTS), None)
    if output is not None:
        for file in output.tables(TensorMetadata.ASSOCIATED_FILES):
            if file.int8(AssociatedFile.TYPE) == FILE_TENSOR_AXIS_LABELS:
                label_file = label_file or file.text(AssociatedFile.NAME)
    return StandardMetadata(model.text(ModelMetadata.NAME), label_file, mean, std, grayscale)
