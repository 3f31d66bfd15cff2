"""python -m convert doctor: which preprocessing does a model expect? A table and a verdict."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from convert import arguments
from convert.console import Console
from convert.errors import UsageError
from edge_server.inference import labels

if TYPE_CHECKING:
    from convert.preprocessing.doctor import Diagnosis
    from convert.preprocessing.doctor_text import Subject

EXIT_NOTHING_WORKS: Final = 3


def add(commands: Any) -> None:
    """Add the command to an argparse subparsers object."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="find the preprocessing that a model expects, by trying it on labelled photos",
        description="Try the usual conventions of preprocessing on the original model, and labels "
        "off by one. Prints a ranked table and the options to use with build. Exit status: "
        "0 there is an answer, 3 nothing works, 2 wrong usage, 1 anything else.",
    )
    parser.set_defaults(run=run)
    arguments.add_source(parser)
    arguments.add_validation(parser, labelled=True)
    parser.add_argument(
        "--limit",
        type=arguments.positive,
        default=500,
        metavar="N",
        help="most photos to try, chosen evenly (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    arguments.add_verbose(parser)


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Print the diagnosis; returns the exit status 0 or 3. Raises EdgeError."""
    from convert.sources.source_path import check_path

    check_path(chosen.saved_model)
    for named in (chosen.validation, chosen.labels):
        if named is not None and not named.exists():
            raise UsageError(f"There is no {named}: check the path.")
    if chosen.labels is not None:
        console.say(f"  {labels.read(chosen.labels)}")
    with console.quiet(enabled=not chosen.verbose):
        found, subject = _examine(chosen, console)
    from convert.preprocessing import doctor_text

    if chosen.json:
        print(json.dumps(doctor_text.document(found, subject), indent=2, ensure_ascii=False))
    else:
        print(doctor_text.text(found, subject), end="")
    return 0 if found.use is not None else EXIT_NOTHING_WORKS


def _examine(chosen: argparse.Namespace, console: Console) -> tuple[Diagnosis, Subject]:
    with console.step("load TensorFlow"):
        from convert.preprocessing import convention_race, doctor, doctor_inputs, own_numbers
        from convert.sources import source
    with console.step(f"read {chosen.saved_model}"):
        model = source.load(chosen.saved_model, chosen.signature, chosen.input_size)
    tests, subject = doctor_inputs.read(model, chosen.validation, chosen.labels)
    with console.step("look at the original on a few photos"):
        doctor_inputs.check(model, tests)
    used = min(len(tests.photos), chosen.limit)
    with console.step(f"try the conventions on {used} photos"):
        orders = doctor_inputs.orders(model, subject)
        race = convention_race.run(model, tests, chosen.limit, console, orders)
    if race.unreadable.reasons:
        console.say(f"  {race.unreadable.sentence()}")
    found = doctor.diagnose(race, model.classes)
    if found.renamed is None:
        best = next(t for t in race.trials if t.convention == found.rows[0].convention)
        classes = doctor.classes_of(race, found)
        with console.step("look for a mean and deviation of its own"):
            own = own_numbers.estimate(model, race.photos, classes, best, console)
        if own is not None:
            found = doctor.diagnose(race, model.classes, own)
    return found, subject
