"""Graph + metadata, labels, manifest, golden samples -> one .tflite, the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Final

from convert.file import metadata_writer, tflite_schema
from convert.file.metadata_writer import Description
from edge_server.inference import manifest as manifests
from edge_server.inference.manifest import Manifest
from edge_server.inference.tflite_file import METADATA_ENTRY

# The first moment that a ZIP can name: no clock gets into the file.
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write(
    graph: bytes, manifest: Manifest, labels: Sequence[str], golden: dict[str, bytes]
) -> bytes:
    """The whole file. `golden` maps the names in the manifest to encoded images."""
    described = tflite_schema.describe(graph)
    metadata = metadata_writer.write(
        Description(
            name=manifest.name,
            text=f"Image classifier, {len(labels)} classes, {manifest.recipe}",
            preprocessing=manifest.preprocessing,
            input_dtype=described.inputs[0].dtype,
            output=manifest.output,
            label_file=manifests.LABELS_NAME,
            labels=tuple(labels),
            numbers=described.outputs[0].shape[-1],
        )
    )
    model = tflite_schema.with_metadata(graph, {METADATA_ENTRY: metadata})
    files = {
        manifests.LABELS_NAME: ("\n".join(labels) + "\n").encode(),
        manifests.FILE_NAME: manifest.to_bytes(),
        **golden,
    }
    return _append_zip(model, files)


def _append_zip(model: bytes, files: dict[str, bytes]) -> bytes:
    """The model with a ZIP behind it, stored without compression: readers map the files."""
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return stream.getvalue()
