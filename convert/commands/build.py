"""python -m convert build: options in, sentences and an exit status out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from camera.command import spelled
from convert import arguments, converter_process
from convert.console import Console
from convert.device.targets import DEFAULT, TARGETS
from convert.errors import UsageError
from convert.options import AUTO, Options, Prefer
from convert.recipes import IO_DTYPES, RECIPES
from convert.validation import Gate
from convert.workshop import Workshop
from edge_server.inference import labels
from edge_server.inference.normalization import PRESETS
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit

if TYPE_CHECKING:
    from convert.build import Built

EXIT_GATE_FAILED: Final = 3


def add(commands: Any) -> None:
    """Add the command to an argparse subparsers object."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "build",
        epilog=spelled(
            "For example: python -m convert build my_model --output out --preprocessing tf "
            "--calibration photos/some --validation photos/others --labels labels.txt"
        ),
        help="convert, validate against the original, write model.tflite and a report",
        description="Convert a SavedModel and compare the result with the original. Exit status: "
        "0 passed, 3 the comparison failed, 2 wrong usage, 130 interrupted, 1 anything else.",
    )
    parser.set_defaults(run=run)
    arguments.add_source(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write")
    arguments.add_validation(parser)
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="PHOTOS",
        help="a hundred or so photos like those the camera will see (int8, int16x8 and auto need "
        "them)",
    )
    arguments.add_preprocessing(parser)
    _add_recipe(parser)
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


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe",
        choices=(*RECIPES, AUTO),
        default="int8",
        help="; ".join(f"{r.name}: {r.meaning}" for r in RECIPES.values())
        + f"; {AUTO}: the fastest of them, as measured here, inside --max-drop and "
        "--min-agreement, with some layers in float where int8 alone is outside (default: int8). "
        "Which is fastest hangs on the model and the processor: see the times in the report",
    )
    parser.add_argument(
        "--prefer",
        choices=[prefer.value for prefer in Prefer],
        default=Prefer.FASTEST.value,
        help=f"what --recipe {AUTO} is after (default: %(default)s)",
    )
    parser.add_argument(
        "--io",
        choices=IO_DTYPES,
        help="dtype of input and output (default: uint8 for int8, else float32)",
    )
    parser.add_argument(
        "--stock-int8",
        action="store_true",
        help="leave weights and biases as the converter makes them (usually worse)",
    )
    parser.add_argument(
        "--target",
        choices=tuple(TARGETS),
        default=DEFAULT.name,
        help="what the file must run on; "
        + "; ".join(f"{t.name}: {t.meaning}" for t in TARGETS.values())
        + " (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-select-tf",
        type=_names,
        default=frozenset(),
        metavar="NAMES",
        help="TensorFlow operators that may stay in the file, for a runtime that has them: Erf,...",
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Build; returns the exit status 0 (passed) or 3. Raises EdgeError."""
    from convert.sources.source_path import check_path

    options = _options(chosen)
    # What is wrong at first sight is said before TensorFlow takes its seconds to load.
    check_path(options.saved_model)
    for named in (options.validation, options.calibration, options.labels):
        if named is not None and not named.exists():
            raise UsageError(f"There is no {named}: check the path.")
    if options.labels is not None:
        console.say(f"  {labels.read(options.labels)}")
    options.check_recipe()
    with Workshop(options.output):
        pass  # whether it can be written
    with console.quiet(enabled=not chosen.verbose):
        with console.step("load TensorFlow"):
            # The converter's process loads it too, meanwhile.
            converter_process.start()
            from convert import build
        built = build.build(options, console)
    _summarize(built, console)
    return 0 if built.validation.passed else EXIT_GATE_FAILED


def _summarize(built: Built, console: Console) -> None:
    judged = built.validation
    low, high = judged.interval
    console.say()
    if built.why:
        console.say(f"chosen: {built.why}")
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
    for warning in built.warnings:
        console.say(f"  warning: {warning}")
    for failure in judged.failures:
        console.say(f"  failed: {failure}")
    console.say(f"  {built.file} ({built.file.stat().st_size / 1e6:.2f} MB)")
    console.say(f"  {built.page} shows it, {built.report} is the same for machines")
    peak = converter_process.peak_megabytes()
    memory = f" and at most {peak / 1e3:.1f} GB of memory" if peak else ""
    console.say(f"  took {sum(seconds for _, seconds in console.steps):.0f} s{memory}")
    if not judged.passed:
        console.say(f"  {_advice(built)}")


def _advice(built: Built) -> str:
    if built.searched:
        return "No recipe is inside the budget: raise --max-drop or lower --min-agreement."
    if built.output_step:
        return "The warning about the output's steps says what helps."
    if built.recipe == "float32":
        return (
            "No recipe comes nearer to the original than float32: accept the loss with "
            "--min-agreement and --max-drop."
        )
    if built.recipe != "int8":
        return "Try --recipe auto, or accept the loss with --min-agreement and --max-drop."
    return (
        "Calibrate with photos like those the camera will see, try --recipe auto, "
        "or accept the loss with --min-agreement and --max-drop."
    )


def _options(chosen: argparse.Namespace) -> Options:
    preprocessing = arguments.normalization(chosen)
    if preprocessing is None:
        raise UsageError(
            f"Say how the model was fed in training: --preprocessing ({', '.join(PRESETS)}), or "
            "--mean and --std; `python -m convert doctor` finds out which."
        )
    return Options(
        saved_model=chosen.saved_model,
        output=chosen.output,
        recipe=chosen.recipe,
        validation=chosen.validation,
        preprocessing=preprocessing,
        calibration=chosen.calibration,
        labels=chosen.labels,
        name=chosen.name,
        signature=chosen.signature,
        input_size=chosen.input_size,
        fit=Fit(chosen.fit),
        filter=Filter(chosen.filter),
        calibration_limit=chosen.calibration_limit,
        gate=Gate(chosen.min_agreement, chosen.max_drop),
        color_order=ColorOrder(chosen.color_order) if chosen.color_order else None,
        io=chosen.io,
        target=TARGETS[chosen.target],
        allow_select_tf=chosen.allow_select_tf,
        prefer=Prefer(chosen.prefer),
        stock_int8=chosen.stock_int8,
    )
