"""A .tflite file with all that serving needs: labels, preprocessing, output, golden samples.

Our own files say everything in edge.json. For others the standard metadata is read, and what is
missing has to be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import manifest as manifests
from edge_server.inference import normalization, tflite_file, tflite_metadata
from edge_server.inference import preprocessing as preprocessings
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import ColorOrder, Preprocessing
from edge_server.inference.tflite_file import TfliteFile


@dataclass(frozen=True)
class Bundle:
    """What is known of a model before an interpreter has seen it.

    `labels` is empty where the file carries none and none were given: classes are then called
    by their number. `manifest` is None for a file that this product did not make.
    """

    name: str
    file: TfliteFile
    labels: tuple[str, ...]
    output: Output
    manifest: Manifest | None
    standard: tflite_metadata.StandardMetadata | None
    preset: str | Normalization | None = None
    color_order: ColorOrder | None = None

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
    label_lines: tuple[str, ...] = ()
    if labels is not None:
        label_lines = read_labels(labels)
    else:
        name = manifests.LABELS_NAME
        if manifest is None and standard is not None and standard.label_file:
            name = standard.label_file
        if name in file.attached:
            label_lines = split_labels(file.attached[name].decode("utf-8", "replace"))
            if manifest is None:
                label_lines = without_numbers(label_lines)
    return Bundle(
        name=manifest.name if manifest else path.stem,
        file=file,
        labels=label_lines,
        output=manifest.output if manifest else Output.PROBABILITIES,
        manifest=manifest,
        standard=standard,
        preset=preset,
        color_order=None if color_order is None else ColorOrder(color_order),
    )


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a text file, one a line, in the order of the classes, without their numbers.

    Raises SettingError where it can't be read, is no text, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingError(
            f"The label file {path} can't be read ({error.strerror}): give a text file with one "
            "label a line."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingError(
            f"The label file {path} is not UTF-8 text: save it as UTF-8, one label a line."
        ) from error
    lines = without_numbers(split_labels(text))
    if not lines:
        raise SettingError(f"The label file {path} is empty: put one label on each line.")
    return lines


def split_labels(text: str) -> tuple[str, ...]:
    """Lines without the space around them. Empty lines at the end do not count; one inside does,
    or all labels after it would move up."""
    return tuple(line.strip() for line in text.rstrip().splitlines())


def without_numbers(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels without their index, where every line begins with its own, counted from 0.

    Teachable Machine and Coral write `0 name`. Anything else stays as it is: from 1, `1 euro` and
    `2 euro` could be names. So do labels that would be alike or empty without the number.
    """
    names = []
    for index, label in enumerate(labels):
        if not label:
            return labels
        number, *name = label.split(maxsplit=1)
        if number != str(index) or not name:
            return labels
        names.append(name[0])
    return tuple(names) if len(set(names)) == len(names) else labels
