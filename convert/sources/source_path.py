"""What a path to a model is, at first sight, and its fingerprint; needs no TensorFlow."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Final

from convert.errors import UsageError
from convert.sources import archive

SAVED_MODEL: Final = "saved_model"
KERAS: Final = "keras"
H5: Final = "h5"

# One of the others, packed.
ARCHIVE: Final = "zip"

_GIVE: Final = "give the directory of a SavedModel, a .keras file or an .h5 file"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_ZIP: Final = b"PK"  # at the head: a .tflite has its labels in a zip at the end
_KERAS_FILES: Final = {"config.json", "metadata.json"}
_CHUNK: Final = 1 << 20


def check_path(path: Path) -> None:
    """What can be said of a source before TensorFlow is loaded. Raises UsageError."""
    format_of(path)


def format_of(path: Path) -> str:
    """SAVED_MODEL, KERAS, H5 or ARCHIVE, judged by content. Raises UsageError for anything else."""
    if not path.exists():
        raise UsageError(f"There is no {path}: {_GIVE}.")
    if path.is_dir():
        if _is_saved_model(path):
            return SAVED_MODEL
        raise UsageError(_other_directory(path))
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(_HDF5):
        return H5
    if head.startswith(_ZIP) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            if set(names) >= _KERAS_FILES:
                archive.check_size(path, packed)
                return KERAS
        if archive.holds_a_model(path):
            return ARCHIVE
        raise UsageError(_other_zip(path, names))
    raise UsageError(_other_file(path, head))


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of a directory, over the names and contents of all files in it.

    Of a packed model it is that of the unpacked one.
    """
    with archive.opened(path) as inside:
        return _fingerprint(inside.model)


def _fingerprint(path: Path) -> str:
    if path.is_file():
        return f"sha256:{_sha256(path)}"
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{_sha256(file)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _is_saved_model(path: Path) -> bool:
    return any((path / name).is_file() for name in archive.GRAPH_FILES)


def _other_directory(path: Path) -> str:
    inner = sorted(p for p in path.iterdir() if p.is_dir() and _is_saved_model(p))
    if inner:
        listed = ", ".join(str(p) for p in inner[:5])
        return f"{path} is not a SavedModel itself: give one of those in it ({listed})."
    if (path / "checkpoint").is_file() or any(path.glob("*.index")):
        return f"{path} is {_CHECKPOINT}."
    if (path / "model.json").is_file():
        return f"{path} is {_TENSORFLOW_JS}."
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in (*archive.KERAS_ENDINGS, ".pb"):
            return _directory_around(file)
    if all((path / name).is_file() for name in _KERAS_FILES):
        return f"{path} is an unpacked .keras file: give the .keras file itself."
    return (
        f"{path} is not a SavedModel (it has no saved_model.pb): give the directory that "
        "model.export() or tf.saved_model.save() wrote, or a .keras or .h5 file."
    )


def _directory_around(file: Path) -> str:
    if file.suffix.lower() == ".pb":
        return f"{file.parent} holds {file.name}, {_FROZEN}."
    return f"{file.parent} is not a SavedModel, but holds a Keras file: give {file}."


def _other_zip(path: Path, names: list[str]) -> str:
    if any(name.endswith("data.pkl") for name in names):
        return f"{path} is {_PYTORCH}."
    if any(name.endswith("model.json") for name in names):
        return f"{path} is {_TENSORFLOW_JS}."
    if any(name.endswith(".tflite") for name in names):
        return f"{path} has a .tflite in it, which is converted already: {_FROM_ORIGINAL}."
    if path.suffix == ".keras":
        return f"{path} lacks the config.json of a .keras file: save the model again."
    return f"{path} is a zip file, not a model: {_GIVE}."


def _other_file(path: Path, head: bytes) -> str:
    if not head:
        return f"{path} is empty: copy it again, or save the model again."
    if path.name in archive.GRAPH_FILES:
        return (
            f"{path} is a file; a SavedModel is a directory with {path.name} in it: "
            f"give {path.parent}."
        )
    if head[4:8] == b"TFL3":
        return (
            f"{path} is a .tflite model already: {_FROM_ORIGINAL}, or look at the file with "
            "`python -m convert inspect`."
        )
    if path.suffix == ".json" and _is_tensorflow_js(path):
        return f"{path} is {_TENSORFLOW_JS}."
    name = path.name.lower()
    for endings, sentence in _BY_NAME:
        if name.endswith(endings):
            return f"{path} is {sentence}."
    return (
        f"{path} is a file of another kind; a SavedModel is a directory with saved_model.pb in "
        f"it: {_GIVE}."
    )


def _is_tensorflow_js(path: Path) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "modelTopology" in document


_FROZEN: Final = (
    "a frozen TensorFlow 1 graph, which does not say what goes in and comes out: import it "
    "and write a SavedModel with tf.compat.v1.saved_model.simple_save()"
)
_FROM_ORIGINAL: Final = "give the model that it was converted from"
_CHECKPOINT: Final = (
    "a training checkpoint, which holds weights and no model: load it into the model that it "
    "was made with, and save that with model.save('model.keras')"
)
_PYTORCH: Final = (
    "a PyTorch model: export it to ONNX, make a SavedModel of that (onnx2tf does), and give "
    "its directory"
)
_TENSORFLOW_JS: Final = (
    "a TensorFlow.js model, whose weights may be cut short: give the SavedModel or Keras file "
    "that it was made from (Teachable Machine: Export Model, TensorFlow, Keras)"
)
# By the end of the name, in small letters, where the content alone does not tell.
_BY_NAME: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    ((".pb", ".pbtxt"), _FROZEN),
    ((".tar", ".tar.gz", ".tgz"), "an archive: unpack it and give the directory in it"),
    ((".onnx",), "an ONNX model: make a SavedModel of it (onnx2tf does), and give its directory"),
    ((".pt", ".pth"), _PYTORCH),
    ((".ckpt", ".index", ".meta", ".data-00000-of-00001"), _CHECKPOINT),
    (
        (".keras", ".h5", ".hdf5"),
        "damaged, or no Keras file: copy it again, or save the model again",
    ),
    ((".tflite", ".lite"), "damaged, or no .tflite file; and conversion starts from a SavedModel"),
    ((".pkl", ".pickle", ".joblib"), f"a Python pickle, which is no model format: {_GIVE}"),
)
