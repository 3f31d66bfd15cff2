"""A .tflite from anyone, made ready to be compared: what it takes, and a copy that says so itself.

The device's code reads preprocessing and labels from the file it runs. A file from elsewhere gets
them appended in a copy; its graph stays as it is, byte for byte. Loads no TensorFlow.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from convert.errors import UsageError
from convert.inspecting import inspection, inspection_graph, inspection_tflite
from convert.sources import layout
from convert.sources.layout import Order
from edge_server.errors import SettingError
from edge_server.inference import bundle
from edge_server.inference import labels as label_files
from edge_server.inference import manifest as manifests
from edge_server.inference.bundle import Bundle
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import Filter, Fit, Preprocessing

EDGE_JSON: Final = "edge.json"
METADATA: Final = "TFLite Metadata"
OPTIONS: Final = "options"


@dataclass(frozen=True)
class Given:
    """What the options say of a file that does not say it itself. `fit` and `filter` are None
    where they were not given."""

    labels: Path | None = None
    preprocessing: str | Normalization | None = None
    fit: Fit | None = None
    filter: Filter | None = None
    color_order: str | None = None


@dataclass(frozen=True)
class CandidateFile:
    """`labels` is empty where none are known. `origin` says where the preprocessing is from;
    `numbers` are those that it puts out, one for each class or one for two."""

    path: Path
    bundle: Bundle
    spec: Preprocessing
    origin: str
    labels: tuple[str, ...]
    classes: int
    numbers: int
    changed: bool

    @property
    def fingerprint(self) -> str | None:
        """Of the model that it was converted from, as it says itself."""
        manifest = self.bundle.manifest
        found = manifest.source.get("fingerprint") if manifest else None
        return found if isinstance(found, str) else None

    @property
    def original_spec(self) -> Preprocessing:
        """What the original was given: the file's own, unless its graph does a part of it."""
        manifest = self.bundle.manifest
        if manifest is None or self.origin != EDGE_JSON or "preprocessing" not in manifest.source:
            return self.spec
        try:
            return Preprocessing.from_json(manifest.source["preprocessing"])
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{self.bundle.name} does not say what its original was given: "
                "give --preprocessing, or convert the model again."
            ) from error

    def runnable(self, folder: Path) -> Path:
        """The file itself, or in `folder` a copy that carries what the options say."""
        if not self.changed:
            return self.path
        copy = folder / self.path.name
        copy.write_bytes(self._with_manifest())
        return copy

    def _with_manifest(self) -> bytes:
        manifest = self.bundle.manifest
        if manifest is None:
            # What it puts out is not known: as probabilities the numbers come back as they are.
            manifest = Manifest(self.bundle.name, self.spec, Output.PROBABILITIES, "unknown")
        if manifest.preprocessing != self.spec:
            # Golden answers belong to the preprocessing that they were made with.
            manifest = replace(manifest, preprocessing=self.spec, golden=())
        stream = io.BytesIO(self.bundle.file.data)
        stream.seek(0, io.SEEK_END)
        with warnings.catch_warnings(), zipfile.ZipFile(stream, "a") as archive:
            # A file of ours has these already: readers take the last.
            warnings.simplefilter("ignore", UserWarning)
            archive.writestr(manifests.FILE_NAME, manifest.to_bytes())
            if self.labels:
                archive.writestr(manifests.LABELS_NAME, "\n".join(self.labels) + "\n")
        return stream.getvalue()


def read(path: Path, given: Given) -> CandidateFile:
    """Read a .tflite and settle its preprocessing and labels.

    Raises UsageError, SettingError or ModelFileError where it is no image classifier, or neither
    the file nor the options say what has to be known.
    """
    known = bundle.read(
        path,
        labels=given.labels,
        preset=given.preprocessing,
        color_order=given.color_order,
    )
    graph = inspection_graph.read(known.file.data, str(path))
    try:
        height, width, channels = inspection_tflite.image_shape(graph)
    except SettingError as error:
        raise UsageError(f"{path} is no image classifier: {error}.") from error
    spec, origin = _preprocessing(path, known, given, width, height, channels)
    numbers = graph.main.outputs[0].elements
    classes = max(2, numbers)
    names: tuple[str, ...] = ()
    if known.label_file is not None:
        names = label_files.fitting(known.label_file, str(path), classes)
    return CandidateFile(
        path=path,
        bundle=known,
        spec=spec,
        origin=origin,
        labels=names,
        classes=classes,
        numbers=numbers,
        changed=origin != EDGE_JSON or given.labels is not None,
    )


def _preprocessing(
    path: Path, known: Bundle, given: Given, width: int, height: int, channels: int
) -> tuple[Preprocessing, str]:
    """What the options say, else the file; and which of them."""
    spec = known.preprocessing(width, height, channels)
    if given.preprocessing is not None or known.manifest is None:
        # Presets and the standard metadata have no words for fit and filter.
        spec = replace(
            spec,
            fit=given.fit or Preprocessing.fit,
            filter=given.filter or Preprocessing.filter,
        )
        return spec, METADATA if given.preprocessing is None else OPTIONS
    if given.fit or given.filter:
        raise UsageError(
            f"{path} says itself how pictures are fitted and resized: drop --fit and --filter, or "
            "give --preprocessing too, to replace all of it."
        )
    return spec, EDGE_JSON


def check_pair(
    candidate: CandidateFile, original: Path, signature: str | None
) -> tuple[int, int] | None:
    """See at first sight whether the file can be a conversion of the original.

    Returns the (height, width) to give an original that takes any size, else None. Raises
    UsageError where shapes or classes do not fit. What can't be told yet is left to loading.
    """
    document = inspection.inspect(original)
    if document["kind"] == "tflite":
        raise UsageError(f"{original} is a .tflite itself: give the model it was converted from.")
    chosen = [s for s in document["signatures"] if signature in (None, s["name"])]
    if len(chosen) != 1:
        return None
    size = (candidate.spec.height, candidate.spec.width)
    shapes = [tensor["shape"] for tensor in chosen[0]["inputs"]]
    images = [layout.of(tuple(shape[1:]), size) for shape in shapes if shape is not None]
    image = next((found for found in images if found is not None), None)
    if image is None:
        return None
    output = next((s for s in (_shape(t, 2) for t in chosen[0]["outputs"]) if s), None)
    picture = (image.height, image.width, image.channels)
    check_fit(candidate, original, picture, _classes(output))
    free = None in picture or image.order is Order.FLAT
    return size if free else None


def _classes(output: list[int | None] | None) -> int | None:
    """Of an output of that shape; a single number is about two classes."""
    numbers = output[1] if output else None
    return numbers and max(2, numbers)


def _shape(tensor: dict[str, Any], rank: int) -> list[int | None] | None:
    shape: list[int | None] | None = tensor["shape"]
    return shape if shape is not None and len(shape) == rank else None


def check_fit(
    candidate: CandidateFile,
    original: Path,
    picture: tuple[int | None, int | None, int | None],
    classes: int | None,
) -> None:
    """Compare (height, width, channels) and classes of both; None is not known or free.

    Raises UsageError where they differ.
    """
    spec = candidate.spec
    own = (spec.height, spec.width, spec.channels)
    if any(other not in (None, one) for one, other in zip(own, picture, strict=True)):
        theirs = "x".join("any" if size is None else str(size) for size in picture)
        raise UsageError(
            f"{candidate.path} takes pictures of {'x'.join(map(str, own))} (height, width, "
            f"channels) but {original} takes {theirs}: give the model that it was converted from."
        )
    if classes not in (None, candidate.classes):
        raise UsageError(
            f"{candidate.path} puts out {candidate.classes} classes but {original} {classes}: "
            "give the model that it was converted from."
        )
