"""Arguments that several commands share, and what their values mean."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from camera.command import spelled
from convert.validation import Gate
from edge_server.inference import normalization as normalizations
from edge_server.inference.normalization import PRESETS, Normalization
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit


def add_source(parser: argparse.ArgumentParser) -> None:
    """The original model, and which part of it."""
    parser.add_argument(
        "saved_model",
        type=Path,
        metavar="SAVED_MODEL",
        help="a SavedModel, .keras or .h5, or a zip of one",
    )
    parser.add_argument("--signature", metavar="NAME", help="which signature, if it has several")
    parser.add_argument(
        "--input-size", type=size, metavar="WIDTHxHEIGHT", help="for a model of free size"
    )


def add_validation(parser: argparse.ArgumentParser, *, labelled: bool = False) -> None:
    """The photos to compare on, and the labels that their folders are named by."""
    flat = "" if labelled else ", or a flat folder (agreement only)"
    parser.add_argument(
        "--validation",
        type=Path,
        required=True,
        metavar="PHOTOS",
        help=f"photos to compare on: a CSV (file,label_index), a folder for each class{flat}",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="one label a line, in the order of the model's classes, or a label map in JSON, YAML, "
        "CSV or pbtxt (default: the names of the class folders in their order, else numbers)",
    )


def add_preprocessing(parser: argparse.ArgumentParser) -> None:
    """What is done to a picture before the model sees it."""
    parser.add_argument(
        "--preprocessing",
        choices=tuple(PRESETS),
        help="; ".join(f"{name}: {preset.meaning}" for name, preset in PRESETS.items())
        + spelled(" (`python -m convert doctor` finds out which)"),
    )
    parser.add_argument(
        "--mean",
        metavar="NUMBERS",
        help="instead of --preprocessing: what was taken from each pixel, 0..255, in training, one "
        "number or three with commas between, in the order of the model's channels",
    )
    parser.add_argument(
        "--std", metavar="NUMBERS", help="with --mean: what the rest was divided by"
    )
    parser.add_argument(
        "--color-order",
        choices=[ColorOrder.RGB.value, ColorOrder.BGR.value],
        help="order of the channels, where it is not the preset's own",
    )
    parser.add_argument(
        "--fit",
        choices=[fit.value for fit in Fit],
        default=Fit.CENTER_CROP.value,
        help="how a picture of another shape is fitted (default: %(default)s)",
    )
    parser.add_argument(
        "--filter",
        choices=[f.value for f in Filter],
        default=Filter.BILINEAR_ANTIALIAS.value,
        help="how it is resized (default: %(default)s)",
    )


def normalization(chosen: argparse.Namespace) -> str | Normalization | None:
    """A preset's name or numbers, None where neither was given. Raises SettingError."""
    return normalizations.chosen(chosen.preprocessing, chosen.mean, chosen.std)


def add_gate(parser: argparse.ArgumentParser) -> None:
    """What a candidate must reach."""
    parser.add_argument(
        "--min-agreement",
        type=fraction,
        default=Gate.min_agreement,
        metavar="FRACTION",
        help="fraction of photos with the original's answer (default: %(default)s)",
    )
    parser.add_argument(
        "--max-drop",
        type=points,
        default=Gate.max_drop,
        metavar="POINTS",
        help="points of top-1 accuracy that may be lost (default: %(default)s)",
    )


def add_verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", action="store_true", help="show what TensorFlow prints")


def size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT -> (height, width)."""
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size: write it as 224x224")
    return int(match[2]), int(match[1])


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def fraction(text: str) -> float:
    return _number(text, 0.0, 1.0, "a fraction from 0 to 1, for example 0.95")


def points(text: str) -> float:
    return _number(text, 0.0, 100.0, "a number of points from 0 to 100, for example 1.0")


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1.0
    if not low <= value <= high:  # NaN is no number here either
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    return value
