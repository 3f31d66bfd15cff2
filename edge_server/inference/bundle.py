"""A .tflite file with all that serving needs: labels, preprocessing, output, golden samples.

Our own files say everything in edge.json. For others the standard metadata is read, and what is
missing has to be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import labels as label_files
from edge_server.inference import manifest as manifests
from edge_server.inference import normalization, tflite_file, tflite_metadata
from edge_server.inference import preprocessing as preprocessings
from edge_server.inference.labels import LabelFile
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import ColorOrder, Preprocessing
from edge_server.inference.tflite_file import TfliteFile


@dataclass(frozen=True)
class Bundle:
    """What is known of a model before an interpreter has seen it.

    `label_file` is None where the file carries no labels and none were given: classes are then
    called by their number. `manifest` is None for a file that this product did not make.
    """

    name: str
    file: TfliteFile
    label_file: LabelFile | None
    output: Output
    manifest: Manifest | None
    standard: tflite_metadata.StandardMetadata | None
    preset: str | Normalization | None = None
    color_order: ColorOrder | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the file carries, or that were given; empty where there are none."""
        return self.label_file.names if self.label_file is not None else ()

    def preprocessing(self, width: int, height: int, channels: int) -> Preprocessing:
        """The specification for an input of this shape.

        The option goes first, then edge.json, then the standard metadata. Raises SettingError
        where none of them says it, ModelFileError where edge.json contradicts the graph.
        """
        if self.preset is not None:
            return preprocessings.from_preset(
                self.preset,
                width=width,
                height=height,
                channels=channels,
                color_order=self.color_order,
            )
        if self.manifest is not None:
            spec = self.manifest.preprocessing
            if (spec.width, spec.height, spec.channels) != (width, height, channels):
                raise ModelFileError(
                    f"{self.name}: edge.json says {spec.width}x{spec.height}x{spec.channels}, "
                    f"the graph {width}x{height}x{channels}: convert the model again."
                )
            return spec
        if self.standard is not None and self.standard.mean and self.standard.std:
            color = ColorOrder.GRAYSCALE if channels == 1 else ColorOrder.RGB
            return Preprocessing(
                width, height, color, mean=self.standard.mean, std=self.standard.std
            )
        raise SettingError(
            f"{self.name} does not say how its input was normalized: give --preprocessing "
            f"({', '.join(normalization.PRESETS)}), or --mean and --std."
        )


def read(
    path: Path,
    *,
    labels: Path | None = None,
    preset: str | Normalization | None = None,
    color_order: str | None = None,
) -> Bundle:
    """Read a model file. `labels`, and `preset` with `color_order`, replace what it carries;
    instead of a preset there may be numbers of one's own.

    Raises ModelFileError and SettingError.
    """
    if color_order is not None and preset is None:
        raise SettingError(
            "--color-order says how to read --preprocessing, or --mean and --std: give both, or "
            "neither where the model file says it."
        )
    file = tflite_file.read(path)
    manifest = None
    if manifests.FILE_NAME in file.attached:
        manifest = manifests.from_bytes(file.attached[manifests.FILE_NAME], str(path))
    standard = None
    if tflite_file.METADATA_ENTRY in file.metadata:
        standard = tflite_metadata.read(file.metadata[tflite_file.METADATA_ENTRY])
    if standard is not None and standard.label_file and standard.label_file not in file.attached:
        # The attached files stand last, so a copy that was cut off lacks them and nothing else.
        raise ModelFileError(
            f"{path} lacks the file {standard.label_file} that it says it carries: "
            "copy it again or convert it again."
        )
    return Bundle(
        name=manifest.name if manifest else path.stem,
        file=file,
        label_file=_attached_labels(path, file, manifest, standard)
        if labels is None
        else label_files.read(labels),
        output=manifest.output if manifest else Output.PROBABILITIES,
        manifest=manifest,
        standard=standard,
        preset=preset,
        color_order=None if color_order is None else ColorOrder(color_order),
    )


def _attached_labels(
    path: Path,
    file: TfliteFile,
    manifest: Manifest | None,
    standard: tflite_metadata.StandardMetadata | None,
) -> LabelFile | None:
    name = manifests.LABELS_NAME
    if manifest is None and standard is not None and standard.label_file:
        name = standard.label_file
    if name not in file.attached:
        return None
    content, origin = file.attached[name], f"{name} in {path}"
    if manifest is not None:
        return label_files.of_own_file(content, origin)
    try:
        return label_files.from_bytes(content, origin)
    except SettingError as error:
        raise SettingError(f"{error} Give a mended copy as --labels.") from error
