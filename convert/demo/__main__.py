"""python -m convert.demo: train on real digits, export, convert, validate; each step timed."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from convert import converter_process
from convert.cli import EXIT_INTERRUPTED
from convert.console import Console
from convert.options import Options
from convert.validation import Gate
from edge_server.errors import EdgeError

# Held-out top-1 that the demo has to reach: below it something is broken, not unlucky.
MIN_TOP1: Final = 0.97


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 passed, 3 the gate failed, 1 anything else."""
    parser = argparse.ArgumentParser(prog="python -m convert.demo", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".demo"), help="where to work")
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="CHECKOUT",
        help="also put the model and the demo camera's digits into this checkout",
    )
    chosen = parser.parse_args(arguments)
    console = Console()
    try:
        with console.interruptible(), console.quiet():
            return _make(chosen.work, chosen.bundle, console)
    except KeyboardInterrupt:
        console.say("demo: interrupted; the next run begins the model anew.")
        return EXIT_INTERRUPTED
    except EdgeError as error:
        console.say(f"demo: {error}")
        return error.exit_status


def _make(work: Path, checkout: Path | None, console: Console) -> int:
    with console.step("load TensorFlow and scikit-learn"):
        converter_process.start()
        from convert import build
        from convert.demo import digits, train
    label_map = work / "label_map.json"
    with console.step("write photos of the digits by class, and a label map"):
        training, held_out = digits.split()
        digits.write_calibration(training, work / "calibration")
        digits.write_folders(held_out, work / "held_out")
        digits.write_label_map(label_map)

    def epochs(items: Iterable[int]) -> Iterator[Any]:
        return console.bar(list(items), train.EPOCHS, "training", unit="epoch")

    with console.step(f"train a small CNN on {len(training.tiles)} real digits"):
        network = train.train(training, epochs)
    with console.step("export it as a SavedModel"):
        shutil.rmtree(work / "saved_model", ignore_errors=True)
        train.export(network, work / "saved_model")
    built = build.build(
        Options(
            saved_model=work / "saved_model",
            output=work / "model",
            recipe="int8",
            validation=work / "held_out",
            preprocessing=train.PRESET,
            calibration=work / "calibration",
            labels=label_map,
            name="digits",
            gate=Gate(min_agreement=0.98, max_drop=1.0),
        ),
        console,
    )
    judged = built.validation
    top1 = judged.candidate.top1
    assert top1 is not None
    console.say(
        f"\n  {judged.verdict}: the int8 file names {top1:.1%} of {judged.samples} held-out digits "
        f"rightly (the original {judged.original.top1:.1%}) and agrees with the original on "
        f"{judged.agreement:.1%}"
    )
    if not judged.passed or top1 < MIN_TOP1:
        console.say(f"  The demo model has to reach {MIN_TOP1:.0%}: something is broken.")
        return 3
    if checkout is not None:
        with console.step("put the model and the demo camera's digits into the checkout"):
            models = checkout / "edge_server" / "models"
            models.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(built.file, models / "digits.tflite")
            shutil.copyfile(built.report, models / "digits.report.json")
            sources = checkout / "camera" / "sources"
            digits.write_sheet(held_out, sources / "demo_digits.png", sources / "demo_digits.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
