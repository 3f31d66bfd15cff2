"""python -m convert inspect: what is in a file, as text or JSON on standard output."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from camera.command import spelled
from convert.console import Console


def add(commands: Any) -> None:
    """Add the command to an argparse subparsers object."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "inspect",
        help="say what is in a .tflite, a SavedModel, a .keras or an .h5 file",
        description="Say what is in a file: tensors, operators, the oldest runtime, metadata, "
        "labels, validation and golden samples of a .tflite; signatures and a guess at the "
        "preprocessing of a SavedModel or Keras file. Runs no model and loads no TensorFlow. "
        "Exit status: 0 good, 2 the file is no model or is damaged.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a .tflite, a SavedModel's directory, .keras, .h5"
    )
    parser.add_argument("--json", action="store_true", help="the same as JSON, for machines")
    parser.add_argument("--tensors", action="store_true", help="every tensor of a .tflite too")


def run(chosen: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    """Print it; returns the exit status 0. Raises EdgeError."""
    from convert.inspecting import inspection, inspection_text
    from convert.inspecting.inspection_layout import publish

    document = inspection.inspect(chosen.file, all_tensors=chosen.tensors)
    if chosen.json:
        publish(json.dumps(document, indent=2, allow_nan=False))
    else:
        publish(spelled(inspection_text.render(document)))
    return 0
