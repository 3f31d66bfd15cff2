"""What is in a file: a .tflite, a SavedModel, a .keras or an .h5 file. Loads no TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from convert.errors import UsageError
from convert.sources import archive, source_path
from edge_server.inference.tflite_file import IDENTIFIER

# What is given by mistake, by its first bytes.
_OTHERS: Final = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a picture or a sound"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF document"),
)
_TAKES: Final = "a .tflite file, the directory of a SavedModel, a .keras or an .h5 file"


def inspect(path: Path, *, all_tensors: bool = False) -> dict[str, Any]:
    """The document of one file; its key "kind" says which: tflite, saved_model, keras or h5.

    `all_tensors` adds every tensor of a .tflite. Raises UsageError or ModelFileError, one sentence,
    where the file is another kind, damaged or absent.
    """
    head = _head(path)
    # Each reader brings libraries of its own.
    if head[4:8] == IDENTIFIER or path.suffix == ".tflite":
        from convert.inspecting import inspection_tflite  # noqa: PLC0415

        return inspection_tflite.document(path, all_tensors=all_tensors)
    with archive.opened(path) as inside:
        kind = source_path.format_of(inside.model)
        if kind == source_path.SAVED_MODEL:
            from convert.inspecting import inspection_saved_model  # noqa: PLC0415

            document = inspection_saved_model.document(inside.model)
        else:
            from convert.inspecting import inspection_keras  # noqa: PLC0415

            document = inspection_keras.document(inside.model, kind)
    return document | {"path": str(path)}


def _head(path: Path) -> bytes:
    """The first bytes of a file, none of a directory. Raises UsageError."""
    if path.is_dir():
        return b""
    if not path.exists():
        raise UsageError(f"There is no {path}: give {_TAKES}.")
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror}): give {_TAKES}.") from error
    for first, what in _OTHERS:
        if head.startswith(first):
            raise UsageError(f"{path} is {what}, no model: give {_TAKES}.")
    return head
