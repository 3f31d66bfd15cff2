"""python -m convert validate: options in, figures on standard output and an exit status out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from convert import arguments
from convert.console import Console
from convert.errors import UsageError
from convert.validation import Gate
from edge_server.inference import labels
from edge_server.inference.preprocessing import Filter, Fit

EXIT_GATE_FAILED: Final = 3


def add(commands: Any) -> None:
    """Add the command to an argparse subparsers object."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "validate",
        help="compare any .tflite with the model that it was converted from",
        description="Run the original and a .tflite, whoever made it, on the same photos and "
        "compare their answers. The file runs in the device's code on the device's runtime. "
        "Exit status: 0 passed, 3 the comparison failed, 2 wrong usage, 1 anything else.",
    )
    parser.set_defaults(run=run)
    arguments.add_source(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="the .tflite to compare with it")
    arguments.add_validation(parser)
    arguments.add_preprocessing(parser)
    arguments.add_gate(parser)
    parser.add_argument("--json", action="store_true", help="the result as JSON, for machines")
    arguments.add_verbose(parser)


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Compare; returns the exit status 0 (passed) or 3. Raises EdgeError."""
    from convert import comparison_text
    from convert.device import candidate_file
    from convert.device.candidate_file import Given
    from convert.inspecting.inspection_layout import publish

    # What is wrong at first sight is said before TensorFlow takes its seconds to load.
    for named in (chosen.saved_model, chosen.file, chosen.validation, chosen.labels):
        if named is not None and not named.exists():
            raise UsageError(f"There is no {named}: check the path.")
    if chosen.labels is not None:
        console.say(f"  {labels.read(chosen.labels)}")
    given = Given(
        labels=chosen.labels,
        preprocessing=arguments.normalization(chosen),
        fit=_unless_default(Fit(chosen.fit), Fit.CENTER_CROP),
        filter=_unless_default(Filter(chosen.filter), Filter.BILINEAR_ANTIALIAS),
        color_order=chosen.color_order,
    )
    file = candidate_file.read(chosen.file, given)
    size = candidate_file.check_pair(file, chosen.saved_model, chosen.signature)
    with console.quiet(enabled=not chosen.verbose):
        with console.step("load TensorFlow"):
            from convert import comparison
        pair = comparison.Pair(
            original=chosen.saved_model,
            candidate=file,
            validation=chosen.validation,
            signature=chosen.signature,
            input_size=chosen.input_size or size,
            gate=Gate(chosen.min_agreement, chosen.max_drop),
            labels_file=chosen.labels,
        )
        result = comparison.compare(pair, console)
    console.say()
    if chosen.json:
        publish(json.dumps(result.to_json(), indent=2))
    else:
        publish(comparison_text.render(result))
    return 0 if result.judged.passed else EXIT_GATE_FAILED


def _unless_default(value: Any, default: Any) -> Any:
    """None where the option was left at its default, so that a file's own word stands."""
    return None if value == default else value
