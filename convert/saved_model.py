"""A SavedModel as a directory of files; needs no TensorFlow."""

from __future__ import annotations

import hashlib
from pathlib import Path

from convert.errors import UsageError


def check_path(path: Path) -> None:
    """What can be said before TensorFlow is loaded. Raises UsageError."""
    if not path.exists():
        raise UsageError(f"There is no {path}: give the directory of a SavedModel.")
    if not path.is_dir():
        raise UsageError(
            f"{path} is a file; a SavedModel is a directory with saved_model.pb in it: "
            "save the model with model.export() or tf.saved_model.save()."
        )
    if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise UsageError(
            f"{path} is not a SavedModel (it has no saved_model.pb): give the directory that "
            "model.export() or tf.saved_model.save() wrote."
        )


def fingerprint(path: Path) -> str:
    """SHA-256 over the names and contents of the files that make up the SavedModel."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(path).as_posix()}\0{content}\n".encode())
    return f"sha256:{digest.hexdigest()}"
