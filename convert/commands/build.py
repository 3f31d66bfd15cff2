"""python -m convert build: options in, sentences and an exit status out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from convert import arguments
from convert.console import Console
from convert.errors import UsageError
from convert.options import Options
from convert.recipes import RECIPES
from convert.validation import Gate
from convert.workshop import Workshop
from edge_server.inference.preprocessing import Filter, Fit

if TYPE_CHECKING:
    from convert.build import Built

EXIT_GATE_FAILED: Final = 3


def add(commands: Any) -> None:
    """Add the command to an argparse subparsers object."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "build",
        help="convert, validate against the original, write model.tflite and report.json",
        description="Convert a SavedModel and compare the result with the original. Exit status: "
        "0 passed, 3 the comparison failed, 2 wrong usage, 1 anything else.",
    )
    parser.set_defaults(run=run)
    arguments.add_source(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write")
    arguments.add_validation(parser)
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="PHOTOS",
        help="a hundred or so photos like those the camera will see (int8 needs them)",
    )
    arguments.add_preprocessing(parser, required=True)
    parser.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="int8",
        help="; ".join(f"{r.name}: {r.meaning}" for r in RECIPES.values()) + " (default: int8)",
    )
    parser.add_argument("--name", help="what the model is called (default: its directory's name)")
    parser.add_argument(
        "--calibration-limit",
        type=arguments.positive,
        default=500,
        metavar="N",
        help="most photos to calibrate with, chosen evenly (default: %(default)s)",
    )
    arguments.add_gate(parser)
    arguments.add_verbose(parser)


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Build; returns the exit status 0 (passed) or 3. Raises EdgeError."""
    from convert.saved_model import check_path

    options = _options(chosen)
    # What is wrong at first sight is said before TensorFlow takes its seconds to load.
    check_path(options.saved_model)
    for named in (options.validation, options.calibration, options.labels):
        if named is not None and not named.exists():
            raise UsageError(f"There is no {named}: check the path.")
    with Workshop(options.output):
        pass  # whether it can be written
    with console.quiet(enabled=not chosen.verbose):
        with console.step("load TensorFlow"):
            from convert import build
        built = build.build(options, console)
    _summarize(built, console)
    return 0 if built.validation.passed else EXIT_GATE_FAILED


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
