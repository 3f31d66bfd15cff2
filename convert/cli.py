"""The command line of conversion: options in, exit status and sentences out."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from convert.console import Console
from convert.errors import BuildError, UsageError
from convert.options import Options
from convert.recipes import RECIPES
from convert.validation import Gate
from convert.workshop import Workshop
from edge_server.errors import EdgeError
from edge_server.inference.preprocessing import PRESETS, Filter, Fit

if TYPE_CHECKING:
    from convert.build import Built

EXIT_GATE_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 passed, 3 gate failed, 2 wrong usage, 1 else."""
    chosen = _parser().parse_args(arguments)
    console = Console()
    try:
        with console.interruptible():
            return _build(chosen, console)
    except KeyboardInterrupt:
        return _interrupted(console)
    except EdgeError as error:
        if console.interrupted:
            return _interrupted(console)
        console.say(f"edge-convert: {error}")
        return error.exit_status


def _interrupted(console: Console) -> int:
    console.say("edge-convert: interrupted; nothing was left behind.")
    return EXIT_INTERRUPTED


def _build(chosen: argparse.Namespace, console: Console) -> int:
    options = _options(chosen)
    try:
        with console.quiet(enabled=not chosen.verbose):
            built = _run(options, console)
    except (EdgeError, KeyboardInterrupt):
        raise
    except PermissionError as error:
        raise BuildError(
            f"{error.filename} is not for this user: change its permissions or its owner."
        ) from error
    except Exception as error:
        said = console.last_words()
        raise BuildError(
            f"The conversion stopped at something unforeseen ({type(error).__name__}: {error}); "
            "run it again with --verbose and report what it prints."
            + (f"\nThe last that TensorFlow said:\n{said}" if said else "")
        ) from error
    _summarize(built, console)
    return 0 if built.validation.passed else EXIT_GATE_FAILED


def _run(options: Options, console: Console) -> Built:
    # What is wrong at first sight is said before TensorFlow takes its seconds to load.
    from convert.saved_model import check_path

    check_path(options.saved_model)
    for named in (options.validation, options.calibration, options.labels):
        if named is not None and not named.exists():
            raise UsageError(f"There is no {named}: check the path.")
    with Workshop(options.output):
        pass  # whether it can be written
    with console.step("load TensorFlow"):
        from convert import build

    return build.build(options, console)


def _summarize(built: Built, console: Console) -> None:
    judged = built.validation
    low, high = judged.interval
    console.say()
    console.say(
        f"{judged.verdict}: the same answer as the original on {judged.agreement:.1%} of "
        f"{judged.samples} photos (95 % interval {low:.1%} to {high:.1%})"
    )
    if judged.original.top1 is not None and judged.candidate.top1 is not None:
        console.say(
            f"  top-1 {judged.original.top1:.1%} -> {judged.candidate.top1:.1%}, "
            f"top-5 {judged.original.top5:.1%} -> {judged.candidate.top5:.1%}"
        )
    for unreadable in built.unreadable:
        if unreadable.reasons:
            console.say(f"  {unreadable.sentence()}")
    for failure in judged.failures:
        console.say(f"  failed: {failure}")
    console.say(f"  {built.file} ({built.file.stat().st_size / 1e6:.2f} MB), {built.report}")
    if not judged.passed:
        console.say(
            "  Calibrate with photos like those the camera will see, try --recipe float32, "
            "or accept the loss with --min-agreement and --max-drop."
        )


def _options(chosen: argparse.Namespace) -> Options:
    return Options(
        saved_model=chosen.saved_model,
        output=chosen.output,
        recipe=RECIPES[chosen.recipe],
        validation=chosen.validation,
        preprocessing=chosen.preprocessing,
        calibration=chosen.calibration,
        labels=chosen.labels,
        name=chosen.name,
        signature=chosen.signature,
        input_size=chosen.input_size,
        fit=Fit(chosen.fit),
        filter=Filter(chosen.filter),
        calibration_limit=chosen.calibration_limit,
        gate=Gate(chosen.min_agreement, chosen.max_drop),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-convert",
        description="Turn a TensorFlow SavedModel into a validated .tflite for the device.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser(
        "build",
        help="convert, validate against the original, write model.tflite and report.json",
        description="Convert a SavedModel and compare the result with the original. Exit status: "
        "0 passed, 3 the comparison failed, 2 wrong usage, 1 anything else.",
    )
    build.add_argument("saved_model", type=Path, metavar="SAVED_MODEL", help="its directory")
    build.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write")
    build.add_argument(
        "--validation",
        type=Path,
        required=True,
        metavar="LABELLED",
        help="photos to compare on: a CSV (file,label_index), a folder for each class, "
        "or a flat folder (agreement only)",
    )
    build.add_argument(
        "--calibration",
        type=Path,
        metavar="PHOTOS",
        help="a hundred or so photos like those the camera will see (int8 needs them)",
    )
    build.add_argument("--labels", type=Path, metavar="FILE", help="one label a line")
    build.add_argument(
        "--preprocessing",
        choices=tuple(PRESETS),
        required=True,
        help="; ".join(f"{name}: {preset.meaning}" for name, preset in PRESETS.items()),
    )
    build.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="int8",
        help="; ".join(f"{r.name}: {r.meaning}" for r in RECIPES.values()) + " (default: int8)",
    )
    build.add_argument(
        "--fit",
        choices=[fit.value for fit in Fit],
        default=Fit.CENTER_CROP.value,
        help="how a picture of another shape is fitted (default: %(default)s)",
    )
    build.add_argument(
        "--filter",
        choices=[f.value for f in Filter],
        default=Filter.BILINEAR_ANTIALIAS.value,
        help="how it is resized (default: %(default)s)",
    )
    build.add_argument("--name", help="what the model is called (default: its directory's name)")
    build.add_argument("--signature", metavar="NAME", help="which signature, if it has several")
    build.add_argument(
        "--input-size", type=_size, metavar="WIDTHxHEIGHT", help="for a model of free size"
    )
    build.add_argument(
        "--calibration-limit",
        type=_positive,
        default=500,
        metavar="N",
        help="most photos to calibrate with, chosen evenly (default: %(default)s)",
    )
    build.add_argument(
        "--min-agreement",
        type=_fraction,
        default=Gate.min_agreement,
        metavar="FRACTION",
        help="fraction of photos with the original's answer (default: %(default)s)",
    )
    build.add_argument(
        "--max-drop",
        type=_points,
        default=Gate.max_drop,
        metavar="POINTS",
        help="points of top-1 accuracy that may be lost (default: %(default)s)",
    )
    build.add_argument("--verbose", action="store_true", help="show what TensorFlow prints")
    return parser


def _size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT -> (height, width)."""
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size: write it as 224x224")
    return int(match[2]), int(match[1])


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def _fraction(text: str) -> float:
    return _number(text, 0.0, 1.0, "a fraction from 0 to 1, for example 0.95")


def _points(text: str) -> float:
    return _number(text, 0.0, 100.0, "a number of points from 0 to 100, for example 1.0")


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1.0
    if not low <= value <= high:  # NaN is no number here either
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    return value
